"""Calendars and their pools: hours or always, one slot each, a size out of hours."""

from __future__ import annotations

from collections.abc import Iterator

from komando.diagnostics import Diagnostic, Related
from komando.documents.near import nearest
from komando.policy.model import Draft
from komando.policy.regions import Pool, Region


def check(draft: Draft, region: Region) -> Iterator[Diagnostic]:
    """Calendars, pools and the holidays' source."""
    yield from _calendars(draft, region)
    yield from _pools(draft, region)
    yield from _periods(draft, region)
    yield from _holidays(draft, region)


def _calendars(draft: Draft, region: Region) -> Iterator[Diagnostic]:
    for slug, calendar in region.calendars.items():
        if calendar.always == bool(calendar.windows):
            yield Diagnostic(
                "calendar-hours",
                "error",
                f"the calendar `{slug}` has windows and is always open"
                if calendar.always
                else f"the calendar `{slug}` has no hours",
                found="`windows` and `always: true`" if calendar.always else "neither",
                expected="either `windows` or `always: true`",
                remedy="remove one of the two"
                if calendar.always
                else 'add `windows: {mon-thu: ["07:00-15:30"]}` or `always: true`',
                location=draft.key("region", "", "calendars", slug),
            )


def _pools(draft: Draft, region: Region) -> Iterator[Diagnostic]:
    slots: dict[int, str] = {}
    sure = {
        slug: pool
        for slug, pool in region.pools.items()
        if draft.sure("region", "", "pools", slug, "slot")
    }
    for slug, pool in region.pools.items():
        calendar = region.calendars.get(slug)
        if calendar is None or not draft.sure("region", "", "calendars", slug):
            continue
        if calendar.always == (pool.closed is not None):
            yield _closed(draft, slug, pool)
    for slug, pool in sure.items():
        first = slots.setdefault(pool.slot, slug)
        if first != slug:
            free = sorted(set(range(4)) - {one.slot for one in sure.values()})
            yield Diagnostic(
                "pool-slot",
                "error",
                f"the slot {pool.slot} a second time",
                found=str(pool.slot),
                expected="a slot of its own for each pool, 0 to 3, for ever",
                remedy=f"take a slot that was never used, perhaps {free[0]}"
                if free
                else "a region has at most four pools: join two",
                location=draft.where("region", "", "pools", slug, "slot"),
                related=(Related("the first", draft.where("region", "", "pools", first, "slot")),),
            )


def _closed(draft: Draft, slug: str, pool: Pool) -> Diagnostic:
    needless = pool.closed is not None
    at = (
        draft.key("region", "", "pools", slug, "closed")
        if needless
        else draft.key("region", "", "pools", slug)
    )
    return Diagnostic(
        "pool-closed",
        "error",
        f"a size out of hours for `{slug}`, which is always open"
        if needless
        else f"no size out of hours for the pool `{slug}`",
        found=f"closed: {pool.closed}" if needless else "no `closed`",
        expected="`closed` for pools whose calendar closes, and only for these",
        remedy="remove the line" if needless else "add `closed: 120 Mbit/s`",
        location=at,
    )


def _periods(draft: Draft, region: Region) -> Iterator[Diagnostic]:
    for index, period in enumerate(region.periods):
        for slug in period.windows:
            calendar = region.calendars.get(slug)
            sure = draft.sure("region", "", "calendars", slug, "always")
            if calendar is not None and calendar.always and sure:
                yield Diagnostic(
                    "period-always",
                    "error",
                    f"other hours for `{slug}`, which is always open",
                    found=slug,
                    expected="calendars with windows",
                    remedy="remove it from the period",
                    location=draft.key("region", "", "periods", index, "windows", slug),
                )


def _holidays(draft: Draft, region: Region) -> Iterator[Diagnostic]:
    """The country and the categories are known to the library that answers for them."""
    if not draft.sure("region", "", "holidays", "country"):
        return
    # only now: a policy that has no region, or a wrong one, need not load the library
    from komando.policy.public_holidays import categories_of, countries

    book = region.holidays
    if book.country not in countries():
        yield Diagnostic(
            "holidays-country",
            "error",
            f"no holidays are known for `{book.country}`",
            found=book.country,
            expected="an ISO 3166 country code that the `holidays` library knows",
            remedy="Indonesia is `ID`",
            location=draft.where("region", "", "holidays", "country"),
        )
        return
    categories = categories_of(book.country)
    for index, category in enumerate(book.categories):
        if category not in categories:
            near = nearest(category, categories)
            yield Diagnostic(
                "holidays-category",
                "error",
                f"the unknown category `{category}` of holidays",
                found=category,
                expected=f"one of {', '.join(categories)}",
                remedy=f"did you mean `{near}`?" if near else "take one of these",
                location=draft.where("region", "", "holidays", "categories", index),
            )
