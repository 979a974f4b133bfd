"""Days on which a calendar opens or closes at other times than before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

from komando.host.calendar import parse_calendar
from komando.intent import RouterIntent
from komando.plan.model import Hours
from komando.plan.wording import Wording

MOST_DAYS = 6
"""Days that are spelt out; of more, the first and the last are."""

_Days = dict[date, str]


def compare_hours(old: tuple[Wording, str], new: tuple[Wording, str]) -> Iterator[Hours]:
    """Compare two intents with the texts of their calendar files, day by day.

    Days that only one of the two covers say nothing. A calendar whose weeks change is told as a
    change of the calendar, too; else it is the holidays or a period that changed.
    """
    (before, covered_before), (after, covered_after) = (
        _days(words.intent, text) for words, text in (old, new)
    )
    first = max(covered_before[0], covered_after[0])
    last = min(covered_before[1], covered_after[1])
    for slug in sorted(before.keys() & after.keys()):
        was, now = before[slug], after[slug]
        days = [
            day
            for day in sorted(was.keys() | now.keys())
            if first <= day <= last and was.get(day) != now.get(day)
        ]
        if days:
            weekly = old[0].intent.calendars.get(slug) != new[0].intent.calendars.get(slug)
            place = new[0].place("region", "", *(("calendars", slug) if weekly else ("holidays",)))
            yield Hours(slug, tuple(_tell(days, was, now)), len(days), place)
    if covered_before[1].year != covered_after[1].year:
        reach = f"they reach into {covered_after[1].year} (was {covered_before[1].year})"
        place = new[0].place("region", "", "covers", "until")
        yield Hours("all calendars", (reach,), 0, place)


def _tell(days: list[date], was: _Days, now: _Days) -> Iterator[str]:
    if len(days) > MOST_DAYS:
        yield f"{len(days)} days from {_day(days[0])} to {_day(days[-1])}"
        return
    for day in days:
        before, after = was.get(day, "closed"), now.get(day, "closed")
        yield f"{_day(day)}: {after} (was {before})"


def _day(day: date) -> str:
    return day.strftime("%a %d %b %Y")


def _days(intent: RouterIntent, text: str) -> tuple[dict[str, _Days], tuple[date, date]]:
    """Each calendar's hours by local day, and the first and last day that the text covers."""
    zone = ZoneInfo(intent.zone)
    calendar = parse_calendar(text)
    opened = {profile.name: frozenset(profile.open) for profile in intent.profiles}
    spans: dict[str, defaultdict[date, list[str]]] = {}
    for slug in sorted(frozenset().union(*opened.values())):
        spans[slug] = defaultdict(list)
        for start, end in _spans(slug, opened, zip(calendar.instants, calendar.names, strict=True)):
            local, until = start.astimezone(zone), end.astimezone(zone)
            spans[slug][local.date()].append(f"{local:%H:%M}-{until:%H:%M}")
    covered = (
        calendar.instants[0].astimezone(zone).date(),
        calendar.instants[-1].astimezone(zone).date(),
    )
    days = {
        slug: {day: ", ".join(texts) for day, texts in found.items()}
        for slug, found in spans.items()
    }
    return days, covered


def _spans(
    slug: str, opened: dict[str, frozenset[str]], lines: Iterable[tuple[datetime, str]]
) -> Iterator[tuple[datetime, datetime]]:
    """From when to when the calendar is open; neighbours that are both open are one span."""
    start: datetime | None = None
    for instant, name in lines:
        if slug in opened.get(name, frozenset()):
            start = start or instant
        elif start is not None:
            yield start, instant
            start = None
