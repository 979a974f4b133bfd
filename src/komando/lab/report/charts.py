"""The geometry of the charts: numbers become places on paper. Pure; the templates only draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from komando.lab.measure.results import Row, Total
from komando.units import DIRECTION_WORDS, DIRECTIONS, Direction, Rate, about

WIDTH = 980
LABEL = 300
GAP = 24
RATIO = 46
PITCH = 16
HEAD = 34
"""Pixels: the drawing, the names on its left, between panels, for a ratio, one row, the titles."""

TITLES = {one: words.capitalize() for one, words in DIRECTION_WORDS.items()}


@dataclass(frozen=True)
class Bar:
    """One office in one direction: a bar from `x`, and a tick where its promise stands."""

    x: float
    width: float
    tick: float
    words: str
    ratio: str
    ratio_x: float
    kept: bool


@dataclass(frozen=True)
class Line:
    """One row of a chart: a name, and a bar in each panel."""

    y: float
    name: str
    public: bool
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Panel:
    """One direction: its title and a few marks of its scale."""

    title: str
    x: float
    width: float
    marks: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class BarChart:
    """Promised against measured, office by office."""

    width: int
    height: float
    panels: tuple[Panel, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Part:
    """A piece of a stacked bar."""

    x: float
    width: float
    kind: str
    words: str
    shown: str


@dataclass(frozen=True)
class Stack:
    """One direction of the link, cut into who had it."""

    y: float
    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class StackChart:
    """The link as a whole, shared out."""

    width: int
    height: float
    stacks: tuple[Stack, ...]


def bar_chart(rows: Sequence[Row], names: Mapping[str, str], points: frozenset[str]) -> BarChart:
    """Rows of one scenario, the largest promise first, public points last."""
    directions = [one for one in DIRECTIONS if any(row.direction == one for row in rows)]
    by_office: dict[str, dict[Direction, Row]] = {}
    for row in rows:
        by_office.setdefault(row.office, {})[row.direction] = row
    order = sorted(
        by_office,
        key=lambda slug: (
            slug in points,
            -max(row.promised for row in by_office[slug].values()),
            names.get(slug, slug),
        ),
    )
    space = (WIDTH - LABEL - GAP * (len(directions) - 1)) / len(directions)
    most = {one: _most(rows, one) for one in directions}
    panels = tuple(
        _panel(one, LABEL + index * (space + GAP), space - RATIO, most[one])
        for index, one in enumerate(directions)
    )
    lines = tuple(
        Line(
            y=HEAD + index * PITCH,
            name=_name(slug, by_office[slug], names),
            public=slug in points,
            bars=tuple(
                _bar(by_office[slug][one], panel, most[one])
                for one, panel in zip(directions, panels, strict=True)
                if one in by_office[slug]
            ),
        )
        for index, slug in enumerate(order)
    )
    return BarChart(WIDTH, HEAD + len(order) * PITCH + 6, panels, lines)


def _name(slug: str, rows: Mapping[Direction, Row], names: Mapping[str, str]) -> str:
    peer = next((row.peer for row in rows.values() if row.peer), None)
    name = names.get(slug, slug)
    return _short(f"{names.get(peer, peer)} to {name}" if peer else name)


def _short(name: str, most: int = 42) -> str:
    return name if len(name) <= most else name[: most - 1].rstrip() + "…"


def _most(rows: Sequence[Row], direction: Direction) -> int:
    return max(max(row.promised, row.measured) for row in rows if row.direction == direction)


def _panel(direction: Direction, x: float, width: float, most: int) -> Panel:
    step = _step(most)
    marks = tuple(
        (round(x + width * bits / most, 1), str(Rate(bits)) if bits else "0")
        for bits in range(0, most + 1, step)
    )
    return Panel(TITLES[direction], x, round(width, 1), marks)


def _step(most: int) -> int:
    """A round number of bit/s of which three or four make the scale."""
    step = 1
    while True:
        for times in (1, 2, 5):
            if most / (step * times) <= 4:
                return step * times
        step *= 10


def _bar(row: Row, panel: Panel, most: int) -> Bar:
    scale = panel.width / most
    return Bar(
        x=panel.x,
        width=round(row.measured * scale, 1),
        tick=round(panel.x + row.promised * scale, 1),
        words=f"promised {about(Rate(row.promised))}, measured {about(Rate(row.measured))}",
        ratio=f"{row.ratio:.3f}",
        ratio_x=round(panel.x + panel.width + RATIO, 1),
        kept=row.kept,
    )


def stack_chart(
    rows: Sequence[Row], totals: Sequence[Total], names: Mapping[str, str], points: frozenset[str]
) -> StackChart:
    """Who had the link: each office, the public, and what nobody took."""
    stacks = []
    for index, direction in enumerate(DIRECTIONS):
        link = next(one for one in totals if one.what == "link" and one.direction == direction)
        pieces: list[tuple[str, str, int]] = [
            ("office", names.get(row.office, row.office), row.measured)
            for row in rows
            if row.direction == direction and row.office not in points
        ]
        public = sum(
            row.measured for row in rows if row.direction == direction and row.office in points
        )
        pieces.append(("public", "Public points", public))
        left = link.promised - sum(bits for *_, bits in pieces)
        pieces.append(("unused", "unused", max(0, left)))
        stacks.append(Stack(HEAD + index * 58.0, TITLES[direction], _parts(pieces, link.promised)))
    return StackChart(WIDTH, HEAD + 2 * 58.0, tuple(stacks))


def _parts(pieces: Sequence[tuple[str, str, int]], whole: int) -> tuple[Part, ...]:
    width = WIDTH - 90
    x, parts = 90.0, []
    for kind, name, bits in pieces:
        if not bits:
            continue
        wide = width * bits / whole
        parts.append(
            Part(
                x=round(x, 1),
                width=round(wide, 1),
                kind=kind,
                words=f"{name}: {about(Rate(bits))}",
                shown=_fitting(f"{name} {about(Rate(bits))}", str(about(Rate(bits))), wide),
            )
        )
        x += wide
    return tuple(parts)


def _fitting(whole: str, brief: str, width: float) -> str:
    """The longest words that have room: about 6.4 pixels a letter."""
    return next((words for words in (whole, brief) if len(words) * 6.4 + 10 < width), "")
