"""What is wrong, where, and how to mend it: one form for every check of the product."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

Severity = Literal["error", "warning"]

MOST_SHOWN = 160
"""Characters of a source line that are shown around the fault."""


class Location(NamedTuple):
    """A place in a file: line and column count from 1, the column in characters."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Related:
    """A second place that has to do with a diagnostic."""

    message: str
    location: Location


@dataclass(frozen=True)
class Diagnostic:
    """One finding of one check.

    `id` is stable and names the page `docs/checks/<id>.md`. `found` and `expected` are phrases
    without a full stop; `remedy` says what to do. `whole` says that a file as such is meant (its
    name, its size): it then stands at 1:1, and no source line is shown.
    """

    id: str
    severity: Severity
    message: str
    found: str
    expected: str
    remedy: str
    location: Location
    related: tuple[Related, ...] = ()
    whole: bool = False

    @property
    def page(self) -> str:
        """The path of the page that explains this check, from the root of the repository."""
        return f"docs/checks/{self.id}.md"


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """By file, line, column and check, each finding once."""
    unique = dict.fromkeys(diagnostics)
    return sorted(unique, key=lambda one: (one.location, one.id, one.message))


def errors_in(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any of them is an error: warnings alone let work go on."""
    return any(one.severity == "error" for one in diagnostics)


class Sources:
    """Lines of the files that diagnostics speak of, read when first asked for.

    A file that cannot be read, or above `limit` bytes, has no lines: the position still stands.
    """

    def __init__(self, limit: int = 1 << 20) -> None:
        self._limit = limit
        self._lines: dict[str, list[str]] = {}

    def line(self, location: Location) -> str | None:
        """The source line of a place; None where it cannot be had."""
        lines = self._lines.get(location.file)
        if lines is None:
            lines = self._lines[location.file] = self._read(location.file)
        return lines[location.line - 1] if location.line <= len(lines) else None

    def _read(self, file: str) -> list[str]:
        path = Path(file)
        try:
            if not path.is_file() or path.stat().st_size > self._limit:
                return []
            text = path.read_bytes().decode("utf-8", errors="replace")
        except OSError:
            return []
        return [line.rstrip("\r") for line in text.removeprefix("\ufeff").split("\n")]


_TOKEN = re.compile(
    r""""[^"]*"|'[^']*'|[&*!|>]\S*"""
    r"""|(?:[^\s,\[\]{}#:]|[:#](?=[^\s,\]}])|[ ](?=[^\s#,\]}]))+"""
)


def token_at(line: str, column: int) -> str:
    """The key or value of a YAML line that begins at a column (from 1); "" where there is none."""
    match = _TOKEN.match(line, column - 1)
    return match[0] if match else ""


def as_text(one: Diagnostic, sources: Sources) -> str:
    """A diagnostic as people read it: place, source line, caret, what was found and what to do."""
    rows = [f"{one.location}: {one.severity}[{one.id}]: {one.message}"]
    if not one.whole:
        rows += _excerpt(one.location, sources)
    rows += _labelled("found:", one.found)
    rows += _labelled("expected:", one.expected)
    rows += _labelled("help:", one.remedy)
    for two in one.related:
        rows += _labelled("see:", f"{two.location}: {two.message}")
    return "\n".join(printable(row) for row in rows)


def _labelled(label: str, text: str) -> list[str]:
    """A label and its text; further lines of the text stand below its first."""
    return [
        f"  {label if number == 0 else '':<9} {line}"
        for number, line in enumerate(text.split("\n"))
    ]


def _excerpt(location: Location, sources: Sources) -> list[str]:
    """The source line with a caret under the fault; a long line is cut around it."""
    line = sources.line(location)
    if line is None:
        return []
    skipped = max(0, location.column - 1 - MOST_SHOWN // 2) if len(line) > MOST_SHOWN else 0
    shown = line[skipped : skipped + MOST_SHOWN]
    at = location.column - 1 - skipped
    under = "".join("\t" if mark == "\t" else " " for mark in shown[:at])
    length = max(1, min(len(token_at(line, location.column)), len(shown) - at))
    number = str(location.line)
    blank = " " * len(number)
    return [
        f" {blank} |",
        f" {number} | {shown}".rstrip(),
        f" {blank} | {under}{'^' * length}",
    ]


def printable(text: str) -> str:
    """A text without control characters, by which a file could take hold of a terminal."""
    return "".join(mark if mark.isprintable() or mark == "\t" else "\ufffd" for mark in text)
