"""Rates: floor <= guarantee <= ceiling <= link, floors within the pool at night, budgets."""

from __future__ import annotations

from collections.abc import Iterator

from komando.diagnostics import Diagnostic, Related
from komando.policy.documents import Path
from komando.policy.model import Draft
from komando.policy.models import Opd, Region
from komando.units import DIRECTIONS, MOST_BITS, Direction, Pair, Rate

_WORDS = {"down": "download", "up": "upload"}


def check(draft: Draft) -> Iterator[Diagnostic]:
    """The rates of each office against each other."""
    for opd in draft.opd.values():
        link = opd.link.capacity
        if (low := above(opd.floor, opd.guarantee)) is not None:
            yield _above(
                draft, opd, "floor-above-guarantee", low, opd.floor, opd.guarantee, ("floor",),
                ("guarantee",), "lower the floor: it is what the office keeps out of hours",
            )  # fmt: skip
        if (low := above(opd.ceiling, link)) is not None:
            yield _above(
                draft, opd, "ceiling-above-link", low, opd.ceiling, link, ("ceiling",),
                ("link", "capacity"), "lower the ceiling, or correct what the last mile carries",
            )  # fmt: skip
        yield from _guarantee(draft, opd, opd.guarantee, ("guarantee",))
        for index, item in enumerate(opd.exceptions):
            if item.guarantee is None:
                continue
            path = ("exceptions", index, "guarantee")
            yield from _guarantee(draft, opd, item.guarantee, path)
            if (low := above(opd.floor, item.guarantee)) is not None:
                yield _above(
                    draft, opd, "floor-above-guarantee", low, opd.floor, item.guarantee, ("floor",),
                    path, "an exception may not promise less than the floor",
                )  # fmt: skip


def _guarantee(draft: Draft, opd: Opd, guarantee: Pair, path: Path) -> Iterator[Diagnostic]:
    """One guarantee, ordinary or of an exception, against the link and the ceiling."""
    link = opd.link.capacity
    if (low := above(guarantee, link)) is not None:
        yield _above(
            draft, opd, "guarantee-above-link", low, guarantee, link, path, ("link", "capacity"),
            "nobody can promise more than the last mile carries: lower it, or widen the link",
        )  # fmt: skip
    elif (low := above(guarantee, opd.ceiling)) is not None:
        yield _above(
            draft, opd, "guarantee-above-ceiling", low, guarantee, opd.ceiling, path, ("ceiling",),
            "raise the ceiling, or lower the guarantee",
        )  # fmt: skip


def above(lower: Pair, upper: Pair) -> Direction | None:
    """The first direction in which what should be lower is not."""
    if lower.down.bits > upper.down.bits:
        return "down"
    return "up" if lower.up.bits > upper.up.bits else None


def _above(  # noqa: PLR0913 - the two sides of a comparison, each with its place
    draft: Draft,
    opd: Opd,
    check_id: str,
    direction: Direction,
    lower: Pair,
    upper: Pair,
    lower_path: Path,
    upper_path: Path,
    remedy: str,
) -> Diagnostic:
    low, _, high = check_id.partition("-above-")
    return Diagnostic(
        check_id,
        "error",
        f"a {low} above its {high} ({_WORDS[direction]})",
        found=str(lower.of(direction)),
        expected=f"at most {upper.of(direction)}",
        remedy=remedy,
        location=draft.where("opd", opd.slug, *lower_path, direction),
        related=(Related(f"the {high}", draft.where("opd", opd.slug, *upper_path, direction)),),
    )


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
        for direction in DIRECTIONS:
            if pool.closed is not None and calendar is not None and not calendar.always:
                floors = sum(opd.floor.of(direction).bits for opd in offices)
                if floors > pool.closed.of(direction).bits:
                    yield _sum(draft, slug, router, "closed", direction, floors, pool.closed)
            if pool.budget is not None:
                promised = sum(opd.guarantee.of(direction).bits for opd in offices)
                if promised > pool.budget.of(direction).bits:
                    yield _sum(draft, slug, router, "budget", direction, promised, pool.budget)


def _sum(
    draft: Draft,
    slug: str,
    router: str,
    limit: str,
    direction: Direction,
    total: int,
    allowed: Pair,
) -> Diagnostic:
    what = "floors" if limit == "closed" else "guarantees"
    shown = str(Rate(total)) if total <= MOST_BITS else f"{total // 10**9} Gbit/s"
    return Diagnostic(
        f"{what}-above-{limit}",
        "error",
        f"the {what} of `{slug}` on {router} pass the pool's `{limit}` ({_WORDS[direction]})",
        found=f"{shown} together",
        expected=f"at most {allowed.of(direction)}",
        remedy=f"lower some offices' {what}, or raise `{limit}` to {shown}",
        location=draft.where("region", "", "pools", slug, limit, direction),
    )
