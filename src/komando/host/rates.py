"""Rates in steps of five percent: how often each was seen, which a day's file can hold."""

from __future__ import annotations

import math

from .typed import Any

LEAST = 1000
"""bit/s: bin 0 is all that is slower."""

STEP = 1.05
"""Bin n (from 1 on) begins at LEAST * STEP ** (n - 1) bit/s; the next one at STEP times that."""

_LOG_STEP = math.log(STEP)


def bin_of(rate: float) -> int:
    """The number of the bin that holds a rate in bit/s; 378 is at 100 Gbit/s."""
    return 0 if rate < LEAST else 1 + int(math.log(rate / LEAST) / _LOG_STEP + 1e-9)


class Seen:
    """What was seen of one class in one direction, under one profile and one ceiling.

    `seconds` were measured since `since`, in so many readings' worth of `bins`: seconds by bin.
    `most` is the highest rate of a reading in bit/s, and `at` its end. Times are ISO, UTC.
    """

    def __init__(
        self,
        since: str,
        seconds: int = 0,
        most: int = 0,
        at: str = "",
        bins: dict[str, int] | None = None,
    ) -> None:
        self.since = since
        self.seconds = seconds
        self.most = most
        self.at = at
        self.bins = {} if bins is None else bins

    @classmethod
    def from_fields(cls, fields: Any) -> Seen:
        """Reads what `vars` made of it; raises ValueError or TypeError for anything else."""
        seen = cls(**fields)
        numbers = {seen.seconds, seen.most, *seen.bins.values(), *map(int, seen.bins)}
        if {type(number) for number in numbers} != {int} or min(numbers) < 0:
            raise ValueError("a number was expected")
        return seen

    def add(self, rate: int, seconds: int, at: str) -> None:
        """One more reading: `rate` bit/s over so many seconds, which ended `at`."""
        name = str(bin_of(rate))
        self.bins[name] = self.bins.get(name, 0) + seconds
        self.seconds += seconds
        if rate > self.most or not self.at:
            self.most, self.at = rate, at

    def join(self, other: Seen) -> None:
        """Takes in what another file says of the same class, direction, profile and ceiling."""
        self.since = min(self.since, other.since)
        self.seconds += other.seconds
        for name, seconds in other.bins.items():
            self.bins[name] = self.bins.get(name, 0) + seconds
        if other.most > self.most or not self.at:
            self.most, self.at = other.most, other.at
