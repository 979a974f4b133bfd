"""What is wrong, where, and how to mend it: one form for every check of the product."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

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
    name, its size), which then stands at 1:1, or that its line may be secret: none is shown.
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


class Source:
    """The text of one file, and what is written at a place of it."""

    def __init__(self, text: str, *, is_yaml: bool = True) -> None:
        self._is_yaml = is_yaml
        self.text = text.removeprefix("\ufeff")
        self.lines = [line.rstrip("\r") for line in self.text.split("\n")]

    def written(self, line: int, column: int) -> list[str]:
        """The key or value that begins at a place, as it stands there, line by line."""
        if line > len(self.lines):
            return [""]
        last, end = self._ends.get((line, column), (0, 0)) if self._is_yaml else (0, 0)
        if not last:
            return [token_at(self.lines[line - 1], column)]
        rows = self.lines[line - 1 : last]
        rows[-1] = rows[-1][: end - 1]
        rows[0] = rows[0][column - 1 :]
        return [row.strip(" ") for row in rows]

    @cached_property
    def _ends(self) -> dict[tuple[int, int], tuple[int, int]]:
        """Where each bare or quoted scalar ends, by where it begins: only YAML's parser knows."""
        import yaml
        from yaml._yaml import CParser

        ends: dict[tuple[int, int], tuple[int, int]] = {}
        parser = CParser(self.text.replace("\t", " "))
        try:
            while (event := parser.get_event()) is not None:
                if isinstance(event, yaml.ScalarEvent) and event.style in (None, "", "'", '"'):
                    begin: Any = event.start_mark
                    end: Any = event.end_mark
                    if event.anchor is None and event.tag is None and begin.index < end.index:
                        ends[begin.line + 1, begin.column + 1] = end.line + 1, end.column + 1
        except yaml.YAMLError:  # what comes before is still of use
            pass
        finally:
            parser.dispose()
        return ends


class Sources:
    """The files that diagnostics speak of, read when first asked for.

    A file that cannot be read, or above `limit` bytes, has no lines: the position still stands.
    """

    def __init__(self, limit: int = 1 << 20) -> None:
        self._limit = limit
        self._files: dict[str, Source | None] = {}

    def of(self, file: str) -> Source | None:
        """One file's text; None where it cannot be had."""
        if file not in self._files:
            self._files[file] = self._read(file)
        return self._files[file]

    def line(self, location: Location) -> str | None:
        """The source line of a place; None where it cannot be had."""
        source = self.of(location.file)
        if source is None or location.line > len(source.lines):
            return None
        return source.lines[location.line - 1]

    def _read(self, file: str) -> Source | None:
        path = Path(file)
        try:
            if not path.is_file() or path.stat().st_size > self._limit:
                return None
            text = path.read_bytes().decode("utf-8", errors="replace")
            return Source(text, is_yaml=path.suffix.lower() in (".yaml", ".yml"))
        except OSError:
            return None


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
    source, line = sources.of(location.file), sources.line(location)
    if source is None or line is None:
        return []
    skipped = max(0, location.column - 1 - MOST_SHOWN // 2) if len(line) > MOST_SHOWN else 0
    shown = line[skipped : skipped + MOST_SHOWN]
    at = location.column - 1 - skipped
    under = "".join("\t" if mark == "\t" else " " for mark in shown[:at])
    token = source.written(location.line, location.column)[0]
    length = max(1, min(len(token), len(shown) - at))
    number = str(location.line)
    blank = " " * len(number)
    return [
        f" {blank} |",
        f" {number} | {shown}".rstrip(),
        f" {blank} | {under}{'^' * length}",
    ]


def visible(text: str) -> str:
    """With characters that cannot be seen, or told from a space, as `<U+00A0>`."""
    return "".join(mark if mark.isprintable() else f"<U+{ord(mark):04X}>" for mark in text)


def printable(text: str) -> str:
    """A text without control characters, by which a file could take hold of a terminal."""
    return "".join(mark if mark.isprintable() or mark == "\t" else "\ufffd" for mark in text)
