"""What an answer has to go with: the answers before it, and the covered days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import NamedTuple

from komando.policy import Region
from komando.units import DIRECTIONS, Pair


class Bound(NamedTuple):
    """A rate that another one may not pass, and what it is."""

    rate: Pair
    what: str


def within(*, least: Bound | None = None, most: Bound | None = None) -> Callable[[Pair], str]:
    """A rate between two others, in both directions."""

    def limit(found: Pair) -> str:
        if least is not None and any(found.of(way) < least.rate.of(way) for way in DIRECTIONS):
            return f"{found} is below {least.what}, {least.rate}"
        if most is not None and any(found.of(way) > most.rate.of(way) for way in DIRECTIONS):
            return f"{found} is above {most.what}, {most.rate}"
        return ""

    return limit


def from_day(first: date) -> Callable[[date], str]:
    """A last day that is not before the first."""
    return lambda day: f"{day} is before the first day, {first}" if day < first else ""


def covered(region: Region, first: date | None = None) -> Callable[[date], str]:
    """A day of those that the policies cover, and not before a first one."""
    days = region.covers

    def limit(day: date) -> str:
        if not days.start <= day <= days.end:
            return f"{day} is not one of the covered days, {days.start} to {days.end}"
        return "" if first is None else from_day(first)(day)

    return limit
