"""From guarantees and floors to classes of a hierarchical token bucket (HTB).

Measured on Linux 6.18 and 6.1, the arithmetic here is what makes every office get its promise:

- A leaf's `rate` stays `min(floor, 0.9 x guarantee)` at all hours and its weight, HTB's
  `quantum`, is proportional to `guarantee - rate`: the size of the pool alone decides
  between day and night, and the hour switch changes one class per pool.
- Quanta have one scale for the whole tree, in microseconds of an office's weight, so that an
  office that comes or goes does not change the quanta of the others. The scale is the
  smallest power of two that gives the least weight one full frame: HTB sends at least one
  frame a turn, whatever the quantum says.
- What a leaf really gets is computed again from the rounded integers (`shares`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from komando.intent.model import (
    CONTROL_MINOR,
    PUBLIC,
    PUBLIC_MINOR,
    ROOT_MINOR,
    UNMATCHED_MINOR,
    ExceptionIntent,
    Leaf,
    Profile,
    RouterIntent,
)
from komando.intent.timeline import exception_key
from komando.units import Direction, Pair

FRAME = 1514
"""Octets of a full Ethernet frame without its checksum, as the kernel counts it."""

UNMATCHED_PART = 20
"""Of its ceiling, packets that belong to no office keep one part in 20 (50 kbit/s of 1 Mbit/s):
enough for a person to notice."""

LEAST_RATE = 8
"""bit/s: tc counts in whole octets a second, and knows no rate 0."""

MOST_QUANTUM_US = 3_000
LEAST_CLAMP = 200_000
"""A quantum is at most 3 ms of the link, or 200,000 octets on a small one. Measured: a clamp
of 60,000 gave an office 34.2 of its 40 Mbit/s beside ten small ones, 200,000 gave 40.1."""

ONCE: Mapping[int, int] = {}
"""How many each class stands for where each stands for itself."""

CONTROL_PRIO, OFFICE_PRIO, PUBLIC_PRIO = 0, 1, 7
"""HTB offers what is left over to the lowest number first."""


@dataclass(frozen=True)
class HtbClass:
    """One class: rates in bit/s, bursts and quantum in octets, numbers under handle 1:."""

    minor: int
    parent: int
    rate: int
    ceil: int
    burst: int
    prio: int
    quantum: int
    leaf: bool


def burst(ceil: int, divisor: int, turn: int = 0) -> int:
    """Octets: 1 ms at the undivided ceiling, at least two frames, and a leaf's whole turn.

    Measured: tc's own default reached 994 of 3,000 Mbit/s; and a leaf whose burst is smaller than
    its quantum loses the rest of each turn at its ceiling (0.48 of its promise). A lab divides
    rates and not frames, so a burst has as many of them as in life. That is `divisor` ms there: 1
    ms is less than a virtual machine may lose to another at a time, and what no burst holds is
    lost to everybody.
    """
    return max(ceil * divisor // 8_000, 2 * FRAME, turn + FRAME)


def base_rate(floor: int, guarantee: int) -> int:
    """The rate at which a leaf needs nobody: its floor, but never all of its guarantee."""
    return min(floor, guarantee * 9 // 10)


@dataclass(frozen=True)
class Demand:
    """A leaf at one moment, in one direction, in bit/s.

    `widened`: its own rate carries all that it is promised, as it is observed, or open by an
    exception while its pool is closed.
    """

    leaf: Leaf
    guarantee: int
    rate: int
    weight: int
    widened: bool


def demand(leaf: Leaf, guarantee: Pair, widened: bool, direction: Direction) -> Demand:
    """What an office needs: `widened` when it is open while its pool is closed."""
    promised = guarantee.of(direction).bits
    rate = max(LEAST_RATE, base_rate(leaf.floor.of(direction).bits, promised))
    return Demand(leaf, promised, promised if widened else rate, promised - rate, widened)


def pool_size(demands: Sequence[Demand], closed: int | None, times: Mapping[int, int]) -> int:
    """bit/s of a pool: its members' guarantees, or its size out of hours.

    An office whose own rate carries its guarantee brings along what that takes from the others.
    `times`, by minor: how many offices each of the demands stands for.
    """
    size = closed
    if size is None:
        size = sum(item.guarantee * times[item.leaf.minor] for item in demands)
    return size + sum(item.weight * times[item.leaf.minor] for item in demands if item.widened)


def quantum_scale(weights: Iterable[int]) -> int:
    """Microseconds: the least power of two at which the smallest weight is a full frame."""
    least = min(weights, default=0)
    if least <= 0:
        return 1
    scale = 1
    while least * scale // 8_000_000 < FRAME:
        scale *= 2
    return scale


def quantum(weight: int, scale: int, link: int) -> int:
    """Octets a turn for a weight in bit/s, within one frame and the clamp."""
    most = max(LEAST_CLAMP, link * MOST_QUANTUM_US // 8_000_000)
    return min(max(round(weight * scale / 8_000_000), FRAME), most)


def share_out(
    size: int, classes: Sequence[HtbClass], times: Mapping[int, int] = ONCE
) -> dict[int, int]:
    """bit/s by minor when every class wants all it can get: rate first, the rest by quantum.

    What a class cannot take above its ceiling goes to the others. `times`, by minor: how many
    classes of the same figures each of these stands for.
    """
    given = {item.minor: min(item.rate, item.ceil) for item in classes}
    many = {item.minor: times.get(item.minor, 1) for item in classes}
    hungry = [item for item in classes if given[item.minor] < item.ceil]
    left = size - sum(bits * many[minor] for minor, bits in given.items())
    while left > 0 and hungry:
        turn = sum(item.quantum * many[item.minor] for item in hungry)
        full = {i.minor for i in hungry if given[i.minor] + left * i.quantum // turn >= i.ceil}
        if not full:
            for item in hungry:
                given[item.minor] += left * item.quantum // turn
            break
        for item in hungry:
            if item.minor in full:
                left -= (item.ceil - given[item.minor]) * many[item.minor]
                given[item.minor] = item.ceil
        hungry = [item for item in hungry if item.minor not in full]
    return given


def unmatched_rate(ceil: int) -> int:
    """bit/s kept for packets that belong to no office, within their ceiling."""
    return max(LEAST_RATE, ceil // UNMATCHED_PART)


def _inner(minor: int, rate: int, ceil: int, prio: int, divisor: int) -> HtbClass:
    parent = 0 if minor == ROOT_MINOR else ROOT_MINOR
    return HtbClass(minor, parent, rate, ceil, burst(ceil, divisor), prio, FRAME * 10, leaf=False)


def _exception_guarantees(leaf: Leaf) -> list[Pair]:
    return [leaf.guarantee, *(item.guarantee for item in leaf.exceptions if item.guarantee)]


def scales(leaves: Iterable[Leaf], direction: Direction) -> tuple[int, int]:
    """The quantum scales of the offices and of the public in one direction.

    Taken over every guarantee that an office has at any time, so that no profile changes
    the quantum of an office whose guarantee stays.
    """
    leaves = tuple(leaves)
    offices = [
        demand(leaf, guarantee, False, direction).weight
        for leaf in leaves
        if leaf.kind == "opd"
        for guarantee in _exception_guarantees(leaf)
    ]
    public = [leaf.share * 1_000_000 for leaf in leaves if leaf.kind == "hotspot"]
    return quantum_scale(offices), quantum_scale(public)


def office_ceiling(leaf: Leaf, link: int, direction: Direction) -> int:
    """bit/s of an office at most; while it is observed, nothing but the uplink holds it back."""
    return link if leaf.mode == "observe" else min(leaf.ceiling.of(direction).bits, link)


def office_class(
    router: RouterIntent, item: Demand, pool_minor: int, scale: int, direction: Direction
) -> HtbClass:
    """The class of an office."""
    link = router.uplink.link.of(direction).bits
    ceil = max(office_ceiling(item.leaf, link, direction), item.rate)
    turn = quantum(item.weight, scale, link)
    return HtbClass(
        minor=item.leaf.minor,
        parent=pool_minor,
        rate=item.rate,
        ceil=ceil,
        burst=burst(ceil, router.divisor, turn),
        prio=OFFICE_PRIO,
        quantum=turn,
        leaf=True,
    )


def point_class(router: RouterIntent, leaf: Leaf, scale: int, direction: Direction) -> HtbClass:
    """The class of a public point: its parts of the public's pool."""
    link = router.uplink.link.of(direction).bits
    ceil = min(leaf.ceiling.of(direction).bits, link)
    rate = max(LEAST_RATE, min(leaf.floor.of(direction).bits, ceil))
    weight = leaf.share * 1_000_000
    turn = quantum(weight, scale, link)
    size = burst(ceil, router.divisor, turn)
    return HtbClass(leaf.minor, PUBLIC_MINOR, rate, ceil, size, PUBLIC_PRIO, turn, leaf=True)


def in_force(router: RouterIntent, keys: Sequence[str]) -> dict[str, ExceptionIntent]:
    """The exceptions of these keys, by the slug of their office."""
    if not keys:
        return {}
    wanted = set(keys)
    return {
        leaf.slug: item
        for leaf in router.leaves
        for item in leaf.exceptions
        if exception_key(leaf.slug, item.start) in wanted
    }


def offices_of(
    router: RouterIntent,
    pool: str,
    open_now: Sequence[str],
    exceptions: Mapping[str, ExceptionIntent],
    direction: Direction,
) -> list[Demand]:
    """What each office of a pool needs while these calendars and exceptions hold."""
    pool_open = pool in open_now
    found = []
    for leaf in router.leaves:
        if leaf.pool != pool:
            continue
        item = exceptions.get(leaf.slug)
        guarantee = (item and item.guarantee) or leaf.guarantee
        widened = leaf.mode == "observe" or (item is not None and not pool_open)
        found.append(demand(leaf, guarantee, widened, direction))
    return found


def tree(router: RouterIntent, profile: Profile, direction: Direction) -> tuple[HtbClass, ...]:
    """All classes of one direction while a profile is in force: parents before children."""
    link = router.uplink.link.of(direction).bits
    control = router.uplink.control.of(direction).bits
    unmatched = router.uplink.unmatched.of(direction).bits
    office_scale, public_scale = scales(router.leaves, direction)
    exceptions = in_force(router, profile.exceptions)
    inner = partial(_inner, divisor=router.divisor)
    classes = [
        inner(ROOT_MINOR, link, link, 0),
        replace(
            inner(UNMATCHED_MINOR, unmatched_rate(unmatched), unmatched, PUBLIC_PRIO),
            quantum=FRAME,
            leaf=True,
        ),
        replace(inner(CONTROL_MINOR, control, link, CONTROL_PRIO), leaf=True),
    ]
    leaves: list[HtbClass] = []
    for pool in router.pools:
        size = profile.pools[pool.slug].of(direction).bits
        classes.append(inner(pool.minor, size, link, OFFICE_PRIO))
        leaves += (
            office_class(router, item, pool.minor, office_scale, direction)
            for item in offices_of(router, pool.slug, profile.open, exceptions, direction)
        )
    public = profile.pools[PUBLIC].of(direction).bits
    classes.append(inner(PUBLIC_MINOR, public, link, PUBLIC_PRIO))
    leaves += (
        point_class(router, leaf, public_scale, direction)
        for leaf in router.leaves
        if leaf.kind == "hotspot"
    )
    return (*classes, *sorted(leaves, key=lambda item: item.minor))


def promises(
    router: RouterIntent, profile: Profile, direction: Direction, times: Mapping[int, int] = ONCE
) -> dict[str, int]:
    """bit/s of each leaf, by slug, when all leaves of all pools want more than there is."""
    classes = tree(router, profile, direction)
    sizes = {item.minor: item.rate for item in classes if not item.leaf}
    members: dict[int, list[HtbClass]] = defaultdict(list)
    for item in classes:
        if item.leaf and item.parent in sizes and item.parent != ROOT_MINOR:
            members[item.parent].append(item)
    given: dict[int, int] = {}
    for parent, children in members.items():
        given |= share_out(sizes[parent], children, times)
    return {leaf.slug: given[leaf.minor] for leaf in router.leaves}
