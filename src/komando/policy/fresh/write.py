"""The text of a new policy file, in the form of those that stand, each key with what it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from textwrap import wrap
from typing import Final

from komando.documents.addresses import Address, Network
from komando.documents.scalars import resolved
from komando.policy.tree import Kind
from komando.units import Pair

WIDTH: Final = 95
"""Characters of a line of prose."""

SHORT: Final = 72
"""Characters of prose that stands on the line of its key."""

_COLUMN: Final = 40
"""Where comments begin, for values that are shorter."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ./()_+&'-]*(?<! )")
"""Text that stands without quotes in YAML, on a line and in brackets."""

_Row = tuple[str, str]
"""A line of YAML, and its comment ("" for none)."""


@dataclass(frozen=True, kw_only=True)
class _Fresh:
    slug: str
    id: int
    name: str
    networks: tuple[Network, ...]
    segment: str
    capacity: Pair
    gateways: tuple[Address, ...]
    justification: str

    def _begin(self, kind: Kind, noun: str) -> list[_Row]:
        return [
            (modeline(kind), ""),
            (f"# {self.name}, {noun} of the segment {self.segment}.", ""),
            (f"id: {self.id}", "permanent, and never given to another"),
            (f"name: {scalar(self.name)}", "as letters name it"),
            (f"networks: {_list(self.networks)}", "behind its own router, without NAT"),
            ("link:", ""),
            (f"  segment: {self.segment}", "the last-mile network, of region.yaml"),
            (f"  capacity: {rate(self.capacity)}", "what the last mile carries"),
            (f"  gateways: {_list(self.gateways)}", "its router in the segment"),
        ]


@dataclass(frozen=True, kw_only=True)
class FreshOpd(_Fresh):
    """A new office. `letter` and `day` are those of its request; None where there is none."""

    calendar: str
    guarantee: Pair
    floor: Pair
    ceiling: Pair
    mode: str
    letter: str | None = None
    day: date | None = None

    def text(self) -> str:
        """The whole file."""
        rows = [
            *self._begin("opd", "an office"),
            (f"calendar: {self.calendar}", "its hours and its pool, of region.yaml"),
            (f"guarantee: {rate(self.guarantee)}", "in its hours, whatever the others do"),
            (f"floor: {rate(self.floor)}", "at all hours"),
            (f"ceiling: {rate(self.ceiling)}", "the most, when others leave it"),
            (f"mode: {self.mode}", _MODES[self.mode]),
            *_prose("justification", self.justification, "why it gets this much"),
        ]
        if self.letter is not None and self.day is not None:
            rows += _request(self.letter, self.day)
        return _lines(rows)


@dataclass(frozen=True, kw_only=True)
class FreshHotspot(_Fresh):
    """A new public point."""

    share: int

    def text(self) -> str:
        """The whole file."""
        return _lines(
            [
                *self._begin("hotspots", "a public point"),
                (f"share: {self.share}", "parts of the public's pool, 1 to 100"),
                *_prose("justification", self.justification, "why it has this share"),
            ]
        )


@dataclass(frozen=True)
class FreshException:
    """Other terms of an office for some days, `start` and `end` included."""

    start: date
    end: date
    reason: str
    guarantee: Pair | None = None
    calendar: str | None = None
    letter: str | None = None
    day: date | None = None

    def rows(self) -> list[str]:
        """Its keys as lines of a block, without what indents them."""
        rows: list[_Row] = [(f"from: {self.start}", ""), (f"until: {self.end}", "")]
        if self.guarantee is not None:
            rows.append((f"guarantee: {rate(self.guarantee)}", ""))
        if self.calendar is not None:
            rows.append((f"calendar: {self.calendar}", ""))
        rows += _prose("reason", self.reason, "")
        if self.letter is not None and self.day is not None:
            rows += _request(self.letter, self.day)
        return [line for line, _ in rows]

    def flow(self) -> str:
        """The same on one line, in braces."""
        parts = [f"from: {self.start}", f"until: {self.end}"]
        if self.guarantee is not None:
            parts.append(f"guarantee: {rate(self.guarantee)}")
        if self.calendar is not None:
            parts.append(f"calendar: {self.calendar}")
        parts.append(f"reason: {scalar(self.reason)}")
        if self.letter is not None and self.day is not None:
            parts.append(f"request: {{letter: {scalar(self.letter)}, date: {self.day}}}")
        return "{" + ", ".join(parts) + "}"


_MODES: Final = {
    "observe": "counted, not held back; enforce: shaped",
    "enforce": "shaped; observe: counted, not held back",
}


def modeline(kind: str, above: str = "../..") -> str:
    """The line by which an editor finds the schema of a kind of file."""
    return f"# yaml-language-server: $schema={above}/docs/schemas/{kind}.schema.json"


def rate(pair: Pair) -> str:
    """A rate as policies have it: once, or each direction."""
    if pair.down == pair.up:
        return str(pair.down)
    return f"{{down: {pair.down}, up: {pair.up}}}"


def scalar(text: str) -> str:
    """Text as a YAML scalar that is read as this text, in quotes where it has to be."""
    if _PLAIN.fullmatch(text) and isinstance(resolved(text), str):
        return text
    return json.dumps(text, ensure_ascii=False)


def _list(values: Iterable[Network | Address]) -> str:
    texts = [str(value) for value in values]
    return "[" + ", ".join(f'"{text}"' if ":" in text else text for text in texts) + "]"


def _prose(key: str, text: str, comment: str) -> list[_Row]:
    if scalar(text) == text and len(text) <= SHORT:
        return [(f"{key}: {text}", comment)]
    lines = wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)
    return [(f"{key}: >-", comment), *((f"  {line}", "") for line in lines)]


def _request(letter: str, day: date) -> list[_Row]:
    return [
        ("request:", ""),
        (f"  letter: {scalar(letter)}", "the letter that asks for it"),
        (f"  date: {day}", ""),
    ]


def _lines(rows: Sequence[_Row]) -> str:
    return "".join(
        f"{line:<{_COLUMN}}  # {comment}\n" if comment else f"{line}\n" for line, comment in rows
    )
