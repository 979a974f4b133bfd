"""The scenarios: what each lets happen in the city, and what it then notes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from komando.intent import Leaf
from komando.lab.measure.applies import applies
from komando.lab.measure.change import probe_rate, watch
from komando.lab.measure.everyone import filled, full_load, see
from komando.lab.measure.load import Offer, offered
from komando.lab.measure.local import measure_local
from komando.lab.measure.moments import BEFORE, Boundary, Calendar, NotShown
from komando.lab.measure.results import HARVESTED, Row, Total
from komando.lab.measure.stage import Stage, Window, promised_to
from komando.lab.rehearsal import set_clock
from komando.units import DIRECTIONS

Scenario = Callable[[Stage, Calendar], None]


def office_hours(stage: Stage, calendar: Calendar) -> None:
    """Everybody saturates in both directions while the offices are at work."""
    stretch = calendar.at_work()
    stage.go_to("office-hours", stretch.start + BEFORE, stretch.profile)
    see(stage, "office-hours", stretch.profile)


def night(stage: Stage, calendar: Calendar) -> None:
    """The same out of hours."""
    stretch = calendar.at_night()
    stage.go_to("night", stretch.start + BEFORE, stretch.profile)
    see(stage, "night", stretch.profile)


def local(stage: Stage, calendar: Calendar) -> None:
    """Offices talk to each other at the rate of their last mile while everybody saturates."""
    stretch = calendar.at_work()
    stage.go_to("local", stretch.start + BEFORE, stretch.profile)
    stage.set_load(full_load(stage, stretch.profile))
    measure_local(stage, "local", stretch.profile)


def hour_switch(stage: Stage, calendar: Calendar) -> None:
    """The offices go home under full load: which classes change, and is a packet lost?"""
    boundary = calendar.end_of_hours()
    office = _probed_office(stage, boundary)
    switch(stage, "hour-switch", boundary, office)


def exception(stage: Stage, calendar: Calendar) -> None:
    """An office's exception begins under full load, and the office gets what it raises."""
    boundary, slug = calendar.start_of_exception(stage.slugs)
    office = _probed_office(stage, boundary, besides=slug)
    switch(stage, "exception", boundary, office)
    see(stage, "exception", boundary.after, only=slug)


def switch(stage: Stage, scenario: str, boundary: Boundary, office: str) -> None:
    """Take the router over a boundary while everybody but one office saturates, which is probed."""
    stage.go_to(scenario, boundary.at - BEFORE, boundary.before)
    stage.set_load(full_load(stage, boundary.before, boundary.after, but=[office]))
    stage.fill()
    stage.told("switching under load", f"probed: {office}")
    rate = probe_rate(office, boundary.before, boundary.after)
    over = (boundary.at + timedelta(seconds=1)).isoformat()
    watched = watch(stage, office, rate, lambda: set_clock(stage.city, over))
    stage.report.events.append(
        watched.event(
            scenario=scenario,
            what="the clock passes a boundary of the calendar",
            before=boundary.before.name,
            after=boundary.after.name,
            expected=stage.running.expected_changes(boundary.before, boundary.after),
        )
    )


def harvest(stage: Stage, calendar: Calendar) -> None:
    """Two offices alone are at work, and the public takes what they leave."""
    stretch = calendar.at_work()
    leaves = {leaf.slug: leaf for leaf in stage.running.intent.leaves}
    two = two_smallest([leaves[slug] for slug in stage.slugs])
    points = [slug for slug in stage.slugs if leaves[slug].kind == "hotspot"]
    if not two or not points:
        raise NotShown("two offices that are held to their ceilings and a public point are needed")
    shares = {slug: leaves[slug].share for slug in points}
    ceilings = {slug: stage.ceiling("up", slug) for slug in (*two, *points)}
    rest = filled(shares, ceilings, stage.city.usable.up.bits)
    offers = {
        **{slug: Offer(up=offered([ceilings[slug]])) for slug in two},
        **{slug: Offer(up=offered([rest[slug]])) for slug in points},
    }
    stage.go_to("harvest", stretch.start + BEFORE, stretch.profile)
    stage.set_load(offers)
    promised = promised_to(stage.running, stretch.profile, [*two, *points])
    stage.settle(promised)

    def judged(window: Window) -> list[Row | Total]:
        found: list[Row | Total] = [
            *stage.rows("harvest", window, promised),
            *stage.totals("harvest", window, offers),
        ]
        for direction in DIRECTIONS:
            taken = {slug: window.offices[slug, direction].rate for slug in offers}
            left = stage.city.usable.of(direction).bits - sum(taken[slug] for slug in two)
            left = min(left, stage.attainable(direction, points))
            public = sum(taken[slug] for slug in points)
            found.append(
                Total("harvest", direction, "public", left, public, least=HARVESTED, most=None)
            )
        return found

    stage.count("harvest", list(offers), stage.span(promised), judged)


SCENARIOS: dict[str, Scenario] = {
    "office-hours": office_hours,
    "local": local,
    "hour-switch": hour_switch,
    "night": night,
    "exception": exception,
    "harvest": harvest,
    "apply": applies,
}
"""In the order in which they follow from one another with the least waiting."""


def two_smallest(leaves: Sequence[Leaf]) -> list[str]:
    """The two offices with the smallest ceilings, of those that are held to them; or none."""
    held = [leaf for leaf in leaves if leaf.kind == "opd" and leaf.mode == "enforce"]
    held.sort(key=lambda leaf: (leaf.ceiling.down.bits, leaf.id))
    return [leaf.slug for leaf in held[:2]] if held[1:] else []


def _probed_office(stage: Stage, boundary: Boundary, besides: str | None = None) -> str:
    """The office with the largest least promise, of those whose pool the boundary resizes."""
    leaves = [stage.running.intent.leaf(slug) for slug in stage.slugs if slug != besides]
    resized = {
        slug
        for slug, size in boundary.after.pools.items()
        if size != boundary.before.pools[slug] and slug != "public"
    }
    offices = [leaf for leaf in leaves if leaf.pool in resized] or leaves
    return max(offices, key=lambda leaf: _least(boundary, leaf.slug)).slug


def _least(boundary: Boundary, slug: str) -> int:
    return min(one.shares[slug].down.bits for one in (boundary.before, boundary.after))
