"""The nouns of the intent. Every rate is a `Rate` in bit/s of Ethernet frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from ipaddress import IPv4Network, IPv6Network
from typing import Literal

from komando.units import Pair

Network = IPv4Network | IPv6Network

PUBLIC = "public"
"""The name of the pool that the public shares; no calendar may carry it."""

UNMATCHED_MINOR = 0x2
CONTROL_MINOR = 0x3
ROOT_MINOR = 0x1
PUBLIC_MINOR = 0x20
POOL_MINOR = 0x10
LEAF_MINOR = 0x400
SLOTS = 4
"""Class numbers, the minors of HTB's handle 1: (16 bits). A pool's is `POOL_MINOR + slot`, a
leaf's `LEAF_MINOR + SLOTS * id + slot`: they follow from permanent numbers and never from an
order, so that an office keeps its class while others come and go, and takes another one when
it moves to another pool (a class cannot change its parent)."""


@dataclass(frozen=True)
class ExceptionIntent:
    """Days on which an office has another guarantee, more hours, or both.

    `start` and `end` are whole days of the region's zone, both inclusive.
    """

    start: date
    end: date
    guarantee: Pair | None
    calendar: str | None


@dataclass(frozen=True)
class Leaf:
    """One office or public point: a class of its own in both trees of its router.

    For a hotspot, `guarantee` and `floor` are what it keeps of the public's least share, and
    `share` its parts of the public's pool; for an office `share` is 0.
    """

    slug: str
    kind: Literal["opd", "hotspot"]
    id: int
    name: str
    pool: str
    minor: int
    segment: str
    networks: tuple[Network, ...]
    gateways: tuple[str, ...]
    mode: Literal["observe", "enforce"]
    calendar: str | None
    guarantee: Pair
    floor: Pair
    ceiling: Pair
    link: Pair
    share: int
    exceptions: tuple[ExceptionIntent, ...]

    @property
    def class_id(self) -> str:
        """The class as tc and nft write it: hexadecimal, `1:414`."""
        return f"1:{self.minor:x}"


@dataclass(frozen=True)
class PoolIntent:
    """What the offices of one calendar share. `closed` is its size out of hours."""

    slug: str
    minor: int
    slot: int
    closed: Pair | None

    @property
    def class_id(self) -> str:
        """The class as tc writes it: `1:10`."""
        return f"1:{self.minor:x}"


@dataclass(frozen=True)
class Profile:
    """What holds while the same calendars are open and the same exceptions in force.

    `pools` maps each pool, the public's too, to its size; `shares` maps each leaf to what it
    gets when all of them want more than there is (the promise that is measured).
    """

    name: str
    open: tuple[str, ...]
    exceptions: tuple[str, ...]
    pools: Mapping[str, Pair]
    shares: Mapping[str, Pair]


@dataclass(frozen=True)
class UplinkIntent:
    """The internet connection of a router. `link` is the usable part of `capacity`."""

    name: str
    addresses: tuple[str, ...]
    gateways: tuple[str, ...]
    nat_offices: str
    nat_public: str
    capacity: Pair
    link: Pair
    control: Pair
    unmatched: Pair


@dataclass(frozen=True)
class SegmentIntent:
    """A network in which the offices' own routers stand, behind one LAN interface."""

    slug: str
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class RouterIntent:
    """Everything that one router shall do, in the order of names and of permanent ids."""

    router: str
    region: str
    zone: str
    divisor: int
    uplink: UplinkIntent
    segments: tuple[SegmentIntent, ...]
    pools: tuple[PoolIntent, ...]
    leaves: tuple[Leaf, ...]
    profiles: tuple[Profile, ...]
    calendars: Mapping[str, str]

    def leaf(self, slug: str) -> Leaf:
        """The leaf of an office or point. Raises KeyError."""
        for leaf in self.leaves:
            if leaf.slug == slug:
                return leaf
        raise KeyError(slug)

    def profile(self, name: str) -> Profile:
        """The profile of this name. Raises KeyError."""
        for profile in self.profiles:
            if profile.name == name:
                return profile
        raise KeyError(name)
