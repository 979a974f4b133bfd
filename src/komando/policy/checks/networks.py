"""Networks: no address belongs to two, and none is of a kind that cannot be routed."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from typing import NamedTuple

from komando.diagnostics import Diagnostic, Location, Related
from komando.policy.documents import Path
from komando.policy.fields import Interface, Network
from komando.policy.model import Draft
from komando.policy.tree import Kind

_SPECIAL = {
    "0.0.0.0/8": "this network (RFC 791)",
    "127.0.0.0/8": "loopback (RFC 1122)",
    "169.254.0.0/16": "link-local (RFC 3927)",
    "224.0.0.0/3": "multicast and reserved (RFC 5771, RFC 1112)",
    "::/8": "loopback and reserved (RFC 4291)",
    "2001::/32": "Teredo (RFC 4380)",
    "2002::/16": "6to4 (RFC 3056)",
    "fc00::/7": "unique local (RFC 4193), which is not routed to the internet",
    "fe80::/9": "link-local (RFC 4291)",
    "ff00::/8": "multicast (RFC 4291)",
}
"""Networks that no office can be reached in from the internet, and why."""


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
    outer: list[_Span] = []
    for span in spans:
        while outer and (outer[-1][0] != span[0] or -outer[-1][2] < span[1]):
            outer.pop()
        if outer:
            same = outer[-1][:3] == span[:3]
            yield from _pair(draft, origins[outer[-1][3]], origins[span[3]], same=same)
        outer.append(span)


def _networks(draft: Draft) -> Iterator[tuple[Network, _Origin]]:
    for kind, site in draft.sites():
        for index, network in enumerate(site.networks):
            yield network, _Origin(kind, site.slug, ("networks", index))
    for text in _SPECIAL:
        yield ip_network(text), _Origin("region", "", (), text)
    if draft.region is None:
        return
    for slug, segment in draft.region.segments.items():
        yield from _own(segment.addresses, ("segments", slug, "addresses"))
    for slug, uplink in draft.region.uplinks.items():
        yield from _own(uplink.addresses, ("uplinks", slug, "addresses"))


def _own(addresses: tuple[Interface, ...], path: Path) -> Iterator[tuple[Network, _Origin]]:
    """The networks of an interface's addresses, each once: two addresses may share one."""
    seen: set[Network] = set()
    for index, address in enumerate(addresses):
        if address.network not in seen:
            seen.add(address.network)
            yield address.network, _Origin("region", "", (*path, index))


def _pair(draft: Draft, outer: _Origin, inner: _Origin, *, same: bool) -> Iterator[Diagnostic]:
    if inner.special or outer.special:
        if not (inner.special and outer.special):
            yield _special(draft, *((outer, inner) if inner.special else (inner, outer)))
        return
    other = _name(outer)
    yield Diagnostic(
        "network-twice" if same else "network-overlap",
        "error",
        f"a network that {other} has already" if same else f"a network inside one of {other}",
        found=_text(draft, inner),
        expected="networks that belong to one office, point or segment only",
        remedy="remove it from one of the two"
        if same
        else f"remove it, or divide `{_text(draft, outer)}` so that the two stand apart",
        location=_at(draft, inner),
        related=(Related(f"`{_text(draft, outer)}`", _at(draft, outer)),),
    )


def _special(draft: Draft, origin: _Origin, special: _Origin) -> Diagnostic:
    why = f"{special.special}, {_SPECIAL[special.special]}"
    return Diagnostic(
        "network-special",
        "error",
        "a network that an office cannot have",
        found=f"`{_text(draft, origin)}` touches {why}",
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
