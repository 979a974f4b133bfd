"""How much of a guarantee would fit, where the one that was asked for is too much."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from komando.intent.compile import check_sums
from komando.policy.checks.rates import check_pools
from komando.policy.model import Draft
from komando.units import DIRECTIONS, Pair, Rate

if TYPE_CHECKING:
    from komando.policy import Policy

TOO_MUCH: Final = frozenset({"guarantees-above-budget", "sums-uplink"})
"""The checks that refuse a guarantee because of what others are promised."""

_REFUSED: Final = TOO_MUCH | {"floors-above-closed"}
"""What a guarantee that fits may not meet either: a floor may have come with it."""

_STEP: Final = 1_000_000
"""bit/s: nobody asks for less than a whole Mbit/s."""


def room_for(wanted: Pair, policy_with: Callable[[Pair], Policy]) -> Pair | None:
    """The most of a guarantee that fits budgets, and uplinks at every moment, in whole Mbit/s.

    Each direction is lowered to the same number where it is above it, and no further. None where
    not even 1 Mbit/s fits. `policy_with` is the policy with another guarantee in the place of
    `wanted`.
    """
    low, high = 0, max(wanted.of(way).bits for way in DIRECTIONS) // _STEP
    while low < high:
        middle = (low + high + 1) // 2
        if _is_too_much(policy_with(_at_most(wanted, middle))):
            high = middle - 1
        else:
            low = middle
    return _at_most(wanted, low) if low else None


def _is_too_much(policy: Policy) -> bool:
    draft = Draft(region=policy.region, opd=dict(policy.opd), origins=dict(policy.origins))
    if any(one.id in _REFUSED for one in check_pools(draft, policy.region)):
        return True
    return bool(check_sums(policy, left_out=1))  # without shares, which take most of the time


def _at_most(wanted: Pair, number: int) -> Pair:
    return Pair(*(min(wanted.of(way), Rate(number * _STEP)) for way in DIRECTIONS))
