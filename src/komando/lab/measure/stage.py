"""What every scenario works with: the city under load, its counters, and the report so far."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from komando.intent import Profile
from komando.lab.city import City
from komando.lab.measure.counters import (
    Gauge,
    Reading,
    Taps,
    Ticks,
    processor_seconds,
    provider_drops,
    rate_between,
)
from komando.lab.measure.crew import Crew
from komando.lab.measure.goodput import Tail, parse_goodput
from komando.lab.measure.load import Load, Offer, ports_of, wait_until
from komando.lab.measure.results import Machine, Measurement, Moment, Row, Total
from komando.lab.measure.running import Running
from komando.lab.place import NAMESPACES, Told
from komando.lab.rehearsal import set_clock
from komando.lab.topology import FRAME
from komando.units import DIRECTIONS, Direction

PRIORITY = -10
"""The load's niceness: what else runs on this machine should not look like a slow router."""

SETTLE = 20.0
"""Seconds at most until everybody is served; what is wrong then is measured and told."""

CALM = 8
"""Seconds in a row in which the provider's queue is to drop nothing: streams that begin together
overflow it, are quiet, and overflow it once more some six seconds later."""

SERVED = 0.97
"""The part of its promise at which an office counts as served, two frames more or less."""

FRAMES = 200
"""Of the office with the least promise, so many frames are counted at least."""

STRETCHES = 8
"""So many times as long is counted at most while somebody is short of its promise."""

FULL = 0.98
"""The part of the usable link at which it counts as full."""

WAN = "internet"


@dataclass(frozen=True)
class Count:
    """What one office got in one direction during a window."""

    frame_bytes: int
    seconds: float
    offered: int
    goodput: int | None

    @property
    def rate(self) -> int:
        """bit/s of frames."""
        return round(self.frame_bytes * 8 / self.seconds)


@dataclass(frozen=True)
class Window:
    """Everything that was counted in one stretch of time.

    `arrived` is bit/s of all that reached the internet from the router, whoever sent it.
    """

    offices: Mapping[tuple[str, Direction], Count]
    arrived: int


Judge = Callable[[Window], list[Row | Total]]


@dataclass(frozen=True)
class _Mark:
    """Everything as it stands at one moment of counting."""

    offices: Mapping[Direction, Mapping[str, Reading]]
    wan: Reading
    tails: Mapping[tuple[str, Direction], Tail]


class Stage:
    """One measurement in progress. Make it with `staged`."""

    def __init__(
        self,
        city: City,
        running: Running,
        report: Measurement,
        policies: Path,
        seconds: float,
        told: Told,
    ) -> None:
        self.city, self.running, self.report = city, running, report
        self.policies = policies
        self.seconds, self.told = seconds, told
        self._stack = ExitStack()
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory("-measure")))
        self.crew = self._stack.enter_context(Crew())
        where = {
            slug: (NAMESPACES / one.netns, one.interface) for slug, one in city.endpoints.items()
        }
        internet = (NAMESPACES / city.netns("internet"), "eth0")
        self.taps = self._stack.enter_context(Taps({**where, WAN: internet}))
        self.gauge = self._stack.enter_context(Gauge(city.place.enter("internet"), ports_of(city)))
        self.load = Load(city, self.crew, self.folder)

    def close(self) -> None:
        """End the load and let go of everything."""
        self._stack.close()

    @property
    def slugs(self) -> list[str]:
        """The offices and points that this city has and the router knows."""
        known = {leaf.slug for leaf in self.running.intent.leaves}
        return [slug for slug in self.city.endpoints if slug in known]

    def set_load(self, offers: Mapping[str, Offer]) -> None:
        """Let exactly these offices ask for exactly this."""
        self.told("starting the load", f"{len(offers)} offices and points")
        self.load.ask(offers)

    def go_to(self, scenario: str, moment: datetime, profile: Profile) -> None:
        """Set the router's clock, and note when the scenario is seen."""
        self.told("setting the clock", moment.isoformat())
        set_clock(self.city, moment.isoformat())
        self.report.moments.append(Moment(scenario, moment.isoformat(), profile.name))

    def settle(self, promised: Mapping[tuple[str, Direction], int]) -> None:
        """Wait until each of these is served in peace, or for as long as makes sense."""
        self.told("waiting until everybody is served", "")
        last, lost = self.look(), provider_drops(self.city)

        def served() -> bool:
            nonlocal last, lost
            self.load.check()
            before, last = last, self.look()
            lost_before, lost = lost, provider_drops(self.city)
            behind = [
                f"{slug} {direction}"
                for (slug, direction), bits in promised.items()
                if not nearly(before[direction][slug], last[direction][slug], bits)
            ]
            self.told("waiting until everybody is served", ", ".join(behind[:3]))
            return not behind and lost == lost_before

        wait_until(served, 2 * SETTLE, times=CALM // 2)

    def fill(self) -> None:
        """Wait until the link is full and the provider's queue calm, or as long as makes sense.

        While streams begin they overflow that queue, and what it drops the router never saw.
        """
        self.told("waiting until the link is full", "")
        last, lost = self.look(), provider_drops(self.city)

        def full() -> bool:
            nonlocal last, lost
            self.load.check()
            before, last = last, self.look()
            lost_before, lost = lost, provider_drops(self.city)
            return lost == lost_before and all(
                sum(rate_between(before[way][slug], last[way][slug]) for slug in last[way])
                > FULL * self.attainable(way, self.load.slugs)
                for way in DIRECTIONS
            )

        wait_until(full, 2 * SETTLE, times=CALM)

    def span(self, promised: Mapping[tuple[str, Direction], int]) -> float:
        """Seconds to count: long enough that a frame more or less says little of a promise."""
        slowest = min(promised.values(), default=0)
        return max(self.seconds, FRAMES * FRAME * 8 / slowest if slowest else 0)

    def count(self, scenario: str, slugs: Sequence[str], seconds: float, judge: Judge) -> None:
        """Count what these offices get, and note what `judge` finds in it.

        Not for less than `seconds`. While a finding is not kept the counting goes on, up to
        `STRETCHES` times as long, until all of them are, at once, from the beginning of some
        stretch until now: a moment's lack passes, as of a load that was quiet or of a machine that
        had other work, and one that lasts does not. Then the whole stands.
        """
        self.told("counting", f"{scenario}, {seconds:.0f} s")
        self.load.check()
        ticks, used = Ticks.now(), processor_seconds(self.crew.pids)
        marks = [self._mark(slugs)]
        found: list[Row | Total] = []
        for _ in range(STRETCHES):
            time.sleep(seconds)
            marks.append(self._mark(slugs))
            found = kept_since([judge(_window(one, marks[-1])) for one in marks[:-1]])
            broken = [one.about for one in found if not one.kept]
            if not broken:
                break
            self.told("counting on", f"not kept: {', '.join(broken[:3])}")
        self._note_machine(scenario, ticks, used)
        self.load.check()
        for one in found:
            self.report.note(one)

    def rows(
        self, scenario: str, window: Window, promised: Mapping[tuple[str, Direction], int]
    ) -> list[Row]:
        """What these offices got."""
        return [
            Row(
                scenario=scenario,
                office=slug,
                direction=direction,
                promised=bits,
                measured=count.rate,
                frame_bytes=count.frame_bytes,
                seconds=round(count.seconds, 4),
                goodput=count.goodput,
                offered=count.offered if direction == "up" else None,
            )
            for (slug, direction), bits in promised.items()
            for count in [window.offices[slug, direction]]
        ]

    def totals(self, scenario: str, window: Window, slugs: Collection[str]) -> list[Total]:
        """How full the link was with these offices."""
        measured: dict[Direction, int] = {
            "down": sum(window.offices[slug, "down"].rate for slug in slugs),
            "up": window.arrived,
        }
        return [
            Total(scenario, way, "link", self.attainable(way, slugs), measured[way])
            for way in DIRECTIONS
        ]

    def ceiling(self, direction: Direction, slug: str) -> int:
        """bit/s that an office can get at most: all that is usable while it is only observed."""
        leaf, usable = self.running.intent.leaf(slug), self.city.usable.of(direction).bits
        return usable if leaf.mode == "observe" else min(usable, leaf.ceiling.of(direction).bits)

    def attainable(self, direction: Direction, slugs: Iterable[str]) -> int:
        """bit/s that these can get together: the usable link, or what a few have as ceilings."""
        most = sum(self.ceiling(direction, slug) for slug in slugs)
        return min(self.city.usable.of(direction).bits, most)

    def look(self) -> dict[Direction, dict[str, Reading]]:
        """A reading of each office: downloads at its interface, uploads where they arrive."""
        return {"down": self.taps.read(self.city.endpoints), "up": self.gauge.read()}

    def _mark(self, slugs: Sequence[str]) -> _Mark:
        tails = {
            (slug, direction): Tail(self.load.output(slug, direction))
            for slug in slugs
            for direction in DIRECTIONS
        }
        return _Mark(self.look(), self.taps.read([WAN])[WAN], tails)

    def _note_machine(self, scenario: str, ticks: Ticks, used: float) -> None:
        now = Ticks.now()
        total = now.total - ticks.total
        self.report.machine.append(
            Machine(
                scenario=scenario,
                cores=os.cpu_count() or 1,
                busy=round(1 - (now.idle - ticks.idle) / total, 3),
                own=round((processor_seconds(self.crew.pids) - used) / total, 3),
                softirq=round((now.softirq - ticks.softirq) / total, 3),
                stolen=round((now.stolen - ticks.stolen) / total, 3),
            )
        )


def kept_since(judged: Sequence[list[Row | Total]]) -> list[Row | Total]:
    """Of what was found from each stretch until now, the longest that is kept as a whole.

    `judged[0]` is found from the beginning; it stands where none is kept.
    """
    return next((one for one in judged if all(found.kept for found in one)), judged[0])


def _window(first: _Mark, last: _Mark) -> Window:
    offices = {
        (slug, direction): _count(
            direction, slug, first.offices, last.offices, parse_goodput(tail.text())
        )
        for (slug, direction), tail in first.tails.items()
    }
    return Window(offices, rate_between(first.wan, last.wan))


def _count(
    direction: Direction,
    slug: str,
    before: Mapping[Direction, Mapping[str, Reading]],
    after: Mapping[Direction, Mapping[str, Reading]],
    goodput: int | None,
) -> Count:
    first, last = before[direction][slug], after[direction][slug]
    one, other = before["down"][slug], after["down"][slug]
    return Count(
        frame_bytes=last.received - first.received,
        seconds=last.at - first.at,
        offered=round((other.sent - one.sent) * 8 / (other.at - one.at)),
        goodput=goodput,
    )


@contextmanager
def staged(
    city: City,
    running: Running,
    report: Measurement,
    policies: Path,
    seconds: float,
    told: Told,
) -> Iterator[Stage]:
    """A stage whose load, counters and processes are gone afterwards, whatever happens."""
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    try:
        stage = Stage(city, running, report, policies, seconds, told)
        try:
            yield stage
        finally:
            stage.close()
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, nice)


def nearly(before: Reading, after: Reading, promised: int) -> bool:
    """Whether an office gets its promise, as far as a second of a slow line can show."""
    octets = promised / 8 * (after.at - before.at)
    return after.received - before.received >= SERVED * octets - 2 * FRAME


def promised_to(
    running: Running, profile: Profile, slugs: Iterable[str]
) -> dict[tuple[str, Direction], int]:
    """bit/s by office and direction: what each of these gets when all ask for more."""
    slugs = list(slugs)
    return {
        (slug, direction): running.promised(profile, direction)[slug]
        for direction in DIRECTIONS
        for slug in slugs
    }
