"""Rates: floor <= guarantee <= ceiling <= link, floors within the pool at night, budgets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from komando.diagnostics import Diagnostic, Related
from komando.documents.document import Path
from komando.policy.model import Draft
from komando.policy.regions import Region
from komando.policy.sites import Opd
from komando.units import DIRECTION_WORDS, DIRECTIONS, Direction, Pair, spelt


class _Side(NamedTuple):
    """One side of a comparison: what it is, its rates, and where they are written."""

    name: str
    rates: Pair
    path: Path


def check(draft: Draft) -> Iterator[Diagnostic]:
    """The rates of each office against each other."""
    for opd in draft.opd.values():
        if not opd.exceptions and _rising(opd.floor, opd.guarantee, opd.ceiling, opd.link.capacity):
            continue
        link = _Side("link", opd.link.capacity, ("link", "capacity"))
        floor = _Side("floor", opd.floor, ("floor",))
        ceiling = _Side("ceiling", opd.ceiling, ("ceiling",))
        found = _compared(
            draft, opd, ceiling, link, "lower the ceiling, or correct what the last mile carries"
        )
        yield from _once(found.values())
        guarantees = [_Side("guarantee", opd.guarantee, ("guarantee",))]
        guarantees += (
            _Side("guarantee", item.guarantee, ("exceptions", index, "guarantee"))
            for index, item in enumerate(opd.exceptions)
            if item.guarantee is not None
        )
        for guarantee in guarantees:
            found = _compared(
                draft, opd, floor, guarantee, "lower the floor: no guarantee may be below it"
            )
            yield from _once(found.values())
            above_link = _compared(
                draft,
                opd,
                guarantee,
                link,
                "lower it: nobody can promise more than the last mile carries",
            )
            above_ceiling = _compared(
                draft, opd, guarantee, ceiling, "raise the ceiling, or lower the guarantee"
            )
            yield from _once({**above_ceiling, **above_link}.values())


def _rising(*rates: Pair) -> bool:
    """Whether none is above the next, in both directions: true of nearly every office."""
    return all(
        low is high or (low.down.bits <= high.down.bits and low.up.bits <= high.up.bits)
        for low, high in pairwise(rates)
    )


def _compared(
    draft: Draft, opd: Opd, low: _Side, high: _Side, remedy: str
) -> dict[Direction, Diagnostic]:
    """The directions in which what should be lower is not."""
    found: dict[Direction, Diagnostic] = {}
    for direction in DIRECTIONS:
        if low.rates.of(direction).bits <= high.rates.of(direction).bits:
            continue
        found[direction] = Diagnostic(
            f"{low.name}-above-{high.name}",
            "error",
            f"a {low.name} above its {high.name} ({DIRECTION_WORDS[direction]})",
            found=str(low.rates.of(direction)),
            expected=f"at most {high.rates.of(direction)}",
            remedy=remedy,
            location=draft.where("opd", opd.slug, *low.path, direction),
            related=(
                Related(f"the {high.name}", draft.where("opd", opd.slug, *high.path, direction)),
            ),
        )
    return found


def _once(found: Iterable[Diagnostic]) -> Iterable[Diagnostic]:
    """Of those with the same place and figures the first: a rate for both directions."""
    return {
        (one.location, one.found, one.expected, one.related): one for one in reversed(list(found))
    }.values()


def check_pools(draft: Draft, region: Region) -> Iterator[Diagnostic]:
    """For each router, floors within each pool out of hours; guarantees within its budget."""
    routers = {slug: segment.router for slug, segment in region.segments.items()}
    members: dict[tuple[str, str], list[Opd]] = {}
    for opd in draft.opd.values():
        router = routers.get(opd.link.segment)
        if router is not None and opd.calendar in region.pools:
            members.setdefault((opd.calendar, router), []).append(opd)
    for (slug, router), offices in members.items():
        pool = region.pools[slug]
        calendar = region.calendars.get(slug)
        sure = draft.sure("region", "", "calendars", slug)
        if pool.closed is not None and calendar is not None and not calendar.always and sure:
            floors = [opd.floor for opd in offices]
            limit = _Limit("floors", "closed", floors, pool.closed)
            yield from _once(_sum(draft, slug, router, limit))
        if pool.budget is not None:
            promises = [opd.guarantee for opd in offices]
            limit = _Limit("guarantees", "budget", promises, pool.budget)
            yield from _once(_sum(draft, slug, router, limit))


class _Limit(NamedTuple):
    """What is summed, the pool's key that limits it, and both in rates."""

    what: str
    key: str
    parts: list[Pair]
    allowed: Pair


def _sum(draft: Draft, slug: str, router: str, limit: _Limit) -> Iterator[Diagnostic]:
    """The directions in which the sum passes the limit."""
    for direction in DIRECTIONS:
        total = sum(part.of(direction).bits for part in limit.parts)
        if total <= limit.allowed.of(direction).bits:
            continue
        shown = spelt(total)
        yield Diagnostic(
            f"{limit.what}-above-{limit.key}",
            "error",
            f"the {limit.what} of `{slug}` on {router} pass the pool's `{limit.key}` "
            f"({DIRECTION_WORDS[direction]})",
            found=f"{shown} together",
            expected=f"at most {limit.allowed.of(direction)}",
            remedy=f"lower some offices' {limit.what}, or raise `{limit.key}` to {shown}",
            location=draft.where("region", "", "pools", slug, limit.key, direction),
        )
