"""Addresses, links and routes of a generation: read strictly, compared with what stands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address, ip_interface, ip_network

from .errors import HostError
from .frozen import Frozen
from .kernel import answers
from .layout import NETWORK
from .tree import DEVICE
from .typed import Any

PROTOCOL = "75"
"""The routing protocol number that marks our routes, so that others' are left alone."""

_LINK = re.compile(rf"link set (?:dev )?({DEVICE}) up")
_ADDRESS = re.compile(rf"address replace (\S+) dev ({DEVICE})(?: nodad)?")
_ROUTE = re.compile(
    r"route replace (?:(blackhole|unreachable|prohibit) )?(\S+)"
    rf"(?: via (\S+))?(?: dev ({DEVICE}))?(?: src (\S+))?(?: proto {PROTOCOL})"
    r"(?: metric ([0-9]+))?(?: onlink)?"
)
DEFAULT = {4: "0.0.0.0/0", 6: "::/0"}
_METRIC = {4: 0, 6: 1024}


class Link(Frozen):
    """An interface that shall be up."""

    device: str


class Address(Frozen):
    """An address with its prefix on an interface."""

    device: str
    address: str


class Route(Frozen):
    """A route with the protocol number of the program; `kind` is unicast or what refuses."""

    version: int
    destination: str
    metric: int
    kind: str
    gateway: str
    device: str

    @property
    def key(self) -> tuple[int, str, int]:
        """What the kernel tells routes apart by."""
        return (self.version, self.destination, self.metric)


Entry = Link | Address | Route


class Wanted(Frozen):
    """One line of the file: what it makes true, and the line for ip.

    The line names no family, which a batch of ip could not read: each destination tells its own.
    """

    entry: Entry
    line: str
    source: str


def parse_network(text: str) -> tuple[Wanted, ...]:
    """Reads the file `network`; raises HostError, with line, for what is not understood."""
    wanted: list[Wanted] = []
    for number, raw in enumerate(text.splitlines(), 1):
        words, source = raw.split(), f"{NETWORK}:{number}"
        if not words or words[0].startswith("#"):
            continue
        version = {"-4": 4, "-6": 6}.get(words[0])
        line = " ".join(words[1:] if version else words)
        try:
            entry = _entry(line, version)
        except ValueError as error:
            raise HostError(f"{source}: {error}") from None
        if entry is None:
            raise HostError(f"{source}: not understood: {line[:120]}")
        if isinstance(entry, Route):
            line = re.sub(r"\bdefault\b", entry.destination, line, count=1)
        wanted.append(Wanted(entry, line, source))
    routes = [item.entry.key for item in wanted if isinstance(item.entry, Route)]
    if len(set(routes)) < len(routes):
        raise HostError(f"{NETWORK}: two routes to one destination")
    return tuple(wanted)


def _entry(line: str, version: int | None) -> Entry | None:
    if found := _LINK.fullmatch(line):
        return Link(found[1])
    if found := _ADDRESS.fullmatch(line):
        return Address(found[2], str(ip_interface(found[1])))
    if found := _ROUTE.fullmatch(line):
        named = 4 if found[2] == "default" else ip_network(found[2]).version
        family = version or named  # as `ip` itself infers it
        if found[2] != "default" and named != family:
            raise ValueError(f"{found[2]} is not of the family of its line")
        return Route(
            version=family,
            destination=DEFAULT[family] if found[2] == "default" else str(ip_network(found[2])),
            metric=int(found[6] or _METRIC[family]),
            kind=found[1] or "unicast",
            gateway=str(ip_address(found[3])) if found[3] else "",
            device=_device(found[1], found[4]),
        )
    return None


def _device(kind: str | None, device: str | None) -> str:
    # what refuses belongs to no interface; the kernel shows `lo` for it in one family
    return "" if kind else device or ""


class Live(Frozen):
    """What stands: links that are up, all addresses, the routes of our protocol number.

    `devices` are all links, also those that are down.
    """

    up: frozenset[str]
    addresses: frozenset[Address]
    routes: frozenset[Route]
    devices: frozenset[str] = frozenset()


_ASKED = (
    "address show",
    f"route show proto {PROTOCOL}",
    f"route show table all proto {PROTOCOL} root ::/0",
)
"""A batch of ip has no option for the family: IPv4 is meant where one table is (main, if none is
named), any family where all are."""


def live_network() -> Live:
    """Asks the kernel for links, addresses and the routes of our protocol number."""
    links, *routes = answers(["ip", "-j"], _ASKED)
    up: set[str] = set()
    addresses: set[Address] = set()
    for item in links:
        if "UP" in item.get("flags", []):
            up.add(item["ifname"])
        for found in item.get("addr_info", []):
            if found:
                text = f"{found['local']}/{found['prefixlen']}"
                addresses.add(Address(item["ifname"], str(ip_interface(text))))
    return Live(
        frozenset(up),
        frozenset(addresses),
        routes=frozenset(
            _live_route(item, version)
            for version, shown in zip((4, 6), routes, strict=True)
            for item in shown
            if "table" not in item  # as of all that is in main
        ),
        devices=frozenset(item["ifname"] for item in links),
    )


def _live_route(item: dict[str, Any], version: int) -> Route:
    kind = item.get("type", "unicast")
    destination = item["dst"]
    return Route(
        version=version,
        destination=DEFAULT[version] if destination == "default" else str(ip_network(destination)),
        metric=item.get("metric", _METRIC[version]),
        kind=kind,
        gateway=item.get("gateway", ""),
        device=_device(None if kind == "unicast" else kind, item.get("dev")),
    )


class NetworkSteps(Frozen):
    """Commands that make entries true, and those that take away what left."""

    make: tuple[Wanted, ...]
    remove: tuple[Wanted, ...]

    @property
    def nothing(self) -> bool:
        """Whether all stands."""
        return not (self.make or self.remove)


def plan_network(wanted: Iterable[Wanted], live: Live, ours: Iterable[Address]) -> NetworkSteps:
    """What to run so that `wanted` stands.

    Routes of our protocol number that are not wanted go; so do those of the addresses that an
    earlier generation had (`ours`) and this one has not. All else is left alone.
    """
    wanted = tuple(wanted)
    standing = {*(Link(device) for device in live.up), *live.addresses, *live.routes}
    make = tuple(item for item in wanted if item.entry not in standing)
    entries = {item.entry for item in wanted}
    keys = {item.entry.key for item in wanted if isinstance(item.entry, Route)}
    remove = [_route_away(item) for item in live.routes if item.key not in keys]
    remove += [
        Wanted(item, f"address del {item.address} dev {item.device}", "an address left")
        for item in ours
        if item not in entries and item in live.addresses
    ]
    # routes go before the addresses that they may hang on
    remove.sort(key=lambda item: (isinstance(item.entry, Address), item.line))
    return NetworkSteps(make, tuple(remove))


def _route_away(route: Route) -> Wanted:
    kind = "" if route.kind == "unicast" else f"{route.kind} "
    metric = f" metric {route.metric}" if route.metric else ""
    line = f"route del {kind}{route.destination} proto {PROTOCOL}{metric}"
    return Wanted(route, line, "a route left")
