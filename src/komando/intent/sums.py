"""Does each office get what it is promised, after all numbers are rounded?"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from komando.diagnostics import Diagnostic
from komando.intent.shaping import base_rate, in_force
from komando.units import DIRECTION_WORDS, DIRECTIONS, Direction, Pair, Rate, spelt

if TYPE_CHECKING:
    from komando.intent.crowd import Crowd
    from komando.intent.model import ExceptionIntent, Leaf, Profile, RouterIntent
    from komando.policy import Policy

TOLERANCE = 1_000
"""A share may miss its guarantee by one part in a thousand: quanta are whole octets, and the
smallest one is a frame of 1,514, so rounding costs at most half of one part in 1,514."""


def promised(leaf: Leaf, profile: Profile, item: ExceptionIntent | None) -> Pair:
    """What an office must get in a profile; `item` is its exception that is then in force."""
    if item is not None:
        return item.guarantee or leaf.guarantee
    if leaf.pool in profile.open or leaf.mode == "observe":
        return leaf.guarantee
    return leaf.floor


def falls_short(crowd: Crowd, profile: Profile) -> set[str]:
    """The slugs of the offices that get less than they are promised in a profile."""
    exceptions = in_force(crowd.router, profile.exceptions)
    short = {
        leaf.slug
        for leaf in crowd.router.leaves
        if leaf.kind == "opd"
        and _too_little(
            profile.shares[leaf.slug], promised(leaf, profile, exceptions.get(leaf.slug))
        )
    }
    if not short:
        return short
    return {slug for slug, first in crowd.stand_ins.items() if first in short}


def _too_little(share: Pair, wanted: Pair) -> Direction | None:
    """The first direction in which a share misses its promise by more than rounding."""
    for direction in DIRECTIONS:
        bits = wanted.of(direction).bits
        if share.of(direction).bits < bits - bits // TOLERANCE - 1:
            return direction
    return None


def check_shares(policy: Policy, router: RouterIntent, short: Collection[str]) -> list[Diagnostic]:
    """One diagnostic for each office that falls short somewhere: its first such profile."""
    if not short:
        return []
    forces = {item.name: in_force(router, item.exceptions) for item in router.profiles}
    found = []
    for leaf in router.leaves:
        if leaf.slug not in short:
            continue
        for profile in router.profiles:
            wanted = promised(leaf, profile, forces[profile.name].get(leaf.slug))
            share = profile.shares[leaf.slug]
            if direction := _too_little(share, wanted):
                found.append(
                    _short(
                        policy,
                        leaf,
                        profile,
                        direction,
                        share.of(direction),
                        wanted.of(direction),
                    )
                )
                break
    return found


def _short(
    policy: Policy,
    leaf: Leaf,
    profile: Profile,
    direction: Direction,
    share: Rate,
    wanted: Rate,
) -> Diagnostic:
    key = "floor" if wanted == leaf.floor.of(direction) else "guarantee"
    own = base_rate(leaf.floor.of(direction).bits, leaf.guarantee.of(direction).bits)
    crowded = key == "floor" and own < wanted.bits
    return Diagnostic(
        id="share-below-promise",
        severity="error",
        message=(
            f"{leaf.name} would get less than its {key} ({DIRECTION_WORDS[direction]}, "
            f"profile {profile.name})"
        ),
        found=f"{share} after the weights are rounded and clamped",
        expected=f"at least {wanted}",
        remedy=f"lower the floor to {spelt(own)}, nine tenths of the guarantee, or raise the "
        "pool's `closed`"
        if crowded
        else "bring the offices' guarantees minus floors closer together: the largest may be at "
        "most some hundred times the smallest",
        location=policy.where("opd", leaf.slug, key),
    )
