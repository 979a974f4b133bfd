"""Uplinks: one for each router, with gateways in its networks and source addresses that differ."""

from __future__ import annotations

from collections.abc import Iterator

from komando.diagnostics import Diagnostic, Related
from komando.policy.model import Draft
from komando.policy.regions import Region, Uplink

_NAMES_IN_USE = {
    "calendars": {
        "closed": "the hours in which no calendar is open have this name",
        "public": "the public's pool has this name",
    },
    "segments": {"uplink": "the router's interface to the provider has this name"},
}


def check(draft: Draft, region: Region) -> Iterator[Diagnostic]:
    """Each uplink by itself, and the names that the product keeps for its own parts."""
    routers: dict[str, str] = {}
    for slug, uplink in region.uplinks.items():
        sure = draft.sure("region", "", "uplinks", slug, "router")
        first = routers.setdefault(uplink.router, slug) if sure else slug
        if first != slug:
            yield Diagnostic(
                "router-twice",
                "error",
                f"a second uplink on the router `{uplink.router}`",
                found=uplink.router,
                expected="one uplink for each router",
                remedy="name the router that this uplink really ends on",
                location=draft.where("region", "", "uplinks", slug, "router"),
                related=(
                    Related("the first", draft.where("region", "", "uplinks", first, "router")),
                ),
            )
        yield from _gateways(draft, slug, uplink)
        yield from _families(draft, region, slug, uplink)
        sure = draft.sure("region", "", "uplinks", slug, "nat")
        if uplink.nat.offices == uplink.nat.public and sure:
            yield Diagnostic(
                "nat-same",
                "error",
                "one source address for the offices and the public",
                found=str(uplink.nat.public),
                expected="two addresses, so that nobody takes a guest for the government",
                remedy="take another of the addresses that the provider routes to us",
                location=draft.where("region", "", "uplinks", slug, "nat", "public"),
            )
    for part, names in _NAMES_IN_USE.items():
        for name in names.keys() & getattr(region, part).keys():
            yield Diagnostic(
                "name-reserved",
                "error",
                f"a name that is in use already: {names[name]}",
                found=name,
                expected="another name",
                remedy="rename it here and wherever it is referred to",
                location=draft.key("region", "", part, name),
            )


def _gateways(draft: Draft, slug: str, uplink: Uplink) -> Iterator[Diagnostic]:
    networks = ", ".join(str(address.network) for address in uplink.addresses)
    own = {address.ip for address in uplink.addresses}
    versions: set[int] = set()
    for index, gateway in enumerate(uplink.gateways):
        inside = any(gateway in address.network for address in uplink.addresses)
        again = gateway.version in versions
        versions.add(gateway.version)
        if inside and gateway not in own and not again:
            continue
        if again:
            message = f"a second IPv{gateway.version} gateway"
        elif inside:
            message = "the router's own address as its gateway"
        else:
            message = "a gateway outside of the uplink's networks"
        yield Diagnostic(
            "uplink-gateway",
            "error",
            message,
            found=str(gateway),
            expected=f"one host of each kind in {networks}",
            remedy="write the provider's end of the line",
            location=draft.where("region", "", "uplinks", slug, "gateways", index),
            related=(
                Related(
                    "the uplink's addresses",
                    draft.where("region", "", "uplinks", slug, "addresses"),
                ),
            ),
        )


def _families(draft: Draft, region: Region, slug: str, uplink: Uplink) -> Iterator[Diagnostic]:
    """Whoever has networks of one kind needs a way out for them."""
    segments = {name for name, one in region.segments.items() if one.router == uplink.router}
    given: set[int] = {gateway.version for gateway in uplink.gateways}
    lacking: set[int] = {4, 6} - given
    if not lacking:
        return
    needy: dict[int, int] = dict.fromkeys(sorted(lacking), 0)
    for _, site in draft.sites():
        if site.link.segment in segments:
            versions: set[int] = {network.version for network in site.networks}
            for version in versions & lacking:
                needy[version] += 1
    for version, count in needy.items():
        if count:
            yield Diagnostic(
                "uplink-family",
                "error",
                f"IPv{version} networks, but no IPv{version} gateway on the uplink `{slug}`",
                found=f"{count} offices and points with IPv{version} networks",
                expected=f"an IPv{version} address and gateway of the uplink",
                remedy="add both as the provider gives them",
                location=draft.where("region", "", "uplinks", slug, "gateways"),
            )
