"""Days: in order, within what the calendars cover, one exception at a time, and not long over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Protocol

from komando.diagnostics import Diagnostic, Related
from komando.documents.document import Path
from komando.policy.model import Draft
from komando.policy.regions import Region
from komando.policy.sites import Opd
from komando.policy.tree import Kind

NOTICE_DAYS = 60
"""Days before the end of coverage from which on it is told: time for the next year's holidays."""

LONG_OVER_DAYS = 90
"""Days after its end from which on an exception should be removed."""

LONGEST_COVERAGE_DAYS = 3660
"""Ten years: further no holiday is known, and every covered day is computed."""


FIRST_YEAR, LAST_YEAR = 2000, 2099
"""Years that can be covered: the library's lunar holidays are good for these."""


class _Days(Protocol):
    @property
    def start(self) -> date: ...
    @property
    def end(self) -> date: ...


def check(draft: Draft, today: date | None) -> Iterator[Diagnostic]:
    """Exceptions of each office, by themselves."""
    for opd in draft.opd.values():
        if opd.exceptions:
            yield from _exceptions(draft, opd, today)


def _exceptions(draft: Draft, opd: Opd, today: date | None) -> Iterator[Diagnostic]:
    for index, item in enumerate(opd.exceptions):
        path = ("exceptions", index)
        yield from _order(draft, "opd", opd.slug, path, item)
        if item.guarantee is None and item.calendar is None:
            yield Diagnostic(
                "exception-empty",
                "error",
                "an exception that changes nothing",
                found="neither `guarantee` nor `calendar`",
                expected="another guarantee, another calendar, or both",
                remedy="add `guarantee: 40 Mbit/s` or `calendar: around-the-clock`",
                location=draft.where("opd", opd.slug, *path),
            )
        if today is not None and (today - item.end).days > LONG_OVER_DAYS:
            yield Diagnostic(
                "exception-over",
                "warning",
                f"an exception that was over {(today - item.end).days} days ago",
                found=f"until {item.end}",
                expected="exceptions that are in force or still to come",
                remedy="remove it; git keeps its history",
                location=draft.where("opd", opd.slug, *path, "until"),
            )
    known = {
        index: item
        for index, item in enumerate(opd.exceptions)
        if _is_known(draft, "opd", opd.slug, ("exceptions", index), item)
    }
    for first, second in _overlapping(known):
        yield _overlap(draft, opd, first, second)


def _is_known(draft: Draft, kind: Kind, slug: str, path: Path, days: _Days) -> bool:
    """Whether both days are as they were written, and in order: only then do others overlap."""
    return days.start <= days.end and _are_sure(draft, kind, slug, path)


def _are_sure(draft: Draft, kind: Kind, slug: str, path: Path) -> bool:
    return all(draft.sure(kind, slug, *path, end) for end in ("from", "until"))


def _overlapping(spans: Mapping[int, _Days]) -> Iterator[tuple[int, int]]:
    """Places of spans that share a day with one that begins before, each once, lower first."""
    latest: int | None = None
    for index in sorted(spans, key=lambda place: spans[place].start):
        if latest is not None and spans[index].start <= spans[latest].end:
            yield min(index, latest), max(index, latest)
        if latest is None or spans[index].end > spans[latest].end:
            latest = index


def _overlap(draft: Draft, opd: Opd, first: int, second: int) -> Diagnostic:
    one, other = opd.exceptions[first], opd.exceptions[second]
    shared = f"{max(one.start, other.start)} to {min(one.end, other.end)}"
    return Diagnostic(
        "exceptions-overlap",
        "error",
        "two exceptions of one office at the same time",
        found=f"both hold from {shared}",
        expected="at most one exception of an office on a day",
        remedy="let one end before the other begins, or join them",
        location=draft.where("opd", opd.slug, "exceptions", second, "from"),
        related=(Related("the other", draft.where("opd", opd.slug, "exceptions", first, "from")),),
    )


def check_covered(draft: Draft, region: Region, today: date | None) -> Iterator[Diagnostic]:
    """The coverage itself, and every date that must lie in it."""
    covers = region.covers
    yield from _order(draft, "region", "", ("covers",), covers)
    yield from _years(draft, covers)
    too_long = (covers.end - covers.start).days > LONGEST_COVERAGE_DAYS
    if too_long and _are_sure(draft, "region", "", ("covers",)):
        yield Diagnostic(
            "covers-long",
            "error",
            "calendars cannot be complete for so many years",
            found=f"{covers.start} to {covers.end}",
            expected="at most ten years",
            remedy="cover the years whose holidays are decided: this one and the next",
            location=draft.where("region", "", "covers", "until"),
        )
    if today is not None and (covers.end - today).days < NOTICE_DAYS:
        yield _ending(draft, covers.end, today)
    for kind, slug, path, day in _days(draft, region):
        if not covers.start <= day <= covers.end and covers.start <= covers.end:
            yield Diagnostic(
                "date-outside",
                "error",
                "a day that the calendars do not cover",
                found=str(day),
                expected=f"{covers.start} to {covers.end}",
                remedy="correct the date, or widen `covers` in region.yaml when the holidays of "
                "that year are known",
                location=draft.where(kind, slug, *path),
                related=(Related("`covers`", draft.where("region", "", "covers")),),
            )
    yield from _periods(draft, region)
    yield from _holidays(draft, region)


def _years(draft: Draft, covers: _Days) -> Iterator[Diagnostic]:
    for key, day in (("from", covers.start), ("until", covers.end)):
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            yield Diagnostic(
                "covers-years",
                "error",
                "a year whose holidays nobody knows",
                found=str(day),
                expected=f"a day of the years {FIRST_YEAR} to {LAST_YEAR}",
                remedy="cover the years whose holidays are decided: this one and the next",
                location=draft.where("region", "", "covers", key),
            )


def _days(draft: Draft, region: Region) -> Iterator[tuple[Kind, str, Path, date]]:
    """Every date that must be covered, with the file and path of each."""
    for index, period in enumerate(region.periods):
        yield "region", "", ("periods", index, "from"), period.start
        yield "region", "", ("periods", index, "until"), period.end
    for index, added in enumerate(region.holidays.add):
        yield "region", "", ("holidays", "add", index, "date"), added.date
    for index, removed in enumerate(region.holidays.remove):
        yield "region", "", ("holidays", "remove", index, "date"), removed.date
    for opd in draft.opd.values():
        for index, item in enumerate(opd.exceptions):
            yield "opd", opd.slug, ("exceptions", index, "from"), item.start
            yield "opd", opd.slug, ("exceptions", index, "until"), item.end


def _order(draft: Draft, kind: Kind, slug: str, path: Path, days: _Days) -> Iterator[Diagnostic]:
    if days.end < days.start and _are_sure(draft, kind, slug, path):
        yield Diagnostic(
            "dates-order",
            "error",
            "days that end before they begin",
            found=f"{days.start} to {days.end}",
            expected="`until` on the day of `from` or later",
            remedy="swap the two, or look at the year",
            location=draft.where(kind, slug, *path, "until"),
        )


def _ending(draft: Draft, end: date, today: date) -> Diagnostic:
    left = (end - today).days
    return Diagnostic(
        "coverage-ends",
        "warning",
        f"the calendars end in {left} days" if left >= 0 else "the calendars have ended",
        found=f"until {end}",
        expected=f"calendars for at least {NOTICE_DAYS} more days",
        remedy="add the next year's periods and holidays, then move `until`",
        location=draft.where("region", "", "covers", "until"),
    )


def _periods(draft: Draft, region: Region) -> Iterator[Diagnostic]:
    by_calendar: dict[str, list[int]] = {}
    for index, period in enumerate(region.periods):
        path = ("periods", index)
        yield from _order(draft, "region", "", path, period)
        for slug in period.windows if _is_known(draft, "region", "", path, period) else ():
            by_calendar.setdefault(slug, []).append(index)
    told = set()
    for slug, indexes in by_calendar.items():
        for pair in _overlapping({index: region.periods[index] for index in indexes}):
            if pair not in told:
                told.add(pair)
                yield _periods_overlap(draft, region, slug, *pair)


def _periods_overlap(
    draft: Draft, region: Region, slug: str, first: int, second: int
) -> Diagnostic:
    return Diagnostic(
        "periods-overlap",
        "error",
        f"two periods with hours of `{slug}` at the same time",
        found=f"{region.periods[first].name} and {region.periods[second].name}",
        expected="at most one period of a calendar on a day",
        remedy="let one end before the other begins",
        location=draft.where("region", "", "periods", second, "from"),
        related=(Related("the other", draft.where("region", "", "periods", first, "from")),),
    )


def _holidays(draft: Draft, region: Region) -> Iterator[Diagnostic]:
    seen: dict[date, tuple[str, int]] = {}
    book = {
        "add": [item.date for item in region.holidays.add],
        "remove": [item.date for item in region.holidays.remove],
    }
    for part, days in book.items():
        for index, day in enumerate(days):
            if not draft.sure("region", "", "holidays", part, index, "date"):
                continue
            first = seen.setdefault(day, (part, index))
            if first != (part, index):
                yield Diagnostic(
                    "holiday-twice",
                    "error",
                    "a day a second time",
                    found=str(day),
                    expected="each day once in `add` and `remove` together",
                    remedy="remove one of the two",
                    location=draft.where("region", "", "holidays", part, index, "date"),
                    related=(
                        Related("the first", draft.where("region", "", "holidays", *first, "date")),
                    ),
                )
