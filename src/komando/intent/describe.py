"""A calendar in words, as plans and `komando show` print it."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from komando.policy import Region

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def describe_hours(region: Region, slug: str) -> str:
    """`Mon-Thu 07:00-15:30, Fri 07:00-14:30, closed on holidays`."""
    calendar = region.calendars[slug]
    if calendar.always:
        return "at all hours"
    hours = [
        (day, " ".join(str(window) for window in calendar.windows.get(day, ()))) for day in range(7)
    ]
    parts = []
    for text, group in groupby(hours, key=lambda item: item[1]):
        if text:
            days = [day for day, _ in group]
            span = DAYS[days[0]] if len(days) == 1 else f"{DAYS[days[0]]}-{DAYS[days[-1]]}"
            parts.append(f"{span} {text}")
    closed = ", closed on holidays" if calendar.holidays == "closed" else ""
    return ", ".join(parts) + closed
