"""The city's plan, from the policy: which namespaces, which cables, which addresses. Pure.

    internet --- isp --- router --- switch-<segment> --- an office or a public point
                           |
                       management --- controller, and the machines that are no router

Documentation blocks carry what stands beyond the uplink (RFC 5737, RFC 3849); the management
network is the inventory's. All labs use the same addresses: they share no namespace.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_interface
from typing import TYPE_CHECKING, Literal

from komando.documents.addresses import Interface, Network
from komando.inventory import Host
from komando.lab.place import LabError
from komando.units import Rate

if TYPE_CHECKING:
    from komando.policy import Hotspot, Opd, Policy, Uplink

INTERNET = ("192.0.2.2/24", "2001:db8:fffe::2/64", "fe80::2/64")
"""The addresses of the internet's end: what every client of the city talks to."""

ISP = ("192.0.2.1/24", "2001:db8:fffe::1/64", "fe80::1/64")

CONTROLLER = "10.255.0.1/24"
MANAGEMENT = "mgmt0"
"""A machine's interface in the management network."""

BRIDGE = (
    "link add br0 type bridge mcast_snooping 0",
    "link set br0 addrgenmode none",
    "link set br0 up",
)
"""The `ip` commands that make a namespace a switch."""

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
class Site:
    """An office or a public point with all that it means to the other parts.

    `port` holds the `ip` commands at its end in the segment's switch, `routes` what the provider
    routes to it.
    """

    part: Part
    cable: Cable
    port: tuple[str, ...]
    routes: tuple[str, ...]
    endpoint: Endpoint

    @property
    def switch(self) -> str:
        """The part that its cable leads to."""
        return self.cable.other[0]


@dataclass(frozen=True)
class Topology:
    """Everything around the router: the parts that all share, and the sites by slug."""

    parts: tuple[Part, ...]
    cables: tuple[Cable, ...]
    sites: dict[str, Site]

    def interfaces(self, part: str) -> list[str]:
        """The interfaces that a shared part has by the cables between shared parts."""
        ends = (end for cable in self.cables for end in (cable.one, cable.other))
        return [interface for where, interface in ends if where == part]


def draw_topology(
    policy: Policy,
    host: Host,
    divisor: int,
    prefix: str,
    offices: int | None = None,
    others: Sequence[Host] = (),
) -> Topology:
    """Plan the city around one router: all public points, and the first so many offices by id.

    `others` are machines that stand in the management network alone. `prefix` begins the
    namespaces' names. Raises LabError when the inventory's host has no
    interface for the uplink or a segment, or two parts would bear one name.
    """
    uplink = uplink_of(policy, host)
    segments = [name for name, one in policy.region.segments.items() if one.router == host.name]
    wires = {name: _wire(host, name) for name in ("uplink", *segments)}
    ports = ["controller", "router", *(f"machine-{number}" for number, _ in enumerate(others))]
    parts = (
        _internet(),
        _isp(uplink, policy, divisor),
        Part("ctl", network=addressed("eth0", [CONTROLLER])),
        Part("router", network=_managed(host)),
        *(Part(one.name, network=_managed(one)) for one in others),
        Part("management", network=(*BRIDGE, *(line for port in ports for line in bridged(port)))),
        *(_switch(name) for name in segments),
    )
    cables = (
        Cable(("internet", "eth0"), ("isp", "internet")),
        Cable(("isp", "city"), ("router", wires["uplink"])),
        Cable(("ctl", "eth0"), ("management", "controller")),
        Cable(("router", MANAGEMENT), ("management", "router")),
        *(
            Cable((one.name, MANAGEMENT), ("management", port))
            for one, port in zip(others, ports[2:], strict=True)
        ),
        *(Cable(("router", wires[name]), (f"switch-{name}", "router")) for name in segments),
    )
    opd = sorted(policy.opd.values(), key=lambda one: one.id)[:offices]
    places: list[Opd | Hotspot] = [*opd]
    places += sorted(policy.hotspots.values(), key=lambda one: one.id)
    sites = {one.slug: _site(one, policy, uplink, prefix) for one in places}
    if taken := sites.keys() & {part.name for part in parts}:
        raise LabError(f"an office bears the name of a part of the lab: {', '.join(taken)}")
    return Topology(parts, cables, sites)


def _managed(host: Host) -> tuple[str, ...]:
    return addressed(MANAGEMENT, [f"{host.address}/24"])


def uplink_of(policy: Policy, host: Host) -> Uplink:
    """The uplink that ends at a router; raises LabError if there is none."""
    for uplink in policy.region.uplinks.values():
        if uplink.router == host.name:
            return uplink
    raise LabError(f"no uplink of the policy ends at {host.name}")


def divided(rate: Rate, divisor: int) -> Rate:
    """A rate of the policy as it is in the lab."""
    return Rate(rate.bits // divisor)


def _wire(host: Host, name: str) -> str:
    try:
        return host.interfaces[name]
    except KeyError:
        raise LabError(f"the inventory's {host.name} has no interface for {name}") from None


def addressed(interface: str, addresses: Iterable[Interface | str]) -> tuple[str, ...]:
    """The `ip` commands that give an interface these addresses and none of its own choice."""
    # nodad: an address that is being checked for a duplicate cannot be used yet; the kernel's own
    # fe80 would be, so those who need one (to ask for a neighbour) have it among `addresses`.
    lines = [f"link set {interface} addrgenmode none"]
    for address in addresses:
        check = " nodad" if ip_interface(address).version == 6 else ""
        lines.append(f"address add {address} dev {interface}{check}")
    return (*lines, f"link set {interface} up")


def _internet() -> Part:
    gateways = (ip_interface(address).ip for address in ISP[:2])
    defaults = (f"route add default via {gateway} dev eth0" for gateway in gateways)
    return Part("internet", network=(*addressed("eth0", INTERNET), *defaults))


def _isp(uplink: Uplink, policy: Policy, divisor: int) -> Part:
    """The provider: forwards, and queues what exceeds the uplink's capacity in either direction."""
    lengths = {address.version: address.network.prefixlen for address in uplink.addresses}
    theirs = [f"{gateway}/{lengths[gateway.version]}" for gateway in uplink.gateways]
    networks = [f"{address}/32" for address in (uplink.nat.offices, uplink.nat.public)]
    for segment in policy.region.segments.values():
        networks += [str(one.network) for one in segment.addresses if one.version == 6]
    return Part(
        "isp",
        network=(
            *addressed("internet", ISP),
            *addressed("city", [*theirs, "fe80::1/64"]),
            *(f"route add {_to_router(network, uplink)}" for network in networks),
        ),
        shaping=(
            _queue("city", divided(uplink.capacity.down, divisor)),
            _queue("internet", divided(uplink.capacity.up, divisor)),
        ),
        settings=("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"),
    )


def _to_router(network: str, uplink: Uplink) -> str:
    version = 6 if ":" in network else 4
    router = next(one.ip for one in uplink.addresses if one.version == version)
    return f"{network} via {router} dev city"


def _queue(interface: str, capacity: Rate) -> str:
    """A first-in first-out queue of 50 ms, as providers have it; 2 ms may leave at once."""
    burst = max(capacity.bits // 8 // 500, 2 * FRAME)
    limit = burst + capacity.bits // 8 // 20
    rate = f"rate {capacity.bits}bit burst {burst} limit {limit}"
    return f"qdisc add dev {interface} root tbf {rate}"


def _switch(segment: str) -> Part:
    return Part(f"switch-{segment}", network=(*BRIDGE, *bridged("router")))


def bridged(interface: str) -> tuple[str, ...]:
    """The `ip` commands that make an interface a port of its switch."""
    return (
        f"link set {interface} addrgenmode none",
        f"link set {interface} master br0",
        f"link set {interface} up",
    )


def _site(place: Opd | Hotspot, policy: Policy, uplink: Uplink, prefix: str) -> Site:
    port = f"p{place.id}"
    return Site(
        part=_office(place, policy),
        cable=Cable((place.slug, "eth0"), (f"switch-{place.link.segment}", port)),
        port=bridged(port),
        routes=tuple(_to_router(str(one), uplink) for one in place.networks if one.version == 6),
        endpoint=_endpoint(place, prefix),
    )


def _office(place: Opd | Hotspot, policy: Policy) -> Part:
    """One namespace is an office's router and all its computers: their addresses stand on lo."""
    routers = {one.version: one for one in policy.region.segments[place.link.segment].addresses}
    gateways = [f"{one}/{routers[one.version].network.prefixlen}" for one in place.link.gateways]
    computers = [f"{one[1]}/{one.max_prefixlen}" for one in place.networks]
    defaults = [
        f"route add default via {routers[version].ip} dev eth0 src {source}"
        for version in (4, 6)
        if (source := _first(place.networks, version)) and version in routers
    ]
    return Part(
        place.slug,
        network=(
            *addressed("lo", computers),
            *addressed("eth0", [*gateways, f"fe80::{place.id:x}:1/64"]),
            *defaults,
        ),
    )


def _first(networks: Iterable[Network], version: int) -> str | None:
    return next((str(one[1]) for one in networks if one.version == version), None)


def _endpoint(place: Opd | Hotspot, prefix: str) -> Endpoint:
    from komando.policy import Opd  # to reach a lab that stands, nobody need load the policies

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
