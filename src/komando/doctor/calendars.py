"""Calendars: how long they are good for, and periods such as Ramadan that nobody has written."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise
from statistics import median
from typing import Final

from komando.doctor.symptom import Symptom, until
from komando.policy import Period, Region

NOTICE: Final = 90
"""Days before the end of coverage from which on it is told: a quarter, as the joint decree on the
next year's holidays comes in autumn."""

LUNAR_YEAR: Final = 354
"""Days from one Ramadan to the next, or one more: twelve months of the moon."""

SLACK: Final = 15
"""Days by which one may begin earlier than the one before it lets expect."""

_YEARLY: Final = frozenset({"ramadan", "ramadhan", "puasa"})
"""Names of a period that comes each year, also where it stands but once."""


def calendars(region: Region, today: date) -> Iterator[Symptom]:
    """How long the calendars cover, and whether each period stands in every year of that."""
    end = region.covers.end
    left = (end - today).days
    if left < 0:
        yield Symptom(
            "calendar-ends",
            "error",
            f"the calendars ended on {until(end, today)}: routers stay in their last profile",
            "docs/runbooks/the-calendar-ends.md",
        )
    elif left <= NOTICE:
        yield Symptom(
            "calendar-ends",
            "warning",
            f"the calendars end on {until(end, today)}",
            "docs/runbooks/the-calendar-ends.md",
        )
    else:
        yield Symptom("calendar-ends", "ok", f"the calendars are complete until {end}")
    yield from _periods(region, today)


def _periods(region: Region, today: date) -> Iterator[Symptom]:
    families: dict[str, list[Period]] = defaultdict(list)
    for period in region.periods:
        families[_family(period.name)].append(period)
    missing = []
    for name, periods in families.items():
        starts = sorted(period.start for period in periods)
        missing += [(day, name) for day in _absent(name, starts, region.covers.end) if day >= today]
    for day, name in sorted(missing):
        yield Symptom(
            "period-unwritten",
            "warning",
            f"{name} comes again about {until(day, today)}, and no period has its hours",
            "write it into `periods` of policies/region.yaml, with its days and hours",
        )
    if families and not missing:
        yield Symptom(
            "period-unwritten",
            "ok",
            f"each period stands in every year that is covered: {', '.join(sorted(families))}",
        )


def _family(name: str) -> str:
    """The name of a period without its year: Ramadan 1447 and Ramadan 1448 are one."""
    return re.sub(r"[\s(]*[0-9/]+(?:\s*[A-Z]{1,2})?\)?$", "", name) or name


def _absent(name: str, starts: Sequence[date], end: date) -> Iterator[date]:
    """About when those of a family begin that nobody has written, up to the end of coverage."""
    gaps = [(after - before).days for before, after in pairwise(starts)]
    if not gaps and name.lower() not in _YEARLY:
        return  # once so far, and nobody knows whether it comes again
    usual = min(int(median(gaps)), 366) if gaps else LUNAR_YEAR
    if usual < LUNAR_YEAR - SLACK:  # more than once a year: it follows no rule that we know
        return
    for start, following in zip(starts, [*starts[1:], None], strict=True):
        last = end if following is None else following - timedelta(days=SLACK)
        expected = start + timedelta(days=usual)
        while expected <= last:
            yield expected
            expected += timedelta(days=usual)
