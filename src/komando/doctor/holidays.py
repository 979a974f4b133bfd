"""Holidays of which the library knows only about when they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final

from komando.doctor.symptom import Symptom, until
from komando.policy import Region

SOON: Final = 60
"""Days before an estimated holiday from which on it is a warning: a review, and a merge."""


def estimated_holidays(
    region: Region, estimated: Mapping[date, str], today: date
) -> Iterator[Symptom]:
    """Those that lie ahead in the covered days and that the region has not decided itself.

    `estimated` has the library's names of such days. A day that stands in `add` or `remove` of the
    region's file is decided. Nothing where no covered day is ahead.
    """
    if today > region.covers.end:
        return
    if all(one.always or one.holidays == "open" for one in region.calendars.values()):
        return
    book = region.holidays
    decided = {one.date for one in book.add} | {one.date for one in book.remove}
    ahead = {
        day: name
        for day, name in sorted(estimated.items())
        if max(today, region.covers.start) <= day <= region.covers.end and day not in decided
    }
    if not ahead:
        yield Symptom("holiday-estimated", "ok", "every holiday that lies ahead is decided")
        return
    first = min(ahead)
    named = "; ".join(f"{day} {name}" for day, name in ahead.items())
    yield Symptom(
        "holiday-estimated",
        "warning" if (first - today).days <= SOON else "note",
        f"the days of some holidays are estimated ({named}), the first on {until(first, today)}",
        "when the joint decree is out, write each day into `holidays.add` of policies/region.yaml, "
        "and into `holidays.remove` those that were estimated otherwise",
    )
