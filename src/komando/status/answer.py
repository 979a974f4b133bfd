"""What a router says of its offices at one moment, and what stands in its numbers.

Rates that were measured are integers, in bit/s of Ethernet frames; those of addresses are of IP
packets, some 3 % less.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Literal

from komando.units import Direction, Pair

Kind = Literal["opd", "hotspot"]
Mode = Literal["observe", "enforce"]
Answering = Literal["answers", "silent", "unknown"]
"""Of a gateway; `unknown` is one that nobody has asked lately."""


def path_of(kind: Kind, slug: str) -> str:
    """The policy of an office or a point, without `.yaml`."""
    return f"{'opd' if kind == 'opd' else 'hotspots'}/{slug}"


@dataclass(frozen=True)
class Flow:
    """One direction of an office: its rate; packets sent and dropped meanwhile.

    `backlog` are the bytes that waited on average, `queued` the part of the looks, 0 to 1, at
    which any did.
    """

    rate: int
    packets: int
    dropped: int
    backlog: int
    queued: float

    @property
    def lost(self) -> float:
        """The part of its packets that was dropped, 0 to 1."""
        return self.dropped / (self.packets + self.dropped) if self.dropped else 0.0

    @property
    def waiting(self) -> float:
        """Milliseconds that a packet waits for those before it; 0 where nothing flows."""
        return self.backlog * 8000 / self.rate if self.rate else 0.0


@dataclass(frozen=True)
class Line:
    """An interface, whether its cable is in, and the next machines behind it by address."""

    device: str
    carrier: bool
    gateways: Mapping[str, Answering]

    @property
    def answering(self) -> tuple[str, ...]:
        """The gateways that answer."""
        return self._that("answers")

    @property
    def silent(self) -> tuple[str, ...]:
        """The gateways that are known not to answer."""
        return self._that("silent")

    @property
    def all_silent(self) -> bool:
        """Whether it has gateways, and not one that may answer."""
        return bool(self.gateways) and len(self.silent) == len(self.gateways)

    def _that(self, state: Answering) -> tuple[str, ...]:
        return tuple(address for address, one in self.gateways.items() if one == state)


@dataclass(frozen=True)
class Office:
    """An office or a public point: what it is promised in this profile, and what it has.

    `exceptions` are those that change something for it now. `flows` has no direction whose class
    does not stand in the kernel. `line` is its last mile.
    """

    slug: str
    kind: Kind
    name: str
    pool: str
    segment: str
    mode: Mode
    calendar: str | None
    networks: tuple[IPv4Network | IPv6Network, ...]
    promised: Pair
    guarantee: Pair
    floor: Pair
    ceiling: Pair
    exceptions: tuple[str, ...]
    line: Line
    flows: Mapping[Direction, Flow]

    @property
    def path(self) -> str:
        """As the command line names it, and the file without `.yaml`."""
        return path_of(self.kind, self.slug)


@dataclass(frozen=True)
class Pool:
    """What the offices of a calendar (or the public) share, and what they have together.

    `rate` has no direction whose class does not stand.
    """

    slug: str
    size: Pair
    rate: Mapping[Direction, int]


@dataclass(frozen=True)
class Uplink:
    """The line to the provider; `rate` is all that passes it, `link` its usable part."""

    name: str
    line: Line
    capacity: Pair
    link: Pair
    rate: Mapping[Direction, int]


@dataclass(frozen=True)
class Address:
    """A host inside the office, as the router sees it."""

    address: str
    down: int
    up: int
    connections: int


@dataclass(frozen=True)
class RouterStatus:
    """One router's answer; `generation` is None where it runs nothing, and then all else is empty.

    `due` is the profile that should hold, `open` the calendars that are open. `known` are the paths
    of its offices where none was that asked for. `top` are the addresses that carry the most,
    `others` the number of those that carry any beside them, and `unseen` says why none are told.
    """

    host: str
    generation: str | None
    profile: str | None
    due: str | None
    now: str
    clock: str | None
    bypass: str | None
    waits: float | None
    divisor: int = 1
    seconds: float = 0.0
    open: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    uplink: Uplink | None = None
    offices: tuple[Office, ...] = ()
    pools: tuple[Pool, ...] = ()
    top: tuple[Address, ...] = ()
    others: int = 0
    unseen: str = ""
