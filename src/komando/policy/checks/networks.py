"""Networks: no address belongs to two, and none is of a kind that cannot be routed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from typing import NamedTuple

from komando.diagnostics import Diagnostic, Location, Related
from komando.documents.addresses import SPECIAL, Interface, Network
from komando.documents.document import Path
from komando.policy.model import Draft
from komando.policy.tree import Kind

FEW = 3
"""Networks that are named one by one; the rest is counted."""

_EXPECTED = "networks that belong to one office, point or segment only"


class _Origin(NamedTuple):
    """Where a network is written; `special` has the text of one that is not."""

    kind: Kind
    slug: str
    path: Path
    special: str = ""


_Span = tuple[int, int, int, int]
"""Version, first address, last address negated, and the number of the origin.

So they sort by address, and the wider of two networks before the narrower.
"""


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Overlaps over all offices, points, segments and uplinks, by one sort.

    CIDR networks are nested or apart, never crossing: so in the order of first address, wider
    first, whatever still lasts when a network begins contains it.
    """
    origins: list[_Origin] = []
    spans: list[_Span] = []
    for network, origin in _networks(draft):
        first = int(network.network_address)
        last = first | ((1 << (network.max_prefixlen - network.prefixlen)) - 1)
        spans.append((network.version, first, -last, len(origins)))
        origins.append(origin)
    spans.sort()
    found = _Found({}, {}, [])
    outer: list[_Span] = []
    for span in spans:
        while outer and (outer[-1][0] != span[0] or -outer[-1][2] < span[1]):
            outer.pop()
        if outer:
            same = outer[-1][:3] == span[:3]
            found.add(origins[outer[-1][3]], origins[span[3]], same=same)
        outer.append(span)
    yield from _told(draft, found)


class _Found(NamedTuple):
    """Networks in each other: those that touch special ones, what lies in each, and twins."""

    special: dict[_Origin, list[str]]
    inside: dict[_Origin, list[_Origin]]
    twins: list[tuple[_Origin, _Origin]]

    def add(self, outer: _Origin, inner: _Origin, *, same: bool) -> None:
        if outer.special or inner.special:
            if not (outer.special and inner.special):
                site, special = (outer, inner) if inner.special else (inner, outer)
                self.special.setdefault(site, []).append(special.special)
        elif same:
            self.twins.append((inner, outer) if inner.kind == "region" else (outer, inner))
        else:
            self.inside.setdefault(outer, []).append(inner)


def _told(draft: Draft, found: _Found) -> Iterator[Diagnostic]:
    for origin, touched in found.special.items():
        yield _special(draft, origin, touched)
    for first, second in found.twins:
        yield _twice(draft, first, second)
    for outer, inner in found.inside.items():
        if outer in found.special:  # it is wrong whatever lies in it
            continue
        if outer.kind == "region" and len(inner) <= FEW:
            for one in inner:
                yield _inside(draft, outer, one)
        else:
            yield _around(draft, outer, inner)


def _networks(draft: Draft) -> Iterator[tuple[Network, _Origin]]:
    for kind, site in draft.sites():
        doubtful = (kind, site.slug) in draft.faults
        for index, network in enumerate(site.networks):
            if doubtful and not draft.sure(kind, site.slug, "networks", index):
                continue
            yield network, _Origin(kind, site.slug, ("networks", index))
    for text in SPECIAL:
        yield ip_network(text), _Origin("region", "", (), text)
    if draft.region is None:
        return
    for slug, segment in draft.region.segments.items():
        yield from _own(draft, segment.addresses, ("segments", slug, "addresses"))
    for slug, uplink in draft.region.uplinks.items():
        yield from _own(draft, uplink.addresses, ("uplinks", slug, "addresses"))


def _own(
    draft: Draft, addresses: tuple[Interface, ...], path: Path
) -> Iterator[tuple[Network, _Origin]]:
    """The networks of an interface's addresses, each once: two addresses may share one."""
    seen: set[Network] = set()
    for index, address in enumerate(addresses):
        if address.network not in seen and draft.sure("region", "", *path, index):
            seen.add(address.network)
            yield address.network, _Origin("region", "", (*path, index))


def _twice(draft: Draft, first: _Origin, second: _Origin) -> Diagnostic:
    return Diagnostic(
        "network-twice",
        "error",
        f"a network that {_name(first)} has already",
        found=_text(draft, second),
        expected=_EXPECTED,
        remedy="remove it from one of the two",
        location=_at(draft, second),
        related=(Related(f"`{_text(draft, first)}`", _at(draft, first)),),
    )


def _inside(draft: Draft, outer: _Origin, inner: _Origin) -> Diagnostic:
    """An office's network in one of the region's own, which is right where few lie in it."""
    return Diagnostic(
        "network-overlap",
        "error",
        f"a network inside one of {_name(outer)}",
        found=_text(draft, inner),
        expected=_EXPECTED,
        remedy=f"remove it, or divide `{_text(draft, outer)}` so that the two stand apart",
        location=_at(draft, inner),
        related=(Related(f"`{_text(draft, outer)}`", _at(draft, outer)),),
    )


def _around(draft: Draft, outer: _Origin, inner: Sequence[_Origin]) -> Diagnostic:
    """A network with others in it: told once, at its own line, for there is the slip."""
    text, first = _text(draft, outer), inner[:FEW]
    named = ", ".join(f"`{_text(draft, one)}` of {_name(one)}" for one in first)
    more = f" and {len(inner) - FEW} more" if len(inner) > FEW else ""
    what = "another network" if len(inner) == 1 else f"{len(inner)} other networks"
    return Diagnostic(
        "network-overlap",
        "error",
        f"a network with {what} inside",
        found=f"`{text}` holds {named}{more}",
        expected=_EXPECTED,
        remedy="look at the prefix length; or divide it so that they all stand apart",
        location=_at(draft, outer),
        related=tuple(Related(f"`{_text(draft, one)}`", _at(draft, one)) for one in first),
    )


def _special(draft: Draft, origin: _Origin, touched: Sequence[str]) -> Diagnostic:
    why = f"{touched[0]}, {SPECIAL[touched[0]]}"
    more = f", and {len(touched) - 1} more such networks" if len(touched) > 1 else ""
    return Diagnostic(
        "network-special",
        "error",
        "a network that an office cannot have",
        found=f"`{_text(draft, origin)}` touches {why}{more}",
        expected="the office's private IPv4 network, or its static IPv6 prefix of the provider's",
        remedy="write the network that the office's router has",
        location=_at(draft, origin),
    )


def _name(origin: _Origin) -> str:
    if origin.kind == "region":
        return f"{origin.path[0]}/{origin.path[1]}"
    return f"{origin.kind}/{origin.slug}"


def _at(draft: Draft, origin: _Origin) -> Location:
    return draft.where(origin.kind, origin.slug, *origin.path)


def _text(draft: Draft, origin: _Origin) -> str:
    return str(draft.origins[origin.kind, origin.slug].at(origin.path))
