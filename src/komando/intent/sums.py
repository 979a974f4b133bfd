"""Do the sums fit, at every moment, and does each office get its guarantee after rounding?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from komando.diagnostics import Diagnostic
from komando.units import DIRECTIONS, Direction, Rate

if TYPE_CHECKING:
    from komando.intent.model import RouterIntent
    from komando.intent.timeline import State
    from komando.policy import Policy

TOLERANCE = 1_000
"""A share may miss its guarantee by one part in a thousand: quanta are whole octets, and the
smallest one is a frame of 1,514, so rounding costs at most half of one part in 1,514."""

WORDS = {"down": "download", "up": "upload"}


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


def check_budgets(
    policy: Policy,
    uplink: str,
    firsts: Mapping[State, datetime],
    budgets: Mapping[State, Mapping[str, Budget]],
) -> list[Diagnostic]:
    """One diagnostic for each direction in which some state promises more than there is."""
    found = []
    for direction in DIRECTIONS:
        failing = [state for state in firsts if budgets[state][direction].excess > 0]
        if failing:
            first = min(failing, key=lambda state: firsts[state])
            found.append(
                _over(
                    policy,
                    uplink,
                    direction,
                    first,
                    firsts[first],
                    budgets[first][direction],
                    len(failing),
                )
            )
    return found


def _over(
    policy: Policy,
    uplink: str,
    direction: Direction,
    state: State,
    moment: datetime,
    budget: Budget,
    failing: int,
) -> Diagnostic:
    local = moment.astimezone(ZoneInfo(policy.region.zone))
    pools = ", ".join(f"{slug} {Rate(bits)}" for slug, bits in budget.pools.items() if bits)
    more = f" (and in {failing - 1} more of the year's states)" if failing > 1 else ""
    usable = policy.region.uplinks[uplink]
    if state.exceptions:
        slug, _, start = state.exceptions[0].partition("@")
        index = next(
            index
            for index, item in enumerate(policy.opd[slug].exceptions)
            if item.start.isoformat() == start
        )
        location = policy.where("opd", slug, "exceptions", index)
        remedy = "shorten or lower the exception, or lower other offices' guarantees on these days"
    else:
        location = policy.where("region", "", "uplinks", uplink, "usable")
        remedy = "lower guarantees, a pool's `closed` or the public's least share, or buy more"
    return Diagnostic(
        id="sums-uplink",
        severity="error",
        message=(
            f"{direction}load promises pass the uplink `{uplink}` by {Rate(budget.excess)} "
            f"from {local:%a %Y-%m-%d %H:%M} {local.tzname()} on{more}"
        ),
        found=(
            f"{pools}, the public's least share {Rate(budget.least)}, "
            f"control {Rate(budget.control)}, unmatched {Rate(budget.unmatched)}: "
            f"{Rate(budget.link + budget.excess)} in all"
        ),
        expected=(
            f"at most {Rate(budget.link)}, the usable part of {usable.capacity.of(direction)}"
        ),
        remedy=remedy,
        location=location,
    )


def check_shares(policy: Policy, router: RouterIntent) -> list[Diagnostic]:
    """One diagnostic for each office that gets less than it is promised in some profile."""
    found = []
    for leaf in router.leaves:
        if leaf.kind != "opd":
            continue
        for profile in router.profiles:
            for direction in DIRECTIONS:
                share = profile.shares[leaf.slug].of(direction).bits
                inside = leaf.pool in profile.open
                promised = (leaf.guarantee if inside else leaf.floor).of(direction).bits
                if share >= promised - promised // TOLERANCE - 1:
                    continue
                key = "guarantee" if inside else "floor"
                found.append(
                    Diagnostic(
                        id="share-below-promise",
                        severity="error",
                        message=(
                            f"{leaf.name} would get less than its {key} ({WORDS[direction]}, "
                            f"profile {profile.name})"
                        ),
                        found=f"{Rate(share)} after the weights are rounded and clamped",
                        expected=f"at least {Rate(promised)}",
                        remedy=(
                            "bring the offices' guarantees minus floors closer together: the "
                            "largest may be at most some hundred times the smallest"
                        ),
                        location=policy.where("opd", leaf.slug, key),
                    )
                )
                break
            else:
                continue
            break
    return found
