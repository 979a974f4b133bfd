"""The city's plan, from the policy: which namespaces, which cables, which addresses. Pure.

    internet --- isp --- router --- switch-<segment> --- an office or a public point
                           |
                       controller

Documentation blocks carry what stands beyond the uplink (RFC 5737, RFC 3849); the management
network is the inventory's. All labs use the same addresses: they share no namespace.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_interface
from typing import Literal

from komando.inventory import Host
from komando.lab.place import LabError
from komando.policy import Policy
from komando.policy.fields import Interface, Network
from komando.policy.models import Hotspot, Opd, Uplink
from komando.units import Pair, Rate

INTERNET = ("192.0.2.2/24", "2001:db8:fffe::2/64")
"""The addresses of the internet's end: what every client of the city talks to."""

ISP = ("192.0.2.1/24", "2001:db8:fffe::1/64")

CONTROLLER = "10.255.0.1/24"
MANAGEMENT = "mgmt0"
"""The router's interface in the management network."""

FRAME = 1514
"""Bytes of a full Ethernet frame as the kernel counts it (no checksum), at an MTU of 1500."""


@dataclass(frozen=True)
class Endpoint:
    """An office or a public point: the namespace that stands for all its people.

    `v4` and `v6` are the first addresses of its networks, `interface` its end of the last mile.
    """

    slug: str
    kind: Literal["opd", "hotspot"]
    netns: str
    v4: str
    v6: str | None
    segment: str
    interface: str = "eth0"


@dataclass(frozen=True)
class Cable:
    """A veth pair between two parts of the city: (part, interface) at each end."""

    one: tuple[str, str]
    other: tuple[str, str]


@dataclass(frozen=True)
class Part:
    """One namespace: `ip` commands in it (without the word ip), `tc` commands, sysctls."""

    name: str
    network: tuple[str, ...] = ()
    shaping: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Topology:
    """Everything that must be built around the router, and where its people are."""

    parts: tuple[Part, ...]
    cables: tuple[Cable, ...]
    endpoints: dict[str, Endpoint] = field(default_factory=dict)

    def interfaces(self, part: str) -> list[str]:
        """The interfaces that a part has by its cables."""
        ends = (end for cable in self.cables for end in (cable.one, cable.other))
        return [interface for where, interface in ends if where == part]


def choose_offices(policy: Policy, offices: int | None) -> list[Opd | Hotspot]:
    """The offices that the lab shows (the first so many by id; None: all) and all public points."""
    opd = sorted(policy.opd.values(), key=lambda one: one.id)
    return [*opd[:offices], *sorted(policy.hotspots.values(), key=lambda one: one.id)]


def draw_topology(
    policy: Policy, places: Sequence[Opd | Hotspot], host: Host, divisor: int, prefix: str
) -> Topology:
    """Plan the city around one router.

    Raises LabError when the inventory's host has no interface for the uplink or a segment, or two
    parts would bear one name.
    """
    uplink = next(
        (one for one in policy.region.uplinks.values() if one.router == host.name), None
    )
    if uplink is None:
        raise LabError(f"no uplink of the policy ends at {host.name}")
    segments = [name for name, one in policy.region.segments.items() if one.router == host.name]
    wires = {name: _interface(host, name) for name in ("uplink", *segments)}
    parts = [
        _internet(),
        _isp(uplink, policy, divisor),
        Part("ctl", network=_addresses("eth0", [CONTROLLER])),
        Part("router", network=_addresses(MANAGEMENT, [f"{host.address}/24"])),
        *(_switch(name, places) for name in segments),
        *(_office(place, policy) for place in places),
    ]
    cables = [
        Cable(("internet", "eth0"), ("isp", "internet")),
        Cable(("isp", "city"), ("router", wires["uplink"])),
        Cable(("ctl", "eth0"), ("router", MANAGEMENT)),
        *(Cable(("router", wires[name]), (f"switch-{name}", "router")) for name in segments),
        *(Cable((one.slug, "eth0"), (f"switch-{one.link.segment}", _port(one))) for one in places),
    ]
    if len({part.name for part in parts}) < len(parts):
        raise LabError("an office or a public point bears the name of a part of the lab")
    endpoints = {place.slug: _endpoint(place, prefix) for place in places}
    return Topology(tuple(parts), tuple(cables), endpoints)


def _interface(host: Host, name: str) -> str:
    try:
        return host.interfaces[name]
    except KeyError:
        raise LabError(f"the inventory's {host.name} has no interface for {name}") from None


def _port(place: Opd | Hotspot) -> str:
    return f"p{place.id}"


def _addresses(interface: str, addresses: Iterable[Interface | str]) -> tuple[str, ...]:
    # nodad: a duplicate cannot be here, and an address that is being checked cannot be used
    return (
        f"link set {interface} addrgenmode none",
        *(
            f"address add {address} dev {interface}{' nodad' if _is_v6(address) else ''}"
            for address in addresses
        ),
        f"link set {interface} up",
    )


def _is_v6(address: Interface | str) -> bool:
    return ip_interface(address).version == 6


def _first(networks: Iterable[Network], version: int) -> str | None:
    return next((str(one[1]) for one in networks if one.version == version), None)


def _internet() -> Part:
    gateways = (ip_interface(address).ip for address in ISP)
    return Part(
        "internet",
        network=(
            *_addresses("eth0", INTERNET),
            *(f"route add default via {gateway} dev eth0" for gateway in gateways),
        ),
    )


def _isp(uplink: Uplink, policy: Policy, divisor: int) -> Part:
    """The provider: forwards, and queues what exceeds the uplink's capacity in either direction."""
    ours = {ip_interface(address).version: ip_interface(address) for address in uplink.addresses}
    theirs = [
        f"{gateway}/{ours[gateway.version].network.prefixlen}" for gateway in uplink.gateways
    ]
    networks = [f"{address}/32" for address in (uplink.nat.offices, uplink.nat.public)]
    for place in (*policy.opd.values(), *policy.hotspots.values()):
        networks += [str(network) for network in place.networks if network.version == 6]
    networks += [
        str(address.network)
        for segment in policy.region.segments.values()
        for address in segment.addresses
        if address.version == 6
    ]
    routes = (
        f"route add {network} via {ours[6 if ':' in network else 4].ip} dev city"
        for network in networks
    )
    return Part(
        "isp",
        network=(*_addresses("internet", ISP), *_addresses("city", theirs), *routes),
        shaping=(
            _queue("city", uplink.capacity.down, divisor),
            _queue("internet", uplink.capacity.up, divisor),
        ),
        settings=("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"),
    )


def _queue(interface: str, capacity: Rate, divisor: int) -> str:
    """A first-in first-out queue of 50 ms, as providers have it: 2 ms may leave at once."""
    bits = capacity.bits // divisor
    burst = max(bits // 8 // 500, 2 * FRAME)
    return (
        f"qdisc add dev {interface} root tbf rate {bits}bit"
        f" burst {burst} limit {burst + bits // 8 // 20}"
    )


def _switch(segment: str, places: Iterable[Opd | Hotspot]) -> Part:
    ports = ["router", *(_port(one) for one in places if one.link.segment == segment)]
    return Part(
        f"switch-{segment}",
        network=(
            "link add br0 type bridge mcast_snooping 0",
            "link set br0 addrgenmode none",
            "link set br0 up",
            *(
                line
                for port in ports
                for line in (
                    f"link set {port} addrgenmode none",
                    f"link set {port} master br0 up",
                )
            ),
        ),
    )


def _office(place: Opd | Hotspot, policy: Policy) -> Part:
    """One namespace is an office's router and all its computers: the networks stand on lo."""
    routers = {a.version: a for a in policy.region.segments[place.link.segment].addresses}
    gateways = [f"{one}/{routers[one.version].network.prefixlen}" for one in place.link.gateways]
    firsts = [
        f"{network[1]}/{network.max_prefixlen}"
        for network in sorted(place.networks, key=lambda one: (one.version, str(one)))
    ]
    defaults = [
        f"route add default via {routers[version].ip} dev eth0 src {source}"
        for version in (4, 6)
        if (source := _first(place.networks, version)) and version in routers
    ]
    return Part(
        place.slug,
        network=(*_addresses("lo", firsts), *_addresses("eth0", gateways), *defaults),
    )


def _endpoint(place: Opd | Hotspot, prefix: str) -> Endpoint:
    v4 = _first(place.networks, 4)
    if v4 is None:
        raise LabError(f"{place.slug} has no IPv4 network, and the lab's clients need one")
    return Endpoint(
        slug=place.slug,
        kind="opd" if isinstance(place, Opd) else "hotspot",
        netns=prefix + place.slug,
        v4=v4,
        v6=_first(place.networks, 6),
        segment=place.link.segment,
    )


def usable_link(uplink: Uplink, divisor: int) -> Pair:
    """What the shaper shares out, in the lab's rates."""
    return Pair(
        down=Rate(uplink.link("down").bits // divisor), up=Rate(uplink.link("up").bits // divisor)
    )
