"""Which day it is, where the policies hold."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from komando.policy.regions import Region


def day_in(region: Region | None, today: date) -> date:
    """A day as it is; a moment (with its zone) as the region's day, where a region is known."""
    if not isinstance(today, datetime):
        return today
    return (today if region is None else today.astimezone(ZoneInfo(region.zone))).date()
