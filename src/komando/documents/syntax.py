"""What libyaml says of a file that is no YAML, with a way out."""

from __future__ import annotations

from typing import Final

import yaml

from komando.diagnostics import Diagnostic, Location

_BACKSLASH: Final = "double the backslash, or use single quotes"
_SYNTAX_REMEDIES: Final = {
    "mapping values are not allowed in this context": (
        "put the text in double quotes if its colon belongs to it, or look at the indentation"
    ),
    "could not find expected ':'": "write `key: value`; a colon and a space stand between them",
    "did not find expected key": "look at the indentation: keys of one level begin in one column",
    "did not find expected '-' indicator": "items of one list begin in one column, each with `- `",
    "did not find expected ',' or ']'": "close the list with `]`, and part its items with commas",
    "did not find expected ',' or '}'": "close with `}`, and part the keys with commas",
    "found unexpected end of stream": "close the quotation mark",
    "found character that cannot start any token": "put the text in double quotes",
    "found unexpected ':'": "put the value in double quotes: a colon ends it here",
    "found unknown escape character": _BACKSLASH,
    "did not find expected hexdecimal number": _BACKSLASH,
    "found invalid Unicode character escape code": "write the character itself",
}
_TEMPLATE: Final = ("{{", "{%")


DEEPEST: Final = 16
"""Levels of nesting; the deepest that a policy needs is 7."""


def syntax_fault(file: str, error: yaml.MarkedYAMLError, raw: bytes = b"") -> Diagnostic:
    """The one fault at which the parser gave up; `raw` is what it read."""
    problem = str(error.problem or "not understood")
    scanning = (error.context or "").startswith("while scanning")
    mark = (error.context_mark if scanning else None) or error.problem_mark or error.context_mark
    location = Location(file, mark.line + 1, mark.column + 1) if mark else Location(file, 1, 1)
    line = _line(raw, location.line)
    if problem.startswith("exceeded maximum nesting depth"):
        return too_deep(location)  # libyaml 0.2.6 and newer give up by themselves, at a thousand
    if "directive" in (error.context or "") or problem == "found incompatible YAML document":
        return directive(location, line.split(" ")[0] or "%")
    remedy = _SYNTAX_REMEDIES.get(problem, "compare the line with the same line of another file")
    if any(mark in line for mark in _TEMPLATE):
        remedy = "write the value itself: nothing is filled in here"
    context = f" {error.context}" if error.context else ""
    return Diagnostic(
        "yaml-syntax",
        "error",
        "not YAML",
        found=f"{problem}{context}",
        expected="YAML",
        remedy=remedy,
        location=location,
    )


def _line(raw: bytes, number: int) -> str:
    lines = raw.decode("utf-8", errors="replace").split("\n")
    return lines[number - 1] if number <= len(lines) else ""


def too_deep(location: Location) -> Diagnostic:
    """More levels than any file here has a use for."""
    return Diagnostic(
        "yaml-depth",
        "error",
        "nesting without end",
        found=f"more than {DEEPEST} levels",
        expected="at most 7 levels",
        remedy="look for brackets that were never closed",
        location=location,
    )


def directive(location: Location, found: str) -> Diagnostic:
    """A line that begins with %, whether the parser knows it or not."""
    return Diagnostic(
        "yaml-directive",
        "error",
        "a directive",
        found=found,
        expected="a file without lines that begin with %",
        remedy="remove the line; files here are YAML 1.2",
        location=location,
    )
