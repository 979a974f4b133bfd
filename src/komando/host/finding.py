"""One thing that stands otherwise than it should, in words and as a diff."""

from __future__ import annotations

from collections.abc import Iterable

from .frozen import Frozen, replace
from .typed import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Literal

    Kind = Literal[
        "file",
        "link",
        "table",
        "guard",
        "tree",
        "steering",
        "route",
        "address",
        "setting",
        "offload",
        "unit",
        "program",
        "record",
        "bypass",
    ]
    """Where it was found. program: of the host program itself, which its controller compares.
    bypass: a person at the console has taken the policy out of the traffic's way."""

    Mend = Literal["repair", "apply", "role", "console"]
    """repair: `komando drift --repair` gives the host its generation once more. apply: `komando
    apply`. role: `komando prepare`, which lays it. console: a person has to look."""

DIFF_LIMIT = 64 * 2**10
"""Characters of diff in one answer."""

NUMBER_LIMIT = 200
"""Findings in one answer; whoever changed more by hand is not helped by a longer list."""

_CONTEXT = 2


class Finding(Frozen):
    """What was expected somewhere, and what was found.

    `diff` has a line each, led by `-` for what is lacking and `+` for what stands in its place. One
    that is no `drift` is told because it may explain something: nobody has to mend it.
    """

    kind: Kind
    where: str
    expected: str
    found: str
    diff: str = ""
    drift: bool = True
    mend: Mend = "repair"


def diff_of(expected: str, found: str) -> str:
    """A unified diff without its two lines of names."""
    from difflib import unified_diff  # slow to load, and there is seldom a diff

    lines = unified_diff(expected.splitlines(), found.splitlines(), lineterm="", n=_CONTEXT)
    return "\n".join(list(lines)[2:])


def pairs_diff(pairs: Iterable[tuple[str, str]]) -> str:
    """What lacks and what stands in its place, pair by pair; "" where there is neither."""
    lines = []
    for expected, found in pairs:
        lines += [f"-{expected}"] if expected else []
        lines += [f"+{found}"] if found else []
    return "\n".join(lines)


def bounded(findings: Iterable[Finding], limit: int = DIFF_LIMIT) -> list[Finding]:
    """The findings, their diffs cut where all of them together would be longer than `limit`."""
    kept: list[Finding] = []
    left = limit
    for finding in findings:
        if len(kept) == NUMBER_LIMIT:
            kept[-1] = replace(finding, found="there is more than can be told", diff="")
            break
        diff = shortened(finding.diff, left)
        left -= len(diff)
        kept.append(replace(finding, diff=diff))
    return kept


def shortened(text: str, limit: int) -> str:
    """Whole lines of `text` up to `limit` characters, and how many lines are left out."""
    if len(text) <= limit:
        return text
    lines = text[: max(limit, 0)].split("\n")[:-1]
    return "\n".join([*lines, f"({text.count(chr(10)) + 1 - len(lines)} lines more)"])
