"""The number and the addresses of a new office or point: the habit that stands, else what is free.

No plan of addresses is written in any policy. Where most of the sites have addresses that follow
from their ids, as 10.20.5.0/24 and 2001:db8:1005::/48 do from 5, the new one gets those of its own
id; where these are taken, or there is no such habit, the next that is free behind the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final

from komando.documents.addresses import SPECIAL, Address, Interface, Network
from komando.policy.model import Draft, Policy
from komando.policy.sites import Hotspot, Opd
from komando.policy.tree import Kind

_BITS: Final = {4: 32, 6: 128}
_WRITTEN: Final = {4: 8, 6: 16}
"""Bits of a part of an address as people write it: a plan has its borders there."""

_READINGS: Final[tuple[Callable[[int], int], ...]] = (int, lambda number: int(str(number), 16))
"""How an id stands in an address: as a number, or by its decimal digits, as in 2001:db8:1057::."""

_Span = tuple[int, int]
"""The first and the last address of something, as numbers."""

_Known = Sequence[tuple[int, int]]
"""Ids, and the first address of each."""


class NoRoomError(ValueError):
    """No number or no address is left where the others stand; the text says where."""


@dataclass(frozen=True)
class Allotted:
    """What a new office or point gets, IPv4 before IPv6."""

    networks: tuple[Network, ...]
    gateways: tuple[Address, ...]


def next_id(policy: Policy, gone: Callable[[int], bool]) -> int:
    """The number above all that offices and points have, and that none had which is `gone`.

    Raises NoRoomError.
    """
    draft = Draft(opd=dict(policy.opd), hotspots=dict(policy.hotspots))
    while (found := draft.free_id()) is not None:
        if not gone(found):
            return found
    raise NoRoomError("no id is left above those that are in use")


def allot(policy: Policy, kind: Kind, segment: str, number: int) -> Allotted:
    """Networks behind a new router with the id `number` in a segment, and its addresses there.

    Families and lengths are those of the sites of its kind, in the segment if two of them are.
    Raises NoRoomError.
    """
    like = _models(policy, kind, segment)
    networks = tuple(_networks(policy, like, number))
    families: set[int] = {network.version for network in networks}
    return Allotted(networks, tuple(_gateways(policy, kind, segment, number, families)))


def _models(policy: Policy, kind: Kind, segment: str) -> list[Opd | Hotspot]:
    every: list[Opd | Hotspot] = [*(policy.hotspots if kind == "hotspots" else policy.opd).values()]
    near = [site for site in every if site.link.segment == segment]
    return near if len(near) > 1 else every or list(policy.opd.values())


def _networks(policy: Policy, like: Iterable[Opd | Hotspot], number: int) -> Iterator[Network]:
    taken = [_span(network) for network in _all_networks(policy)]
    for version in (4, 6):
        own = [
            (site.id, next(it for it in site.networks if it.version == version))
            for site in like
            if any(it.version == version for it in site.networks)
        ]
        if not own:
            continue
        length = Counter(network.prefixlen for _, network in own).most_common(1)[0][0]
        known = [(id_, int(it.network_address)) for id_, it in own if it.prefixlen == length]
        plan = _plan([first for _, first in known], version, length)
        step = 1 << (_BITS[version] - length)
        spans = [(first, last) for of, first, last in taken if of == version]
        found = _chosen(known, number, step, _span(plan)[1:], spans)
        if found is None:
            raise NoRoomError(f"no /{length} is free in {plan}")
        yield _network(version, found, length)


def _gateways(
    policy: Policy, kind: Kind, segment: str, number: int, families: set[int]
) -> Iterator[Address]:
    sites: list[Opd | Hotspot] = [*policy.opd.values(), *policy.hotspots.values()]
    same: Iterable[Opd | Hotspot] = (policy.hotspots if kind == "hotspots" else policy.opd).values()
    seen: set[int] = set()
    for own in policy.region.segments[segment].addresses:
        network = own.network
        if network.version in seen or network.version not in families:
            continue
        seen.add(network.version)
        spans = list(_not_for_gateways(policy, network))
        neighbours = [site for site in same if site.link.segment == segment] or [
            site for site in sites if site.link.segment == segment
        ]
        known = [
            (site.id, int(address))
            for site in neighbours
            for address in site.link.gateways
            if address in network
        ]
        found = _chosen(known, number, 1, _span(network)[1:], spans)
        if found is None:
            raise NoRoomError(f"no address is free in {network} of the segment {segment}")
        # `ip_address` would take a small number for one of IPv4
        yield IPv4Address(found) if network.version == 4 else IPv6Address(found)


def _not_for_gateways(policy: Policy, network: Network) -> Iterator[_Span]:
    """The ends of a transfer network, the router's own addresses in it, and others' gateways."""
    for end in (network.network_address, network.broadcast_address):
        yield int(end), int(end)
    for segment in policy.region.segments.values():
        yield from ((int(it.ip), int(it.ip)) for it in segment.addresses if it.ip in network)
    for site in (*policy.opd.values(), *policy.hotspots.values()):
        yield from ((int(it), int(it)) for it in site.link.gateways if it in network)


def _all_networks(policy: Policy) -> Iterator[Network]:
    for site in (*policy.opd.values(), *policy.hotspots.values()):
        yield from site.networks
    owned: list[Interface] = []
    for segment in policy.region.segments.values():
        owned += segment.addresses
    for uplink in policy.region.uplinks.values():
        owned += uplink.addresses
    yield from (interface.network for interface in owned)
    yield from (ip_network(text) for text in SPECIAL)


def _span(network: Network) -> tuple[int, int, int]:
    return network.version, int(network.network_address), int(network.broadcast_address)


def _plan(firsts: Sequence[int], version: int, length: int) -> Network:
    """What all of them lie in, up to the next border that people write."""
    bits = _BITS[version]
    common = bits - (min(firsts) ^ max(firsts)).bit_length()
    kept = min(common, length - 1) // _WRITTEN[version] * _WRITTEN[version]
    return _network(version, min(firsts) >> (bits - kept) << (bits - kept), kept)


def _network(version: int, first: int, length: int) -> Network:
    kind = IPv4Network if version == 4 else IPv6Network
    return kind((first, length))


def _chosen(
    known: _Known, number: int, step: int, within: _Span, taken: Sequence[_Span]
) -> int | None:
    """The first address of the span that the new one gets; None where all are taken."""
    habit = _by_habit(known, number, step)
    if habit is not None and _gap(habit, step, within, taken) == habit:
        return habit
    behind = max((first for _, first in known), default=within[0]) + step
    for start in (behind, within[0]):
        if (found := _gap(start, step, within, taken)) is not None:
            return found
    return None


def _by_habit(known: _Known, number: int, step: int) -> int | None:
    """Where the id itself says what most of the others have; None where it does not."""
    best, most = None, 0
    for reading in _READINGS:
        bases = Counter(first - reading(id_) * step for id_, first in known)
        base, count = bases.most_common(1)[0] if bases else (0, 0)
        if count > most:
            best, most = base + reading(number) * step, count
    return best if most > 1 and most * 2 > len(known) else None


def _gap(start: int, step: int, within: _Span, taken: Iterable[_Span]) -> int | None:
    """The first `step` addresses from `start` on that nobody has, at a multiple of `step`."""
    at = max(start, within[0])
    for first, last in sorted(taken):
        if last < at:
            continue
        if first > at + step - 1:
            break
        at = (last + step) // step * step
    return at if within[0] <= at and at + step - 1 <= within[1] else None
