"""`loop.push`: from `git push` to measured megabits, beside the same change typed by hand.

A city of five offices whose forge is a bare repository. One office downloads alone, so that it gets
its ceiling, and that is what changes. Ours: a branch is pushed (its plan comes back), approved by
somebody else, merged and applied, until a second is measured near the new rate. The peer: `tc class
change` by ssh on the router, which plans, reviews, verifies and records nothing, until the same is
measured. Both in seconds, in turns, on one machine. Needs root.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.rows import Contest, Unmeasured
from komando.lab.measure.alone import alone, wait_for
from tests.lab.conftest import on_router, own_city
from tests.lab.town import Town

OFFICE, CLASS = "dinas-kesehatan", "1:414"
RATES = (80, 60)
"""The two ceilings in Mbit/s; each round goes from one to the other."""

PATIENCE = 60.0
"""Seconds in which the new rate has to be seen."""


@dataclass
class Track:
    """The city under load, and at which of the two rates its office is."""

    town: Town
    measured: Callable[[], int]
    at: int = RATES[0]

    def ours(self) -> float:
        """Push, approve, merge; seconds until the office is at the new rate."""
        self.at = RATES[self.at == RATES[0]]
        began = time.monotonic()
        asked = self.town.propose(OFFICE, self.at)
        self.town.approve(asked.number)
        merged = self.town.merge(asked.number)
        if merged.returncode != 0:
            raise Unmeasured(merged.stderr)
        return self._until(self.at, began)

    def theirs(self) -> float:
        """Change the class by hand, and back again afterwards; seconds until it is seen."""
        other = RATES[self.at == RATES[0]]
        began = time.monotonic()
        self._by_hand(other)
        seconds = self._until(other, began)
        self._by_hand(self.at)
        self._until(self.at, time.monotonic())
        return seconds

    def _by_hand(self, rate: int) -> None:
        divided = rate * 10**6 // self.town.city.divisor
        floor = 4 * 10**6 // self.town.city.divisor
        on_router(
            self.town.city,
            f"tc class change dev ifb0 parent 1:10 classid {CLASS} htb prio 1 quantum 6554 "
            f"rate {floor}bit ceil {divided}bit burst 10000b cburst 10000b",
        )

    def _until(self, rate: int, began: float) -> float:
        found = wait_for(self.measured, rate * 10**6, PATIENCE)
        if abs(found - rate * 10**6) > rate * 10**5:
            raise Unmeasured(f"{OFFICE} was to get {rate} Mbit/s, and got {found / 10**6:.1f}")
        return time.monotonic() - began


@contextmanager
def loop_push() -> Iterator[Contest]:
    """Both sides on one city. Raises Unmeasured without root."""
    if os.geteuid() != 0:
        raise Unmeasured("needs root: the city is made of network namespaces")
    try:
        with (
            TemporaryDirectory() as folder,
            own_city("l", "--offices", "5") as city,
            alone_after(Town.begin(city, Path(folder))) as track,
        ):
            yield Contest("s", "`tc class change` by ssh", track.ours, track.theirs)
    except subprocess.CalledProcessError as error:
        raise Unmeasured(f"{error}: {error.stderr}") from error


@contextmanager
def alone_after(town: Town) -> Iterator[Track]:
    """The load of one office, at the rate with which the policies begin."""
    with alone(town.city, OFFICE) as measured:
        wait_for(measured, RATES[0] * 10**6, PATIENCE)
        yield Track(town, measured)
