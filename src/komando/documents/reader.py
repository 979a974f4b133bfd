"""Bytes of a file to a `Document`, over libyaml's events.

Scalars follow the core schema of YAML 1.2: `no` and `10:30` are text. What surprises people in
YAML (tags, anchors, aliases, duplicate keys, tabs, several documents, empty values) is an error
here, and nothing is ever expanded: a file costs what its bytes cost.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from sys import intern
from typing import Any, Final

import yaml
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from komando.diagnostics import Diagnostic, Location
from komando.documents.document import SHIFT, Document
from komando.documents.files import MOST_TOLD, too_many
from komando.documents.plaintext import is_plain, made_fit, spoilt, text_of
from komando.documents.scalars import WORDY, WORDY_END, resolved
from komando.documents.syntax import DEEPEST, directive, syntax_fault, too_deep

_MARKINGS: Final = re.compile(r"(?:[&!][^\s,\[\]{}]*[ \t]+)+(?=[^ #])")
"""Anchors and tags before a value on the same line."""


@dataclass(slots=True)
class Reading:
    """What reading one file gave: the document, unless the file is past understanding.

    `broken` are the packed positions of values that already have a diagnostic of their own, so
    that nobody complains about them twice; `partial` says that keys of the whole may stand in a
    part that was not understood, `doubled` has those that stand there twice. `raw` is the file, for
    what was found.
    """

    document: Document | None
    raw: bytes
    diagnostics: list[Diagnostic] = field(default_factory=list)
    broken: set[int] = field(default_factory=set)
    partial: bool = False
    doubled: set[str] = field(default_factory=set)


def read(file: str, raw: bytes) -> Reading:
    """Read the bytes of a file; `file` is its name in diagnostics."""
    reading = Reading(None, raw)
    fit = raw if is_plain(raw) else made_fit(file, raw, reading.diagnostics)
    if fit is None:
        return reading
    parser = CParser(fit)
    try:
        _Builder(file, parser.get_event, reading).build()
    except _Hopeless:
        pass
    except yaml.MarkedYAMLError as error:
        fault, told = syntax_fault(file, error, fit), reading.diagnostics[-1:]
        at = (fault.location.line, "yaml-key")
        if not told or (told[0].location.line, told[0].id) != at:  # else it follows from that
            reading.diagnostics.append(fault)
    finally:
        parser.dispose()
    if fit is not raw and reading.document is not None:
        reading.broken |= spoilt(reading.diagnostics, text_of(raw), reading.document.marks)
    return reading


class _Hopeless(Exception):
    """Reading on makes no sense."""


class _Builder:
    """Data, marks and complaints out of one parser's events."""

    def __init__(self, file: str, following: Callable[[], Any], reading: Reading) -> None:
        self.file = file
        self.reading = reading
        self.next = following
        self.marks = array("Q")
        self.push = self.marks.append

    def build(self) -> None:
        self.next()  # the stream begins
        start = self.next()
        if type(start) is StreamEndEvent:
            self._empty_file()
        self._refuse_directives(start)
        first = self.next()
        data = self._node(first, 0)
        self.next()  # the document ends
        if data is None and type(first) is ScalarEvent:
            self._empty_document()
        self.reading.document = Document(self.file, data, self.marks)
        after = self.next()
        if type(after) is DocumentStartEvent:
            self.reading.partial = True
            self._complain(
                "yaml-documents",
                after.start_mark,
                "a second document in one file",
                found="---",
                expected="one document",
                remedy="remove the line `---`, or make a file of each document",
            )

    def _node(self, event: Any, depth: int) -> Any:
        """The value that begins with this event; None where it is empty or already told."""
        mark = event.start_mark
        packed = mark.line << SHIFT | mark.column
        kind = event.__class__
        if kind is AliasEvent:
            self.push(packed)
            self._refuse_alias(event, packed)
            return None
        if event.anchor is not None or event.tag is not None:
            packed = self._refuse_marking(event, packed)
        self.push(packed)
        if kind is ScalarEvent:
            text = event.value
            wordy = event.style or text[:1] in WORDY or text[-1:] in WORDY_END
            return text if wordy else resolved(text)
        if depth == DEEPEST:
            self._refuse_depth(mark)
        return self._mapping(depth + 1) if kind is MappingStartEvent else self._list(depth + 1)

    def _mapping(self, depth: int) -> dict[str, Any]:
        """A mapping up to its end. Plain text is read in place: nearly all is."""
        found: dict[str, Any] = {}
        following, push = self.next, self.push
        while (event := following()).__class__ is not MappingEndEvent:
            mark = event.start_mark
            if event.__class__ is not ScalarEvent or (key := intern(event.value)) in found:
                self._refuse_key(event, depth)
                continue
            packed = mark.line << SHIFT | mark.column
            if event.anchor is not None or event.tag is not None:
                packed = self._refuse_marking(event, packed)
            push(packed)
            event = following()
            if (
                event.__class__ is ScalarEvent
                and (event.style or event.value[:1] in WORDY or event.value[-1:] in WORDY_END)
                and event.anchor is None
                and event.tag is None
            ):
                begin: Any = event.start_mark
                push(begin.line << SHIFT | begin.column)
                found[key] = event.value
                continue
            found[key] = value = self._node(event, depth)
            if value is None:
                self._refuse_empty(event, f"`{key}`", mark)
        return found

    def _list(self, depth: int) -> list[Any]:
        found: list[Any] = []
        following, push = self.next, self.push
        while (event := following()).__class__ is not SequenceEndEvent:
            if (
                event.__class__ is ScalarEvent
                and event.style
                and event.anchor is None
                and event.tag is None
            ):
                mark: Any = event.start_mark
                push(mark.line << SHIFT | mark.column)
                found.append(event.value)
                continue
            value = self._node(event, depth)
            if value is None:
                self._refuse_empty(event, "an item", event.start_mark)
            found.append(value)
        return found

    def _refuse_key(self, event: Any, depth: int) -> None:
        """A key that cannot stand: it and its value leave no trace in data and marks."""
        length = len(self.marks)
        if type(event) is ScalarEvent:
            if depth == 1:
                self.reading.doubled.add(event.value)
            self._complain(
                "yaml-duplicate-key",
                event.start_mark,
                f"the key `{event.value}` a second time",
                found=event.value,
                expected="each key once",
                remedy="remove one of the two; a reader could take either",
            )
        elif self._is_template(event):
            self._refuse_template(event, depth)
        else:
            self.reading.partial = True
            self._node(event, depth)
            if type(event) is not AliasEvent:
                self._complain(
                    "yaml-key",
                    event.start_mark,
                    "a key that is no word",
                    found="a mapping" if type(event) is MappingStartEvent else "a list",
                    expected="a word as key",
                    remedy="remove the `?`, or put quotes around what is meant as text",
                )
        self._node(self.next(), depth)
        del self.marks[length:]

    def _is_template(self, event: Any) -> bool:
        """Whether a mapping as a key is rather `{{ name }}`, which programs replace elsewhere."""
        line, column = event.start_mark.line, event.start_mark.column
        if type(event) is not MappingStartEvent or not event.flow_style:
            return False
        return (line << SHIFT | column - 1) in self.marks

    def _refuse_template(self, event: Any, depth: int) -> None:
        mark, told = event.start_mark, len(self.reading.diagnostics)
        self.reading.broken.add(mark.line << SHIFT | mark.column - 1)
        self.reading.partial |= depth == 1
        self._node(event, depth)
        del self.reading.diagnostics[told:]
        self._complain(
            "yaml-key",
            mark,
            "a template in place of a value",
            found="{{ ... }}",
            expected="the value itself: nothing is filled in",
            remedy="write the value in place of the braces",
        )

    def _refuse_marking(self, event: Any, packed: int) -> int:
        """Anchor and tag are refused; the value behind them is read on, and where it begins."""
        if event.anchor is not None:
            self._complain(
                "yaml-anchor",
                event.start_mark,
                "an anchor",
                found=f"&{event.anchor}",
                expected="values written where they hold",
                remedy=f"remove `&{event.anchor}`, and write the value out at each place",
            )
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._complain(
                "yaml-tag",
                event.start_mark,
                "a tag",
                found=tag,
                expected="plain values: each key knows its own kind",
                remedy=f"remove `{tag}`",
            )
        if getattr(event, "value", None) == "":
            return packed
        line = text_of(self.reading.raw).split("\n")[event.start_mark.line]
        markings = _MARKINGS.match(line, event.start_mark.column)
        return packed + len(markings[0]) if markings else packed

    def _refuse_alias(self, event: Any, packed: int) -> None:
        self.reading.broken.add(packed)
        self._complain(
            "yaml-alias",
            event.start_mark,
            "an alias",
            found=f"*{event.anchor}",
            expected="values written where they hold",
            remedy=f"write in place of `*{event.anchor}` what it stands for",
        )

    def _refuse_empty(self, event: Any, what: str, shown: Any) -> None:
        """The value that was read last, of this event, is none."""
        packed = self.marks[-1]
        if packed in self.reading.broken:
            return
        self.reading.broken.add(packed)
        self._complain(
            "value-empty",
            shown,
            f"{what} without a value",
            found=event.value or "nothing",
            expected="a value",
            remedy="write the value, or remove the line",
        )

    def _refuse_depth(self, mark: Any) -> None:
        at = Location(self.file, mark.line + 1, mark.column + 1)
        self.reading.diagnostics.append(too_deep(at))
        raise _Hopeless

    def _refuse_directives(self, start: Any) -> None:
        if start.version is not None or start.tags:
            mark = start.start_mark
            at = Location(self.file, mark.line + 1, mark.column + 1)
            found = "%YAML" if start.version is not None else "%TAG"
            self.reading.diagnostics.append(directive(at, found))

    def _empty_document(self) -> None:
        """Nothing before the end of the first document: of the file, or of an empty part of it."""
        after = self.next()
        if type(after) is not DocumentStartEvent:
            self._empty_file()
        self._complain(
            "yaml-documents",
            after.start_mark,
            "an empty document before another",
            found="---",
            expected="one document",
            remedy="remove all lines `---` but one",
        )
        raise _Hopeless

    def _empty_file(self) -> None:
        self.reading.diagnostics.append(
            Diagnostic(
                "file-empty",
                "error",
                "an empty file",
                found="no data",
                expected="keys and their values",
                remedy="write them, or remove the file",
                location=Location(self.file, 1, 1),
                whole=True,
            )
        )
        raise _Hopeless

    def _complain(
        self, check: str, mark: Any, message: str, *, found: str, expected: str, remedy: str
    ) -> None:
        location = Location(self.file, mark.line + 1, mark.column + 1)
        self.reading.diagnostics.append(
            Diagnostic(check, "error", message, found, expected, remedy, location)
        )
        if len(self.reading.diagnostics) >= MOST_TOLD:
            self.reading.diagnostics.append(too_many(self.file))
            raise _Hopeless
