"""The calendar as instants: which calendars are open and which exceptions hold, from when on.

The instants are exact boundaries in UTC; between two of them nothing changes. Holidays, the
office's own overlay and periods such as Ramadan are already in them, so that a host needs no
rule of its own, only a clock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from komando.policy.public_holidays import holidays_in

if TYPE_CHECKING:
    from komando.policy import Calendar, OfficeException, Opd, Policy, Region

DAY_MINUTES = 24 * 60


@dataclass(frozen=True, order=True)
class State:
    """The calendars that are open, and the keys of the exceptions that have an effect.

    An exception changes what its office gets in the office's own hours, or lends it another
    calendar's as well; while neither is open it is left out, so that a night stays one state.
    An office that is observed has its guarantee at all hours, an exceptional one, too.
    """

    open: tuple[str, ...]
    exceptions: tuple[str, ...]


def exception_key(slug: str, start: date) -> str:
    """The name of an exception: those of one office never overlap, so its first day does."""
    return f"{slug}@{start.isoformat()}"


def exception_parts(key: str) -> tuple[str, str]:
    """The office of an exception, and its first day, by its name."""
    slug, _, start = key.partition("@")
    return slug, start


@dataclass(frozen=True, order=True)
class Transition:
    """From this instant (UTC) on, this profile is in force."""

    instant: datetime
    profile: str


def days_off(region: Region) -> dict[date, str]:
    """The days on which a calendar that closes on holidays is closed, each with its name."""
    book = region.holidays
    years = tuple(range(region.covers.start.year, region.covers.end.year + 1))
    days = dict(holidays_in(book.country, tuple(book.categories), years))
    for added in book.add:
        days[added.date] = added.name
    for removed in book.remove:
        days.pop(removed.date, None)
    return days


def covered_days(region: Region) -> Iterator[date]:
    """Each day that the policy covers, the first and the last included."""
    count = (region.covers.end - region.covers.start).days + 1
    return (region.covers.start + timedelta(days=n) for n in range(count))


def open_windows(
    region: Region, slug: str, day: date, off: dict[date, str]
) -> list[tuple[int, int]]:
    """The minutes of the day, [start, end), in which a calendar is open."""
    calendar: Calendar = region.calendars[slug]
    if calendar.always:
        return [(0, DAY_MINUTES)]
    if day in off and calendar.holidays == "closed":
        return []
    windows = calendar.windows
    for period in region.periods:
        if period.start <= day <= period.end and slug in period.windows:
            windows = period.windows[slug]
    return [(window.start, window.end) for window in windows.get(day.weekday(), ())]


def instant(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """The UTC instant of a minute of a local day; minute 1440 is the next midnight.

    A wall time that a change of the clocks skips or repeats is taken at its first reading
    (PEP 495, fold 0); Indonesia changes no clocks.
    """
    days, rest = divmod(minute, DAY_MINUTES)
    local = datetime.combine(day + timedelta(days=days), time(rest // 60, rest % 60), zone)
    return local.astimezone(UTC)


def timeline(policy: Policy) -> list[tuple[datetime, State]]:
    """The states of the covered days in order; the first begins at the first midnight.

    Neighbours differ: a window that ends as another begins is no boundary.
    """
    region = policy.region
    zone = ZoneInfo(region.zone)
    off = days_off(region)
    opens: dict[datetime, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for slug, calendar in region.calendars.items():
        if calendar.always:
            continue
        for day in covered_days(region):
            for start, end in open_windows(region, slug, day, off):
                opens[instant(day, start, zone)][slug] += 1
                opens[instant(day, end, zone)][slug] -= 1
    holds: dict[datetime, list[tuple[Opd, OfficeException, bool]]] = defaultdict(list)
    first = instant(region.covers.start, 0, zone)
    last = instant(region.covers.end, DAY_MINUTES, zone)
    for opd in policy.opd.values():
        for item in opd.exceptions:
            begins = max(first, instant(item.start, 0, zone))
            ends = min(last, instant(item.end, DAY_MINUTES, zone))
            if begins < ends:
                holds[begins].append((opd, item, True))
                holds[ends].append((opd, item, False))
    return _sweep(region, first, last, opens, holds)


def _sweep(
    region: Region,
    first: datetime,
    last: datetime,
    opens: dict[datetime, dict[str, int]],
    holds: dict[datetime, list[tuple[Opd, OfficeException, bool]]],
) -> list[tuple[datetime, State]]:
    level = {slug: int(calendar.always) for slug, calendar in region.calendars.items()}
    active: dict[str, tuple[Opd, OfficeException]] = {}
    states: list[tuple[datetime, State]] = []
    for moment in sorted({first, *opens, *holds}):
        if moment >= last:
            break
        for slug, step in opens.get(moment, {}).items():
            level[slug] += step
        for opd, item, begins in sorted(holds.get(moment, ()), key=lambda change: change[2]):
            key = exception_key(opd.slug, item.start)
            if begins:
                active[key] = (opd, item)
            else:
                del active[key]
        now = {slug for slug, count in level.items() if count > 0}
        state = State(
            open=tuple(sorted(now)),
            exceptions=tuple(
                sorted(key for key, (opd, item) in active.items() if _in_effect(opd, item, now))
            ),
        )
        if not states or states[-1][1] != state:
            states.append((moment, state))
    return states


def _in_effect(opd: Opd, item: OfficeException, now: set[str]) -> bool:
    if opd.calendar in now or opd.mode == "observe":
        return item.guarantee is not None
    return item.calendar in now
