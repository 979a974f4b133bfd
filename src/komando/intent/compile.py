"""Policy to intent, with the checks that only the whole can answer, at every moment."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from komando.diagnostics import Diagnostic
from komando.intent.budgets import Budget, Sums, budgets_of, check_budgets, divided
from komando.intent.crowd import Crowd, gather, kinds_of
from komando.intent.describe import describe_hours
from komando.intent.model import (
    LEAF_MINOR,
    POOL_MINOR,
    PUBLIC,
    SLOTS,
    ExceptionIntent,
    Leaf,
    PoolIntent,
    Profile,
    RouterIntent,
    SegmentIntent,
    UplinkIntent,
)
from komando.intent.shaping import LEAST_RATE, promises
from komando.intent.sums import check_shares, falls_short
from komando.intent.timeline import DAY_MINUTES, State, Transition, instant, timeline
from komando.units import DIRECTIONS, Direction, Pair, Rate

if TYPE_CHECKING:
    from komando.policy import Hotspot, Opd, Policy, Uplink

LONGEST_NAME = 80
"""Characters of calendars or of a whole name; past that, a digest stands for the list."""


@dataclass(frozen=True)
class Intent:
    """The intent of each router, and from when on which of its profiles is in force."""

    routers: Mapping[str, RouterIntent]
    transitions: tuple[Transition, ...]
    covered_until: datetime


@dataclass(frozen=True)
class Compiled:
    """An intent, or the reasons why there is none. Warnings leave the intent standing."""

    intent: Intent | None
    diagnostics: tuple[Diagnostic, ...]


def compile_intent(policy: Policy, divisor: int = 1) -> Compiled:
    """Compile a valid policy; `divisor` divides every rate, for a lab that is smaller than life.

    The result is the same whatever the day and the machine. Sums are checked for every moment
    of the covered days; each failing sum is one diagnostic that names its first moment.
    """
    states = timeline(policy)
    firsts = _first_moments(states)
    names = profile_names(firsts, policy)
    routers: dict[str, RouterIntent] = {}
    found: list[Diagnostic] = []
    for uplink in policy.region.uplinks:
        router, problems = _router(policy, uplink, divisor, firsts, names)
        routers[router.router] = router
        found += problems
    if any(item.severity == "error" for item in found):
        return Compiled(None, tuple(found))
    transitions = tuple(Transition(moment, names[state]) for moment, state in states)
    return Compiled(Intent(routers, transitions, _end(policy)), tuple(found))


def check_sums(policy: Policy, left_out: int) -> tuple[Diagnostic, ...]:
    """What can be told of the sound part of a policy; `left_out` offices are not in it.

    Without them the sums are less than what is promised, so that what passes the uplink now does
    so with them, too. Shares are only told of all offices together.
    """
    if left_out == 0:
        return compile_intent(policy).diagnostics
    firsts = _first_moments(timeline(policy))
    found: list[Diagnostic] = []
    for uplink in policy.region.uplinks:
        bare = _bare_router(policy, uplink, policy.region.uplinks[uplink], divisor=1)
        kinds = kinds_of(bare.leaves)
        budgets = {
            state: budgets_of(policy, gather(bare, kinds, state.exceptions), state)
            for state in firsts
        }
        found += check_budgets(policy, Sums(uplink, bare, firsts, budgets, left_out))
    return tuple(found)


def _first_moments(states: Iterable[tuple[datetime, State]]) -> dict[State, datetime]:
    firsts: dict[State, datetime] = {}
    for moment, state in states:
        firsts.setdefault(state, moment)
    return firsts


def _router(
    policy: Policy,
    uplink: str,
    divisor: int,
    firsts: Mapping[State, datetime],
    names: Mapping[State, str],
) -> tuple[RouterIntent, list[Diagnostic]]:
    """One router with its profiles, or without them where the sums do not fit."""
    bare = _bare_router(policy, uplink, policy.region.uplinks[uplink], divisor)
    kinds = kinds_of(bare.leaves)
    crowds = {state: gather(bare, kinds, state.exceptions) for state in firsts}
    budgets = {state: budgets_of(policy, crowds[state], state) for state in firsts}
    problems = check_budgets(policy, Sums(uplink, bare, firsts, budgets))
    if problems:
        return bare, problems
    profiles: list[Profile] = []
    short: set[str] = set()
    for state in sorted(firsts, key=lambda state: names[state]):
        profiles.append(_profile(crowds[state], names[state], state, budgets[state]))
        short |= falls_short(crowds[state], profiles[-1])
    router = replace(bare, profiles=tuple(profiles))
    return router, check_shares(policy, router, short)


def profile_names(states: Iterable[State], policy: Policy) -> dict[State, str]:
    """A name for each state; digests are as long as it takes for no two to be the same."""
    states = tuple(states)
    names: dict[State, str] = {}
    for digits in (8, 16, 64):
        names = {state: profile_name(state, policy, digits) for state in states}
        if len(set(names.values())) == len(states):
            break
    return names


def profile_name(state: State, policy: Policy, digits: int = 8) -> str:
    """A name that is also a file's: the calendars with hours that are open, then exceptions.

    Where these are too long, how many they are stands in their place, and a digest of `digits`.
    """
    hours = [slug for slug in state.open if not policy.region.calendars[slug].always]
    name = "+".join(hours) or "closed"
    if len(name) > LONGEST_NAME:
        name = f"{len(hours)}-calendars-{_digest(hours, digits)}"
    if not state.exceptions:
        return name
    full = "+".join([name, *state.exceptions])
    if len(full) <= LONGEST_NAME:
        return full
    return f"{name}+{len(state.exceptions)}-exceptions-{_digest(state.exceptions, digits)}"


def _digest(parts: Iterable[str], digits: int) -> str:
    return hashlib.sha256("+".join(parts).encode()).hexdigest()[:digits]


def _end(policy: Policy) -> datetime:
    region = policy.region
    return instant(region.covers.end, DAY_MINUTES, ZoneInfo(region.zone))


def _bare_router(policy: Policy, uplink_slug: str, uplink: Uplink, divisor: int) -> RouterIntent:
    """The router without its profiles."""
    region = policy.region
    segments = {
        slug: segment
        for slug, segment in region.segments.items()
        if segment.router == uplink.router
    }
    points = [item for item in policy.hotspots.values() if item.link.segment in segments]
    parts = sum(point.share for point in points)
    leaves = [
        _office(opd, region.pools[opd.calendar].slot, divisor)
        for opd in policy.opd.values()
        if opd.link.segment in segments
    ]
    least = divided(region.public.least, divisor)
    leaves += [_point(point, parts, least, divisor) for point in points]
    link = Pair(down=uplink.link("down"), up=uplink.link("up"))
    return RouterIntent(
        router=uplink.router,
        region=region.name,
        zone=region.zone,
        divisor=divisor,
        uplink=UplinkIntent(
            name=uplink_slug,
            addresses=tuple(str(address) for address in uplink.addresses),
            gateways=tuple(str(address) for address in uplink.gateways),
            nat_offices=str(uplink.nat.offices),
            nat_public=str(uplink.nat.public),
            capacity=divided(uplink.capacity, divisor),
            link=divided(link, divisor),
            control=divided(uplink.control, divisor),
            unmatched=divided(uplink.unmatched, divisor),
        ),
        segments=tuple(
            SegmentIntent(slug, tuple(str(address) for address in segment.addresses))
            for slug, segment in sorted(segments.items())
        ),
        pools=tuple(
            PoolIntent(
                slug=slug,
                minor=POOL_MINOR + pool.slot,
                slot=pool.slot,
                closed=None if pool.closed is None else divided(pool.closed, divisor),
            )
            for slug, pool in sorted(region.pools.items(), key=lambda item: item[1].slot)
            if any(leaf.pool == slug for leaf in leaves)
        ),
        leaves=tuple(sorted(leaves, key=lambda leaf: leaf.minor)),
        profiles=(),
        calendars={slug: describe_hours(region, slug) for slug in sorted(region.calendars)},
    )


def _office(opd: Opd, slot: int, divisor: int) -> Leaf:
    return Leaf(
        slug=opd.slug,
        kind="opd",
        id=opd.id,
        name=opd.name,
        pool=opd.calendar,
        minor=LEAF_MINOR + SLOTS * opd.id + slot,
        segment=opd.link.segment,
        networks=tuple(opd.networks),
        gateways=tuple(str(address) for address in opd.link.gateways),
        mode=opd.mode,
        calendar=opd.calendar,
        guarantee=divided(opd.guarantee, divisor),
        floor=divided(opd.floor, divisor),
        ceiling=divided(opd.ceiling, divisor),
        link=divided(opd.link.capacity, divisor),
        share=0,
        exceptions=tuple(
            ExceptionIntent(
                start=item.start,
                end=item.end,
                guarantee=None if item.guarantee is None else divided(item.guarantee, divisor),
                calendar=item.calendar,
            )
            for item in sorted(opd.exceptions, key=lambda item: item.start)
        ),
    )


def _point(point: Hotspot, parts: int, least: Pair, divisor: int) -> Leaf:
    """A public point keeps its parts of the public's least share, half of it by its own rate.

    Its rate is the same at all hours, so it follows from the hours that leave the public least.
    """
    guarantee = Pair(
        down=Rate(max(2 * LEAST_RATE, least.down.bits * point.share // parts)),
        up=Rate(max(2 * LEAST_RATE, least.up.bits * point.share // parts)),
    )
    link = divided(point.link.capacity, divisor)
    return Leaf(
        slug=point.slug,
        kind="hotspot",
        id=point.id,
        name=point.name,
        pool=PUBLIC,
        minor=LEAF_MINOR + SLOTS * point.id,
        segment=point.link.segment,
        networks=tuple(point.networks),
        gateways=tuple(str(address) for address in point.link.gateways),
        mode="enforce",
        calendar=None,
        guarantee=guarantee,
        floor=divided(guarantee, 2),
        ceiling=link,
        link=link,
        share=point.share,
        exceptions=(),
    )


def _profile(crowd: Crowd, name: str, state: State, budgets: Mapping[Direction, Budget]) -> Profile:
    router = crowd.router
    down, up = budgets["down"], budgets["up"]
    sizes = {pool.slug: _rates(down.pools[pool.slug], up.pools[pool.slug]) for pool in router.pools}
    sizes[PUBLIC] = _rates(down.public, up.public)
    profile = Profile(name, state.open, state.exceptions, sizes, {})
    shares: dict[str, list[int]] = defaultdict(list)
    for direction in DIRECTIONS:
        for slug, bits in promises(router, profile, direction, crowd.times).items():
            shares[slug].append(bits)
    pairs = {slug: _rates(*both) for slug, both in shares.items()}
    return replace(profile, shares={slug: pairs[first] for slug, first in crowd.stand_ins.items()})


def _rates(down: int, up: int) -> Pair:
    """Rates that tc knows, also of a remainder of nothing."""
    return Pair(down=Rate(max(LEAST_RATE, down)), up=Rate(max(LEAST_RATE, up)))
