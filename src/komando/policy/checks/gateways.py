"""Gateways: an office's router stands in its segment, once, for each kind of address it needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from komando.diagnostics import Diagnostic, Location, Related
from komando.documents.addresses import Interface
from komando.policy.model import Draft
from komando.policy.regions import Region
from komando.policy.sites import Hotspot, Opd
from komando.policy.tree import Kind


class _Reach(NamedTuple):
    """The hosts that an interface reaches directly: first and last address, and its own."""

    first: int
    last: int
    own: int
    text: str


def check(draft: Draft, region: Region) -> Iterator[Diagnostic]:
    """Every office's and point's gateways against its segment, and each given only once."""
    reaches = {slug: _reaches(segment.addresses) for slug, segment in region.segments.items()}
    taken: dict[tuple[int, int], tuple[Kind, str, int]] = {}
    for kind, site in draft.sites():
        yield from _families(draft, kind, site)
        reach = reaches.get(site.link.segment)
        doubtful = (kind, site.slug) in draft.faults
        for index, address in enumerate(site.link.gateways):
            if doubtful and not draft.sure(kind, site.slug, "link", "gateways", index):
                continue
            number = int(address)
            first = taken.setdefault((address.version, number), (kind, site.slug, index))
            if first != (kind, site.slug, index):
                yield _twice(draft, kind, site, index, first)
            if reach is None:  # the unknown segment has its own diagnostic
                continue
            for one in reach[address.version]:
                if one.first <= number <= one.last and number != one.own:
                    break
            else:
                yield _outside(draft, kind, site, index, reach[address.version])


def _reaches(addresses: tuple[Interface, ...]) -> dict[int, list[_Reach]]:
    found: dict[int, list[_Reach]] = {4: [], 6: []}
    for address in addresses:
        network = address.network
        first, last = int(network.network_address), int(network.broadcast_address)
        edge = 1 if network.version == 4 and network.num_addresses > 2 else 0
        found[network.version].append(
            _Reach(first + edge, last - edge, int(address.ip), str(network))
        )
    return found


def _families(draft: Draft, kind: Kind, site: Opd | Hotspot) -> Iterator[Diagnostic]:
    """One gateway of each family that the networks have, and at most one of any."""
    given = [address.version for address in site.link.gateways]
    needed = {network.version for network in site.networks}
    if len(given) == len(needed) and needed.issuperset(given) and needed.issubset(given):
        return
    if not draft.sure(kind, site.slug, "networks"):
        return
    for version in (4, 6):
        count = given.count(version)
        if (version in needed and count == 0) or count > 1:
            yield _family(draft, kind, site, version, count)


def _family(draft: Draft, kind: Kind, site: Opd | Hotspot, version: int, given: int) -> Diagnostic:
    sample = "172.20.1.5" if version == 4 else "2001:db8:f000::1:5"
    return Diagnostic(
        "gateway-family",
        "error",
        f"IPv{version} networks without an IPv{version} gateway"
        if given == 0
        else f"more than one IPv{version} gateway",
        found=", ".join(str(address) for address in site.link.gateways),
        expected=f"one IPv{version} gateway: the office's router in the segment",
        remedy=f"add its IPv{version} address in the segment, as `{sample}`"
        if given == 0
        else "keep the one that routes to the office's networks",
        location=draft.where(kind, site.slug, "link", "gateways"),
    )


def _twice(
    draft: Draft, kind: Kind, site: Opd | Hotspot, index: int, first: tuple[Kind, str, int]
) -> Diagnostic:
    other_kind, other, other_index = first
    return Diagnostic(
        "gateway-twice",
        "error",
        f"a gateway that {other_kind}/{other} has already",
        found=str(site.link.gateways[index]),
        expected="a gateway of its own for each office and public point",
        remedy="write the address of this office's own router",
        location=_at(draft, kind, site.slug, index),
        related=(Related("the first", _at(draft, other_kind, other, other_index)),),
    )


def _outside(
    draft: Draft, kind: Kind, site: Opd | Hotspot, index: int, reach: list[_Reach]
) -> Diagnostic:
    segment = site.link.segment
    known = ", ".join(one.text for one in reach)
    own = int(site.link.gateways[index]) in [one.own for one in reach]
    return Diagnostic(
        "gateway-outside",
        "error",
        "a gateway that is the core router itself"
        if own
        else f"a gateway outside of its segment `{segment}`",
        found=str(site.link.gateways[index]),
        expected=f"a host of {known}"
        if known
        else f"none, for `{segment}` has no network of this kind",
        remedy="write the address of the office's router in the segment, or the right segment",
        location=_at(draft, kind, site.slug, index),
        related=(
            Related(
                f"the networks of `{segment}`",
                draft.where("region", "", "segments", segment, "addresses"),
            ),
        ),
    )


def _at(draft: Draft, kind: Kind, slug: str, index: int) -> Location:
    return draft.where(kind, slug, "link", "gateways", index)
