"""Bytes that YAML can be read from: UTF-8, without tabs and without invisible characters."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Final

from komando.diagnostics import Diagnostic, Location, token_at
from komando.documents.document import SHIFT
from komando.documents.files import MOST_TOLD, too_many

_PLAIN: Final = bytes(range(0x20, 0x7F)) + b"\n"
_ODD: Final = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]|\r(?!\n)"
    r"|[\u202a-\u202e\u2066-\u2069]"
)
"""What breaks lines, writes on terminals, or turns the order in which a line is read."""

_LONE_RETURN: Final = re.compile(r"\r(?!\n)")
_INDENT_TAB: Final = re.compile(r"^ *\t", re.MULTILINE)


def is_plain(raw: bytes) -> bool:
    """Whether all is printable ASCII and line ends, as in nearly every policy."""
    return not raw.translate(None, _PLAIN)


def text_of(raw: bytes) -> str:
    """The text of a file that is UTF-8, without the byte order mark."""
    return raw.decode("utf-8").removeprefix("\ufeff")


def made_fit(file: str, raw: bytes, diagnostics: list[Diagnostic]) -> bytes | None:
    """The bytes for the parser, or None where nothing can be made of them; complaints are added.

    A tab between a key and its value and a character that no text needs are read as a space, so
    that the rest of the file is checked too. A tab in the indentation could mean anything, and a
    lone carriage return any line: there the file ends.
    """
    try:
        text = text_of(raw)
    except UnicodeDecodeError as error:
        diagnostics.append(not_utf8(file, raw, error))
        return None
    told = list(islice(chain(_tabs(file, text), _odds(file, text)), MOST_TOLD + 1))
    diagnostics += told[:MOST_TOLD]
    if len(told) > MOST_TOLD:
        diagnostics.append(too_many(file))
        return None
    if _INDENT_TAB.search(text) or _LONE_RETURN.search(text):
        return None
    return _ODD.sub(" ", text).replace("\t", " ").encode()


def spoilt(diagnostics: list[Diagnostic], text: str, marks: Sequence[int]) -> set[int]:
    """The packed positions of the values that a refused character stands in."""
    lines = text.split("\n")
    found = set()
    for one in diagnostics:
        line, column = one.location.line - 1, one.location.column - 1
        before = bisect_right(marks, line << SHIFT | column) - 1
        if one.id != "yaml-character" or before < 0 or marks[before] >> SHIFT != line:
            continue
        start = marks[before] & ((1 << SHIFT) - 1)
        if column < start + len(token_at(_ODD.sub("?", lines[line]), start + 1)):
            found.add(marks[before])
    return found


def not_utf8(file: str, raw: bytes, error: UnicodeDecodeError) -> Diagnostic:
    """Why the bytes of a file are no text, at the first that is none."""
    before = raw[: error.start]
    line = before.count(b"\n") + 1
    start = before.rfind(b"\n") + 1
    column = len(before[start:].decode("utf-8", errors="replace")) + 1
    wide = "UTF-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
    if raw[:4] in (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff"):
        wide = "UTF-32"
    return Diagnostic(
        "file-encoding",
        "error",
        "a file that is not UTF-8",
        found=wide or f"byte 0x{raw[error.start]:02x}",
        expected="UTF-8",
        remedy="save it as UTF-8; `file` names the encoding that it has",
        location=Location(file, line, column),
        whole=bool(wide),
    )


def _odds(file: str, text: str) -> Iterator[Diagnostic]:
    for odd in _ODD.finditer(text):
        yield Diagnostic(
            "yaml-character",
            "error",
            "a character that no text needs",
            found=f"U+{ord(odd[0]):04X}",
            expected="printable characters and line ends",
            remedy="remove it; it may be invisible in an editor",
            location=_place(file, text, odd.start()),
        )


def _tabs(file: str, text: str) -> Iterator[Diagnostic]:
    """The first tab of each line."""
    if "\t" not in text:
        return
    for number, line in enumerate(text.split("\n"), 1):
        if (at := line.find("\t")) >= 0:
            yield Diagnostic(
                "yaml-tab",
                "error",
                "a tab",
                found="a tab character",
                expected="spaces",
                remedy="use two spaces for a level, and one after a colon",
                location=Location(file, number, at + 1),
            )


def _place(file: str, text: str, offset: int) -> Location:
    start = text.rfind("\n", 0, offset) + 1
    return Location(file, text.count("\n", 0, offset) + 1, offset - start + 1)
