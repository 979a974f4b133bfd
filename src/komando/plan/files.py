"""The files that differ, as unified diffs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher, unified_diff

from komando import generation
from komando.bundle import Bundle
from komando.plan.model import Action, FileChange

SPELT_OUT = frozenset({generation.INTENT, generation.CALENDAR})
"""Files whose meaning the plan tells in words: their diffs run to hundreds of lines."""


MOST_COMPARED = 6_000
"""Lines of a file that are put beside each other: it takes the square of their number. Of a
longer one the lines that it gains and loses are counted, wherever they stand."""


def compare_files(before: Bundle | None, after: Bundle) -> Iterator[FileChange]:
    """Each file that is added, removed or changed, by path. All are added where none ran."""
    old = {} if before is None else before.files
    for path in sorted(old.keys() | after.files.keys()):
        was, now = old.get(path), after.files.get(path)
        if was == now:
            continue
        lines = _lines(was), _lines(now)
        added, removed = _counts(*lines)
        action: Action = "add" if was is None else "remove" if now is None else "change"
        diff = "" if path in SPELT_OUT or before is None else "".join(_diff(path, *lines))
        yield FileChange(path, action, added, removed, diff)


def _lines(content: bytes | None) -> list[str]:
    return [] if content is None else content.decode(errors="replace").splitlines(keepends=True)


def _diff(path: str, was: list[str], now: list[str]) -> Iterator[str]:
    names = (f"a/{path}" if was else "/dev/null", f"b/{path}" if now else "/dev/null")
    for line in unified_diff(was, now, *names, n=1):
        yield line if line.endswith("\n") else line + "\n"


def _counts(was: list[str], now: list[str]) -> tuple[int, int]:
    if not was or not now:
        return len(now), len(was)
    if max(len(was), len(now)) > MOST_COMPARED:
        old, new = Counter(was), Counter(now)
        return (new - old).total(), (old - new).total()
    added = removed = 0
    for kind, a, b, c, d in SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        if kind != "equal":
            removed += b - a
            added += d - c
    return added, removed
