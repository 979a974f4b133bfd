"""What a host has counted of its classes in the last week: `komando-host usage`, read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from komando.units import Direction


@dataclass(frozen=True)
class Span:
    """Seconds in which a class sent `least` bit/s or more, and less than `below`."""

    least: float
    below: float
    seconds: int


@dataclass(frozen=True)
class Series:
    """What was seen of one class in one direction, under one profile and one ceiling (bit/s).

    `most` is the highest rate of a minute, in bit/s, which ended `at`; `spans` ascend.
    """

    class_id: str
    direction: Direction
    profile: str
    ceiling: int
    since: datetime
    seconds: int
    most: int
    at: datetime
    spans: tuple[Span, ...]

    def above(self, rate: float) -> int:
        """Seconds in which it surely sent more than `rate` bit/s: to one span's width."""
        return sum(span.seconds for span in self.spans if span.least >= rate)


@dataclass(frozen=True)
class Usage:
    """All series of one host."""

    series: tuple[Series, ...] = ()

    def of(self, class_id: str, direction: Direction, ceiling: int) -> tuple[Series, ...]:
        """Those of a class that were measured under this ceiling, or a higher one.

        The kernel counts ceilings in whole byte/s: a thousandth less is the same one.
        """
        return tuple(
            one
            for one in self.series
            if (one.class_id, one.direction) == (class_id, direction)
            and one.ceiling * 1000 >= ceiling * 999
        )


def not_passed(series: Iterable[Series], part: float) -> float:
    """The rate (bit/s) that was not passed in this part of the time, to a span's width."""
    series = tuple(series)
    spans = sorted((span for one in series for span in one.spans), key=lambda span: span.least)
    left = sum(span.seconds for span in spans) * part
    for span in spans:
        left -= span.seconds
        if left <= 0:
            return min(span.below, max(one.most for one in series))
    return 0.0


def read_usage(answer: Mapping[str, Any]) -> Usage:
    """Reads an answer of the host program. Raises ValueError for one that is not understood."""
    try:
        least, step = float(answer["least"]), float(answer["step"])
        return Usage(tuple(_series(row, least, step) for row in answer["rows"]))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"usage is not understood: {error!r}") from error


def _series(row: Mapping[str, Any], least: float, step: float) -> Series:
    bins = sorted((int(number), int(seconds)) for number, seconds in row["bins"].items())
    if row["direction"] not in ("down", "up"):
        raise ValueError(f"usage has a direction {row['direction']!r}")
    return Series(
        class_id=str(row["class"]),
        direction=row["direction"],
        profile=str(row["profile"]),
        ceiling=int(row["ceiling"]),
        since=datetime.fromisoformat(row["since"]),
        seconds=int(row["seconds"]),
        most=int(row["most"]),
        at=datetime.fromisoformat(row["at"]),
        spans=tuple(
            Span(_edge(number, least, step), _edge(number + 1, least, step), seconds)
            for number, seconds in bins
        ),
    )


def _edge(number: int, least: float, step: float) -> float:
    return least * step ** (number - 1) if number else 0.0
