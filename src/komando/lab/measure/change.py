"""A change of the router under load: watched by the kernel, a probe, and everybody's counters."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

from komando.intent import Profile
from komando.lab.measure.counters import Reading, provider_drops, rate_between
from komando.lab.measure.probe import probe
from komando.lab.measure.results import ClassChange, Event, ProbeResult, Sample
from komando.lab.measure.stage import Stage
from komando.lab.measure.witness import Witness
from komando.units import DIRECTIONS, Direction

PROBED = 0.8
"""The part of its least promise that a probe takes: it must not be held back by its own class."""

LEAD, TRAIL = 3.0, 5.0
"""Seconds that everything is watched before and after a change."""

EVERY = 0.25
"""Seconds between two samples of everybody's counters."""

Look = Mapping[Direction, Mapping[str, Reading]]


@dataclass(frozen=True)
class Watched:
    """What was seen of one change; `seconds` is how long it took."""

    seconds: float
    changed: tuple[ClassChange, ...]
    rebuilt: bool
    probe: ProbeResult
    provider_drops: int
    timeline: tuple[Sample, ...]

    def event(
        self,
        scenario: str,
        what: str,
        before: str,
        after: str,
        expected: tuple[ClassChange, ...],
    ) -> Event:
        """As a finding."""
        return Event(
            scenario=scenario,
            what=what,
            before=before,
            after=after,
            seconds=round(self.seconds, 3),
            changed=self.changed,
            expected=expected,
            rebuilt=self.rebuilt,
            probe=self.probe,
            provider_drops=self.provider_drops,
            timeline=self.timeline,
        )


def watch(stage: Stage, office: str, rate: int, act: Callable[[], object]) -> Watched:
    """Do something to the router, and see what changes and whether a packet is lost.

    `office`, which is to be silent otherwise, is probed at `rate` bit/s in both directions. What
    `act` raises passes through.
    """
    before = provider_drops(stage.city)
    witness = Witness(stage.city, stage.crew, stage.folder)
    with probe(stage.city, office, rate) as running, _recording(stage) as looks:
        time.sleep(LEAD)
        began = time.monotonic()
        act()
        ended = time.monotonic()
        time.sleep(TRAIL)
        result = running.finish()
    changed, rebuilt = witness.finish()
    dropped = provider_drops(stage.city) - before
    timeline = tuple(samples(looks, ended, office, stage.report.points))
    return Watched(ended - began, changed, rebuilt, result, dropped, timeline)


def probe_rate(office: str, *profiles: Profile) -> int:
    """bit/s that an office may be probed at: below what all of these profiles promise it."""
    promised = (one.shares[office].of(way).bits for one in profiles for way in DIRECTIONS)
    return int(PROBED * min(promised))


@contextmanager
def _recording(stage: Stage) -> Iterator[list[Look]]:
    """Readings of everybody, four a second, while the block runs."""
    looks: list[Look] = []
    enough = threading.Event()

    def record() -> None:
        while not enough.wait(EVERY):
            looks.append(stage.look())

    thread = threading.Thread(target=record)
    thread.start()
    try:
        yield looks
    finally:
        enough.set()
        thread.join()


def samples(
    looks: list[Look], zero: float, probed: str, points: Collection[str]
) -> Iterator[Sample]:
    """From readings to what the offices and the public got between each two of them."""
    for before, after in pairwise(looks):
        offices: dict[Direction, int] = dict.fromkeys(DIRECTIONS, 0)
        public: dict[Direction, int] = dict.fromkeys(DIRECTIONS, 0)
        for direction in DIRECTIONS:
            for slug, reading in before[direction].items():
                if slug != probed:
                    sums = public if slug in points else offices
                    sums[direction] += rate_between(reading, after[direction][slug])
        times = [one.at for look in (before, after) for one in look["down"].values()]
        yield Sample(round(sum(times) / len(times) - zero, 3), offices, public)
