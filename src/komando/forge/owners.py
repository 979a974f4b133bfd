"""CODEOWNERS: whose approval a path needs, in GitHub's syntax, and people of `people.yaml` alone.

A line has a pattern and then owners, with spaces between; of the lines that fit a path the last one
counts, and one without owners says that nobody is needed. Patterns are those of gitignore without
`!` and `[ ]` (docs.github.com, "About code owners"). The forge passes over a line that it does not
understand; here that is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from komando.diagnostics import Diagnostic, Location, errors_in, visible
from komando.documents.near import nearest
from komando.documents.plaintext import not_utf8, text_of
from komando.policy import PEOPLE, People, find

if TYPE_CHECKING:
    from pathspec.patterns.gitignore.basic import GitIgnoreBasicPattern

OWNERS_FILES: Final = (
    "policies/OWNERS",
    ".github/CODEOWNERS",
    "CODEOWNERS",
    "docs/CODEOWNERS",
)
"""Where owners may stand, by paths in the repository; the first that there is counts alone."""

_WORD: Final = re.compile(r"(?:\\.|[^\s\\]|\\$)+")
"""A pattern or an owner; a space behind a backslash is a part of it."""


@dataclass(frozen=True)
class Rule:
    """One line: its pattern, who owns what fits it (logins as in `people.yaml`), and its number."""

    pattern: str
    owners: tuple[str, ...]
    line: int
    _matcher: GitIgnoreBasicPattern = field(repr=False, compare=False)

    def fits(self, path: str) -> bool:
        """Whether it is about a path of the repository, as git writes it."""
        return self._matcher.match_file(path) is not None


@dataclass(frozen=True)
class Owners:
    """The rules of one file, in its order; where there is none, `file` is "", and nobody owns."""

    file: str = ""
    rules: tuple[Rule, ...] = ()

    def of(self, path: str) -> tuple[str, ...]:
        """The people of whom one has to approve a change of a path; none: anybody may."""
        fitting = (rule.owners for rule in reversed(self.rules) if rule.fits(path))
        return next(fitting, ())


def first_owners(read: Callable[[str], bytes | None]) -> tuple[str, bytes] | None:
    """The file that counts, and its bytes; None where there is none.

    `read` gives the bytes of a path of the repository, None where nothing stands there.
    """
    for path in OWNERS_FILES:
        if (raw := read(path)) is not None:
            return path, raw
    return None


def read_owners(raw: bytes, path: str, people: People) -> tuple[Owners, list[Diagnostic]]:
    """The owners of a file's bytes, and what is wrong with it; `path` is its name in that.

    With an error there are no rules, and no change may be judged by them. Never raises for what
    the bytes are.
    """
    try:
        text = text_of(raw)
    except UnicodeDecodeError as error:
        return Owners(path), [not_utf8(path, raw, error)]
    rules: list[Rule] = []
    diagnostics: list[Diagnostic] = []
    for number, line in enumerate(text.split("\n"), 1):
        words = list(_words(line))
        if not words:
            continue
        at, pattern = words[0]
        matcher = _matcher(pattern)
        if matcher is None:
            diagnostics.append(_no_pattern(pattern, Location(path, number, at)))
        owners = []
        for column, word in words[1:]:
            place = Location(path, number, column)
            owner = _owner(word, place, people)
            if isinstance(owner, Diagnostic):
                diagnostics.append(owner)
            else:
                owners.append(owner)
        if matcher is not None:
            rules.append(Rule(pattern, tuple(owners), number, matcher))
    return Owners(path, () if errors_in(diagnostics) else tuple(rules)), diagnostics


def _words(line: str) -> Iterator[tuple[int, str]]:
    """The words of a line with their columns, up to a comment."""
    for found in _WORD.finditer(line):
        if found[0].startswith("#"):
            return
        yield found.start() + 1, found[0]


def _matcher(pattern: str) -> GitIgnoreBasicPattern | None:
    """What looks whether a path fits; None for a pattern that the forge does not take."""
    from pathspec.patterns.gitignore import GitIgnorePatternError
    from pathspec.patterns.gitignore.basic import GitIgnoreBasicPattern

    if pattern.startswith(("!", "\\#")) or re.search(r"[][]", pattern) or not pattern.strip("/"):
        return None
    try:
        return GitIgnoreBasicPattern(pattern)
    except GitIgnorePatternError:
        return None


def _owner(word: str, at: Location, people: People) -> str | Diagnostic:
    """Whose login it is, as `people.yaml` has it; or why it is nobody's."""
    if not word.startswith("@") or "/" in word:
        return _no_login(word, at)
    person = find(people, word[1:])
    if person is None:
        near = nearest(word[1:], people)
        return Diagnostic(
            "owner-unknown",
            "error",
            "an owner whom nobody knows",
            found=visible(word),
            expected=f"the login of somebody in {PEOPLE}",
            remedy=f"did you mean `@{near}`?" if near else f"enter them in {PEOPLE} first",
            location=at,
        )
    if person.role != "approver":
        return Diagnostic(
            "owner-requester",
            "error",
            "an owner whose approval does not count",
            found=f"{word}, a {person.role}",
            expected=f"an approver of {PEOPLE}",
            remedy="name an approver, or remove them: whoever only wants to know need not own it",
            location=at,
        )
    return person.login


def _no_login(word: str, at: Location) -> Diagnostic:
    if word.startswith("@"):
        message = "a team as owner"
        remedy = "name each person by their login: only the forge knows who is in a team"
    elif "@" in word:
        message = "a mail address as owner"
        remedy = "name the person by their login"
    else:
        message = "an owner without `@`"
        remedy = "put `@` before the login; a space in a path is written `\\ `"
    return Diagnostic(
        "owner-form",
        "error",
        message,
        found=visible(word),
        expected=f"`@` and a login of {PEOPLE}",
        remedy=remedy,
        location=at,
    )


def _no_pattern(pattern: str, at: Location) -> Diagnostic:
    if pattern.startswith("!"):
        remedy = (
            "put what is after the `!` on a line without owners, below those that it is excepted "
            "from: of the lines that fit, the last one counts"
        )
    elif pattern.strip("/"):
        remedy = "write each path out, or use `*`"
    else:
        remedy = "write `*` for all files"
    return Diagnostic(
        "owners-pattern",
        "error",
        "a pattern that the forge does not take",
        found=visible(pattern),
        expected="a path, or a pattern of `*`, `?` and `**`",
        remedy=remedy,
        location=at,
    )
