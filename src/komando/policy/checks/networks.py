"""Networks: no address belongs to two, and none is of a kind that cannot be routed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_network
from typing import NamedTuple

from komando.diagnostics import Diagnostic, Location, Related
from komando.policy.documents import Path
from komando.policy.fields import Network
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


class _Span(NamedTuple):
    """A network as first and last address; sorts so that the wider of two comes first."""

    version: int
    first: int
    negative_last: int
    origin: tuple[Kind, str, Path] | None
    text: str


_SPECIAL_SPANS: list[_Span] = []


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Overlaps over all offices, points, segments and uplinks, by one sort.

    CIDR networks are nested or apart, never crossing: so in the order of first address, wider
    first, whatever still lasts when a network begins contains it.
    """
    spans = sorted([*_spans(draft), *_special_spans()], key=lambda span: span[:3])
    open_ones: list[_Span] = []
    for span in spans:
        while open_ones and (
            open_ones[-1].version != span.version or -open_ones[-1].negative_last < span.first
        ):
            open_ones.pop()
        if open_ones:
            yield from _pair(draft, open_ones[-1], span)
        open_ones.append(span)


def _spans(draft: Draft) -> Iterator[_Span]:
    for kind, site in draft.sites():
        for index, network in enumerate(site.networks):
            yield _span(network, kind, site.slug, ("networks", index))
    if draft.region is None:
        return
    for slug, segment in draft.region.segments.items():
        yield from _own(segment.addresses, ("segments", slug, "addresses"))
    for slug, uplink in draft.region.uplinks.items():
        yield from _own(uplink.addresses, ("uplinks", slug, "addresses"))


def _own(addresses: Iterable[object], path: tuple[str, ...]) -> Iterator[_Span]:
    """The networks of an interface's addresses, each once: two addresses may share one."""
    seen = set()
    for index, address in enumerate(addresses):
        network: Network = address.network  # type: ignore[attr-defined]
        if network not in seen:
            seen.add(network)
            yield _span(network, "region", "", (*path, index))


def _span(network: Network, kind: Kind, slug: str, path: Path) -> _Span:
    first = int(network.network_address)
    last = first | ((1 << (network.max_prefixlen - network.prefixlen)) - 1)
    return _Span(network.version, first, -last, (kind, slug, path), "")


def _special_spans() -> list[_Span]:
    if not _SPECIAL_SPANS:
        for text in _SPECIAL:
            network = ip_network(text)
            first, last = int(network.network_address), int(network.broadcast_address)
            _SPECIAL_SPANS.append(_Span(network.version, first, -last, None, text))
    return _SPECIAL_SPANS


def _pair(draft: Draft, outer: _Span, inner: _Span) -> Iterator[Diagnostic]:
    if inner.origin is None:
        if outer.origin is not None:
            yield _special(draft, outer, inner)
        return
    if outer.origin is None:
        yield _special(draft, inner, outer)
        return
    same = outer[:3] == inner[:3]
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


def _special(draft: Draft, span: _Span, special: _Span) -> Diagnostic:
    return Diagnostic(
        "network-special",
        "error",
        "a network that an office cannot have",
        found=f"`{_text(draft, span)}` touches {special.text}, {_SPECIAL[special.text]}",
        expected="the office's private IPv4 network, or its static IPv6 prefix of the provider's",
        remedy="write the network that the office's router has",
        location=_at(draft, span),
    )


def _origin(span: _Span) -> tuple[Kind, str, Path]:
    if span.origin is None:
        raise AssertionError("a special network has no place in a file")
    return span.origin


def _name(span: _Span) -> str:
    kind, slug, path = _origin(span)
    return f"{path[0]}/{path[1]}" if kind == "region" else f"{kind}/{slug}"


def _at(draft: Draft, span: _Span) -> Location:
    kind, slug, path = _origin(span)
    return draft.where(kind, slug, *path)


def _text(draft: Draft, span: _Span) -> str:
    kind, slug, path = _origin(span)
    return str(draft.origins[kind, slug].at(path))
