"""One more exception in an office's file, and not a byte of it moved otherwise."""

from __future__ import annotations

import re
from typing import Any, Final

import yaml
from yaml._yaml import CParser

from komando.documents.document import Document
from komando.documents.reader import read
from komando.policy.fresh.write import FreshException

_KEY: Final = "exceptions"
_DASH: Final = re.compile(r"( *)-(?: |$)")


class NoPlaceError(ValueError):
    """The file is written in a way in which nothing can be put in; the text says what to do."""


def with_exception(file: str, raw: bytes, fresh: FreshException) -> bytes:
    """The bytes of an office's file with one more exception, behind those that it has.

    `raw` is a file that can be read. What comes out is read again, and has to say what the file
    said before and the exception beside it. Raises NoPlaceError.
    """
    text = raw.decode("utf-8")
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    body = text.removeprefix("\ufeff")
    document = read(file, raw).document
    wanted = _wanted(document, fresh)
    if document is not None and wanted is not None:
        made = mark + _inserted(body, document, fresh)
        after = read(file, made.encode())
        if after.document is not None and not after.diagnostics and after.document.data == wanted:
            return made.encode()
    lines = "\n".join(f"  {line}" for line in _block(fresh, ""))
    raise NoPlaceError(
        f"{file} is written in a way in which no exception can be put in; write it by hand, below "
        f"`{_KEY}:`\n{lines}"
    )


def _wanted(document: Document | None, fresh: FreshException) -> dict[str, Any] | None:
    """What the file has to say afterwards; None where it is no mapping."""
    if document is None or not isinstance(document.data, dict):
        return None
    item = read("", fresh.flow().encode()).document
    before = document.data.get(_KEY, [])
    if item is None or not isinstance(before, list):
        return None
    return {**document.data, _KEY: [*before, item.data]}


def _inserted(body: str, document: Document, fresh: FreshException) -> str:
    newline = "\r\n" if "\r\n" in body else "\n"
    lines = body.splitlines(keepends=True)
    if document.at((_KEY,)) is None:
        at = content_end(lines, len(lines))
        return placed(lines, at, [f"{_KEY}:", *_block(fresh, "  ")], newline)
    value = document.value((_KEY,))
    if lines[value.line - 1][value.column - 1] == "[":
        return _in_brackets(body, (value.line - 1, value.column - 1), fresh)
    items = document.at((_KEY,))
    last = document.value((_KEY, len(items) - 1)).line - 1
    dash = next(
        (found for at in range(last, -1, -1) if (found := _DASH.match(lines[at])) is not None), None
    )
    indent = dash[1] if dash is not None else "  "
    own = document.key((_KEY,)).line
    after = [
        line
        for name in document.data
        if (line := document.key((name,)).line) > own and name != _KEY
    ]
    at = content_end(lines, min(after, default=len(lines) + 1) - 1)
    return placed(lines, at, _block(fresh, indent), newline)


def _block(fresh: FreshException, indent: str) -> list[str]:
    first, *rest = fresh.rows()
    return [f"{indent}- {first}", *(f"{indent}  {line}" for line in rest)]


def content_end(lines: list[str], end: int) -> int:
    """The number of lines up to `end` without the blank ones and the comments at their end.

    A comment at the first column belongs to what follows it.
    """
    while end > 0 and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1
    return end


def placed(lines: list[str], at: int, fresh: list[str], newline: str) -> str:
    """The lines with `fresh` in the place of number `at`."""
    before, after = "".join(lines[:at]), "".join(lines[at:])
    if before and not before.endswith("\n"):
        before += newline
    return before + "".join(line + newline for line in fresh) + after


def _in_brackets(body: str, begin: tuple[int, int], fresh: FreshException) -> str:
    """The exception as the last item of a list that is written in brackets."""
    at, first = _end_of_items(body, begin)
    return body[:at] + ("" if first else ", ") + fresh.flow() + body[at:]


def _end_of_items(body: str, begin: tuple[int, int]) -> tuple[int, bool]:
    """Where the last item of a list ends, else its bracket; and whether there is none.

    Only YAML's parser knows.
    """
    parser = CParser(body)
    depth, at, first = 0, len(body), True
    try:
        while (event := parser.get_event()) is not None:
            start: Any = event.start_mark
            end: Any = event.end_mark
            inside = depth > 0
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1 if inside or (start.line, start.column) == begin else 0
            elif isinstance(event, yaml.CollectionEndEvent) and inside:
                depth -= 1
                if depth == 0:
                    break
            if depth:
                at, first = end.index, not inside
    finally:
        parser.dispose()
    return at, first
