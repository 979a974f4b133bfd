"""What the page says: measurements in sections, words and figures. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from komando.lab.measure.results import Event, Measurement, Row, Total
from komando.lab.report.charts import TITLES, BarChart, StackChart, bar_chart, stack_chart
from komando.units import Pair, Rate, about

WORDS = {
    "office-hours": ("Office hours", "Every office and every public point wants all it can get."),
    "night": ("Out of hours", "The same at night: the public is lent what the offices leave."),
    "harvest": ("Two offices alone", "Two offices are at work; the public takes what is left."),
    "hour-switch": ("The hour switch", "The offices go home while everyone loads the link."),
    "exception": ("An exception begins", "For some days an office has other terms."),
    "local": ("Between offices", "Traffic that does not cross the uplink is not held back by it."),
    "apply": ("An apply under load", ""),
    "apply-change": ("A guarantee is changed", "`komando apply` under full load."),
    "apply-remove": ("An office leaves", "`komando apply` under full load."),
    "apply-add": ("An office joins", "`komando apply` under full load."),
    "apply-move": ("An office changes its calendar", "`komando apply` under full load."),
}

PICTURE_TOP, PICTURE_GAP = 132, 56
"""Pixels: where the first chart of the picture stands, and what lies between two."""


@dataclass(frozen=True)
class Tile:
    """One figure that matters."""

    figure: str
    words: str
    brief: str
    kept: bool = True


@dataclass(frozen=True)
class EventView:
    """A change under load in words."""

    what: str
    classes: str
    right: bool
    lost: str
    whole: bool
    gap: str
    delay: str


@dataclass(frozen=True)
class TotalView:
    """One direction of the link, or what the public took of it."""

    words: str
    measured: str
    promised: str
    ratio: str
    kept: bool


@dataclass(frozen=True)
class Section:
    """One scenario of one measurement."""

    title: str
    words: str
    moment: str
    profile: str
    kept: bool
    bars: BarChart | None
    stacks: StackChart | None
    totals: tuple[TotalView, ...]
    events: tuple[EventView, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Change:
    """An office whose promise differs between two measurements of the same scenario."""

    name: str
    direction: str
    before: str
    after: str
    measured_before: str
    measured_after: str
    ratio: str
    kept: bool


@dataclass(frozen=True)
class Note:
    """What was not measured, and why."""

    words: str
    kept: bool


@dataclass(frozen=True)
class Drawn:
    """A section's chart and where it stands in the picture."""

    y: float
    section: Section


@dataclass(frozen=True)
class Page:
    """The whole page; `drawn` are the charts that the picture shows, too."""

    region: str
    title: str
    kept: bool
    scale: str
    generations: str
    tiles: tuple[Tile, ...]
    sections: tuple[Section, ...]
    changes: tuple[Change, ...]
    notes: tuple[Note, ...]
    names: dict[str, str]
    drawn: tuple[Drawn, ...]
    picture_height: float


def page(measurements: Sequence[Measurement]) -> Page:
    """One page for measurements of one lab, the earliest first."""
    last = measurements[-1]
    sections = tuple(_section(one, scenario) for one in measurements for scenario in one.scenarios)
    divided = f", every rate divided by {last.divisor}" if last.divisor > 1 else ""
    names = {slug: name for one in measurements for slug, name in one.names.items()}
    drawn = _drawn(sections)
    return Page(
        region=last.region,
        title="Promised and measured",
        kept=all(one.kept for one in measurements),
        scale=(
            f"Measured in a miniature city with real traffic{divided}: an uplink of "
            f"{last.capacity}, of which {_pair(last.usable)} is shared out."
        ),
        generations=" → ".join(dict.fromkeys(one.generation[:12] for one in measurements)),
        tiles=tuple(_tiles(measurements)),
        sections=sections,
        changes=tuple(_changes(measurements, names)),
        notes=tuple(note for one in measurements for note in _notes(one)),
        names=names,
        drawn=drawn,
        picture_height=drawn[-1].y + _height(drawn[-1].section) + 60 if drawn else PICTURE_TOP,
    )


def _notes(one: Measurement) -> Iterable[Note]:
    for unseen in one.unseen:
        title, _ = WORDS.get(unseen.scenario, (unseen.scenario, ""))
        yield Note(f"{title}: not shown, for {unseen.why}.", kept=True)
    if one.failure is not None:
        yield Note(f"The measurement ended early, at {one.failure}.", kept=False)


def _drawn(sections: Sequence[Section]) -> tuple[Drawn, ...]:
    """The first chart of each title that has one, under each other."""
    found: dict[str, Section] = {}
    for section in sections:
        if section.bars or section.stacks:
            found.setdefault(section.title, section)
    y, drawn = float(PICTURE_TOP), []
    for section in found.values():
        drawn.append(Drawn(y, section))
        y += _height(section) + PICTURE_GAP
    return tuple(drawn)


def _height(section: Section) -> float:
    charts = (section.bars, section.stacks)
    return next(chart.height for chart in charts if chart is not None)


def _pair(pair: Pair) -> str:
    return str(pair.down) if pair.down == pair.up else f"{pair.down} down and {pair.up} up"


def _tiles(measurements: Sequence[Measurement]) -> Iterable[Tile]:
    rows = [row for one in measurements for row in one.rows]
    events = [event for one in measurements for event in one.events]
    totals = [total for one in measurements for total in one.totals]
    if rows:
        kept = sum(row.kept for row in rows)
        words = "promises kept (0.99 or more)"
        yield Tile(f"{kept} of {len(rows)}", words, "promises kept", kept == len(rows))
        worst = min(rows, key=lambda row: row.ratio)
        words = "measured over promised, the office that got least"
        yield Tile(f"{worst.ratio:.3f}", words, "the least kept promise", worst.kept)
    links = [total.ratio for total in totals if total.what == "link"]
    if links:
        words = "of the usable link in use, at least"
        yield Tile(f"{100 * min(links):.1f} %", words, "of the usable link in use")
    public = [total.ratio for total in totals if total.what == "public"]
    if public:
        words = "of what two offices leave, taken by the public"
        yield Tile(f"{100 * min(public):.1f} %", words, "of the rest to the public")
    if events:
        lost = sum(sum(event.probe.lost.values()) for event in events)
        sent = sum(sum(event.probe.sent.values()) for event in events)
        words = "probe packets lost by the router while something changed"
        yield Tile(f"{lost} of {sent:,}", words, "probe packets lost", not lost)


def _section(one: Measurement, scenario: str) -> Section:
    rows = [row for row in one.rows if row.scenario == scenario]
    totals = [total for total in one.totals if total.scenario == scenario]
    events = [event for event in one.events if event.scenario == scenario]
    moment = next(item for item in one.moments if item.scenario == scenario)
    title, words = WORDS.get(scenario, (scenario, ""))
    points = one.points
    stacked = any(total.what == "public" for total in totals)
    local = datetime.fromisoformat(moment.at).astimezone(ZoneInfo(one.zone))
    return Section(
        title=title,
        words=words,
        moment=f"{local:%A %d %B %Y, %H:%M %Z}",
        profile=moment.profile,
        kept=bool(found := one.of(scenario)) and all(finding.kept for finding in found),
        bars=bar_chart(rows, one.names, points) if rows and not stacked else None,
        stacks=stack_chart(rows, totals, one.names, points) if stacked else None,
        totals=tuple(_total(total) for total in totals),
        events=tuple(_event(event) for event in events),
        rows=tuple(rows),
    )


def _total(total: Total) -> TotalView:
    what = "the usable link" if total.what == "link" else "what the two offices leave"
    return TotalView(
        words=f"{TITLES[total.direction]}, of {what}",
        measured=str(about(Rate(max(1, total.measured)))),
        promised=str(about(Rate(total.promised))),
        ratio=f"{total.ratio:.4f}",
        kept=total.kept,
    )


def _event(event: Event) -> EventView:
    changed, expected = len(event.changed), len(event.expected)
    right = event.changed == event.expected and not event.rebuilt
    probe = event.probe
    sent, lost = sum(probe.sent.values()), sum(probe.lost.values())
    provider = sum(probe.lost_by_provider.values())
    return EventView(
        what=event.what,
        classes=(
            f"{changed} classes changed in the kernel, each of them expected"
            if right
            else f"{changed} classes changed in the kernel, {expected} were expected"
        ),
        right=right,
        lost=f"{lost} of {sent:,} probe packets lost by the router, {provider} by the provider",
        whole=probe.whole,
        gap=f"{max(probe.longest_gap.values()):.0f} ms",
        delay=f"{max(probe.delay_p99.values()):.1f} ms",
    )


def _changes(measurements: Sequence[Measurement], names: dict[str, str]) -> Iterable[Change]:
    """What an edit did: the same scenario before and after, where a promise of an office moved."""
    for before, after in pairwise(measurements):
        old = {(row.scenario, row.office, row.direction): row for row in before.rows}
        for row in after.rows:
            former = old.get((row.scenario, row.office, row.direction))
            moved = former and abs(row.promised - former.promised) * 100 > former.promised
            if former and moved and row.office not in after.points:
                yield Change(
                    name=names.get(row.office, row.office),
                    direction=TITLES[row.direction],
                    before=str(about(Rate(former.promised))),
                    after=str(about(Rate(row.promised))),
                    measured_before=str(about(Rate(former.measured))),
                    measured_after=str(about(Rate(row.measured))),
                    ratio=f"{row.ratio:.3f}",
                    kept=row.kept,
                )
