"""Do the promises fit the uplink, at every moment of the covered days?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from komando.diagnostics import Diagnostic, Location
from komando.intent.model import ExceptionIntent, Leaf, RouterIntent
from komando.intent.shaping import (
    LEAST_RATE,
    demand,
    in_force,
    offices_of,
    pool_size,
    unmatched_rate,
)
from komando.intent.timeline import State, exception_key, exception_parts
from komando.units import DIRECTION_WORDS, DIRECTIONS, Direction, Pair, Rate, spelt

if TYPE_CHECKING:
    from komando.intent.crowd import Crowd
    from komando.policy import Policy

MOST_CAUSES = 20
"""Places that are told one by one, in each direction of an uplink."""


@dataclass(frozen=True)
class Budget:
    """One direction of an uplink in one state, in bit/s. `least` is the public's least share."""

    link: int
    control: int
    unmatched: int
    pools: Mapping[str, int]
    least: int

    @property
    def offices(self) -> int:
        """What all offices are promised together."""
        return sum(self.pools.values())

    @property
    def public(self) -> int:
        """What is left to the public; negative when the offices alone are too much."""
        return self.link - self.control - self.unmatched - self.offices

    @property
    def excess(self) -> int:
        """By how much the promises pass the link; 0 or less is good."""
        return self.least - self.public


def divided(pair: Pair, divisor: int) -> Pair:
    """Rates in a lab that is `divisor` times smaller than life; never below what tc can tell."""
    if divisor == 1:
        return pair
    return Pair(*(Rate(max(LEAST_RATE, pair.of(way).bits // divisor)) for way in DIRECTIONS))


def budgets_of(policy: Policy, crowd: Crowd, state: State) -> dict[Direction, Budget]:
    """What is promised in a state, and what that leaves to the public, by direction."""
    region, router = policy.region, crowd.router
    inside = any(not region.calendars[slug].always for slug in state.open)
    least = divided(
        region.public.in_hours if inside else region.public.out_of_hours, router.divisor
    )
    exceptions = in_force(router, state.exceptions)
    found: dict[Direction, Budget] = {}
    for direction in DIRECTIONS:
        pools = {}
        for pool in router.pools:
            demands = offices_of(router, pool.slug, state.open, exceptions, direction)
            closed = None if pool.slug in state.open or pool.closed is None else pool.closed
            size = closed.of(direction).bits if closed else None
            pools[pool.slug] = pool_size(demands, size, crowd.times)
        uplink = router.uplink
        found[direction] = Budget(
            link=uplink.link.of(direction).bits,
            control=uplink.control.of(direction).bits,
            unmatched=unmatched_rate(uplink.unmatched.of(direction).bits),
            pools=pools,
            least=least.of(direction).bits,
        )
    return found


@dataclass(frozen=True)
class Sums:
    """What an uplink promises: when each state first holds, and its budgets by direction.

    `left_out`: the offices whose files are in error, which are counted as nothing.
    """

    uplink: str
    router: RouterIntent
    firsts: Mapping[State, datetime]
    budgets: Mapping[State, Mapping[Direction, Budget]]
    left_out: int = 0


@dataclass(frozen=True)
class _Failure:
    """A place that makes a sum too much: the first such state, and how many there are.

    `exception` is its key, "" where the sum is too much without any. `untold`: how many more
    places there are, all of them later.
    """

    exception: str
    state: State
    count: int
    untold: int = 0


def check_budgets(policy: Policy, sums: Sums) -> list[Diagnostic]:
    """One diagnostic for each direction and each place that makes it too much."""
    raised = {
        exception_key(leaf.slug, item.start): (leaf, item)
        for leaf in sums.router.leaves
        for item in leaf.exceptions
    }
    found = []
    for direction in DIRECTIONS:
        by_place: dict[str, list[State]] = {}
        for state in sorted(sums.firsts, key=lambda state: sums.firsts[state]):
            excess = sums.budgets[state][direction].excess
            if excess > 0:
                place = _to_blame(state, direction, excess, raised)
                by_place.setdefault(place, []).append(state)
        untold = max(0, len(by_place) - MOST_CAUSES)
        for number, (place, states) in enumerate(islice(by_place.items(), MOST_CAUSES), 1):
            last = number == MOST_CAUSES
            failure = _Failure(place, states[0], len(states), untold if last else 0)
            found.append(_over(policy, sums, direction, failure))
    return found


def _to_blame(
    state: State,
    direction: Direction,
    excess: int,
    raised: Mapping[str, tuple[Leaf, ExceptionIntent]],
) -> str:
    """The exception that adds most; "" where the sum is too much without any of them."""
    added = {
        key: _added(*raised[key], state, direction) for key in state.exceptions if key in raised
    }
    if excess > sum(added.values()):
        return ""
    return max(added, key=lambda key: added[key])


def _added(leaf: Leaf, item: ExceptionIntent, state: State, direction: Direction) -> int:
    """bit/s that an exception adds to its pool; below 0 where it lowers what is promised."""
    is_open = leaf.pool in state.open
    observed = leaf.mode == "observe"
    usual = demand(leaf, leaf.guarantee, observed, direction)
    raised = demand(leaf, item.guarantee or leaf.guarantee, observed or not is_open, direction)
    size = None if is_open else 0
    once = {leaf.minor: 1}
    return pool_size([raised], size, once) - pool_size([usual], size, once)


def _over(policy: Policy, sums: Sums, direction: Direction, failure: _Failure) -> Diagnostic:
    budget = sums.budgets[failure.state][direction]
    local = sums.firsts[failure.state].astimezone(ZoneInfo(policy.region.zone))
    pools = ", ".join(f"{slug} {spelt(bits)}" for slug, bits in budget.pools.items() if bits)
    usable = policy.region.uplinks[sums.uplink]
    return Diagnostic(
        id="sums-uplink",
        severity="error",
        message=(
            f"{DIRECTION_WORDS[direction]} promises pass the uplink `{sums.uplink}` by "
            f"{spelt(budget.excess)} from {local:%a %Y-%m-%d %H:%M} {local.tzname()} "
            f"on{_more(failure)}"
        ),
        found=(
            f"{pools}, the public's least share {spelt(budget.least)}, "
            f"control {spelt(budget.control)}, unmatched {spelt(budget.unmatched)}: "
            f"{spelt(budget.link + budget.excess)} in all{_without(sums.left_out)}"
        ).removeprefix(", "),
        expected=(
            f"at most {spelt(budget.link)}, the usable part of {usable.capacity.of(direction)}"
        ),
        remedy="shorten or lower the exception, or lower other offices' guarantees on these days"
        if failure.exception
        else "lower guarantees, a pool's `closed` or the public's least share, or buy more",
        location=_place(policy, sums.uplink, direction, failure.exception),
    )


def _more(failure: _Failure) -> str:
    parts = []
    if failure.count > 1:
        parts.append(f"in {failure.count - 1} more of the year's states")
    if failure.untold:
        parts.append(f"by {failure.untold} more exceptions later on")
    return f" (and {', and '.join(parts)})" if parts else ""


def _without(left_out: int) -> str:
    if not left_out:
        return ""
    offices = "1 office" if left_out == 1 else f"{left_out} offices"
    return f", without {offices} in whose file they are in doubt"


def _place(policy: Policy, uplink: str, direction: Direction, exception: str) -> Location:
    if not exception:
        return policy.where("region", "", "uplinks", uplink, "usable", direction)
    slug, start = exception_parts(exception)
    days = [item.start.isoformat() for item in policy.opd[slug].exceptions]
    return policy.where("opd", slug, "exceptions", days.index(start))
