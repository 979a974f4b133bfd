"""What a router says of its offices at one moment: `komando-host status`, read.

Rates that were measured are integers, in bit/s of Ethernet frames; those of addresses are of IP
packets, some 3 % less.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from komando.units import DIRECTIONS, Direction, Pair, Rate

Answering = Literal["answers", "silent", "unknown"]
"""Of a gateway; `unknown` is one that nobody has asked lately."""


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
class Office:
    """An office or a public point: what it is promised in this profile, and what it has.

    `flows` has no direction whose class does not stand in the kernel. `gateways` are those of its
    last mile by address, behind `device`.
    """

    slug: str
    kind: Literal["opd", "hotspot"]
    name: str
    pool: str
    segment: str
    mode: Literal["observe", "enforce"]
    calendar: str | None
    networks: tuple[str, ...]
    promised: Pair
    guarantee: Pair
    floor: Pair
    ceiling: Pair
    exceptions: tuple[str, ...]
    device: str
    carrier: bool
    gateways: Mapping[str, Answering]
    flows: Mapping[Direction, Flow]

    @property
    def path(self) -> str:
        """As the command line names it, and the file without `.yaml`."""
        return f"{'opd' if self.kind == 'opd' else 'hotspots'}/{self.slug}"


@dataclass(frozen=True)
class Pool:
    """What the offices of a calendar (or the public) share, and what they have together."""

    slug: str
    size: Pair
    rate: Mapping[Direction, int]


@dataclass(frozen=True)
class Uplink:
    """The line to the provider; `rate` is all that passes it, `link` its usable part."""

    name: str
    device: str
    carrier: bool
    gateways: Mapping[str, Answering]
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

    `due` is the profile that should hold, `open` the calendars that are open. `known` are the names
    (kind/slug) of its offices where none was that asked for. `top` are the addresses that carry the
    most, `others` the number of those that carry any beside them, and `unseen` says why none are
    told.
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


def read_status(host: str, answer: Mapping[str, Any]) -> RouterStatus:
    """Reads an answer of the host program. Raises ValueError for one that is not understood."""
    try:
        return _status(host, answer)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"status is not understood: {error!r}") from error


def _status(host: str, answer: Mapping[str, Any]) -> RouterStatus:
    pending, top = answer["pending"], answer.get("top") or {}
    uplink = answer.get("uplink")
    return RouterStatus(
        host=host,
        generation=_text(answer["generation"]),
        profile=_text(answer["profile"]),
        due=_text(answer.get("due")),
        now=str(answer["now"]),
        clock=_text(answer["clock"]),
        bypass=_text(answer["bypass"]),
        waits=float(pending["left"]) if pending else None,
        divisor=int(answer.get("divisor", 1)),
        seconds=float(answer.get("seconds", 0.0)),
        open=tuple(map(str, answer.get("open", ()))),
        known=tuple(map(str, answer.get("known", ()))),
        uplink=_uplink(uplink) if uplink else None,
        offices=tuple(map(_office, answer["leaves"])),
        pools=tuple(
            Pool(str(one["slug"]), _pair(one["size"]), _rates(one["rate"]))
            for one in answer.get("pools", ())
        ),
        top=tuple(
            Address(str(one["address"]), int(one["down"]), int(one["up"]), int(one["connections"]))
            for one in top.get("hosts", ())
        ),
        others=int(top.get("others", 0)),
        unseen=str(top.get("why", "")),
    )


def _office(told: Mapping[str, Any]) -> Office:
    if told["kind"] not in ("opd", "hotspot") or told["mode"] not in ("observe", "enforce"):
        raise ValueError(f"status tells of a {told['kind']!r} in mode {told['mode']!r}")
    flows: dict[Direction, Flow] = {
        way: _flow(told[way]) for way in DIRECTIONS if told[way] is not None
    }
    return Office(
        slug=str(told["slug"]),
        kind=told["kind"],
        name=str(told["name"]),
        pool=str(told["pool"]),
        segment=str(told["segment"]),
        mode=told["mode"],
        calendar=_text(told["calendar"]),
        networks=tuple(map(str, told["networks"])),
        promised=_pair(told["promised"]),
        guarantee=_pair(told["guarantee"]),
        floor=_pair(told["floor"]),
        ceiling=_pair(told["ceiling"]),
        exceptions=tuple(map(str, told["exceptions"])),
        device=str(told["device"]),
        carrier=bool(told["carrier"]),
        gateways=_gateways(told["gateways"]),
        flows=flows,
    )


def _uplink(told: Mapping[str, Any]) -> Uplink:
    return Uplink(
        name=str(told["name"]),
        device=str(told["device"]),
        carrier=bool(told["carrier"]),
        gateways=_gateways(told["gateways"]),
        capacity=_pair(told["capacity"]),
        link=_pair(told["link"]),
        rate=_rates(told["rate"]),
    )


def _flow(told: Mapping[str, Any]) -> Flow:
    return Flow(
        rate=int(told["rate"]),
        packets=int(told["packets"]),
        dropped=int(told["dropped"]),
        backlog=int(told["backlog"]),
        queued=float(told["queued"]),
    )


def _gateways(told: Mapping[str, Any]) -> dict[str, Answering]:
    states: dict[str, Answering] = {"answers": "answers", "silent": "silent"}
    return {str(address): states.get(state, "unknown") for address, state in told.items()}


def _pair(told: Mapping[str, Any]) -> Pair:
    return Pair(down=Rate(int(told["down"])), up=Rate(int(told["up"])))


def _rates(told: Mapping[str, Any]) -> dict[Direction, int]:
    return {way: int(told.get(way, 0)) for way in DIRECTIONS}


def _text(told: object) -> str | None:
    return None if told is None else str(told)
