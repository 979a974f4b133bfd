"""The nouns of the intent, and their JSON form (`etc/komando/intent.json` of a bundle).

Every rate is a `Rate` in bit/s of Ethernet frames; in JSON it is an integer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Literal

from komando.units import Pair, Rate

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

    def to_json(self) -> str:
        """Deterministic JSON, one object a line where a person would want to read it."""
        return json.dumps(_encode_router(self), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> RouterIntent:
        """The inverse of `to_json`. Raises ValueError or KeyError on anything else."""
        return _decode_router(json.loads(text))


def _pair(pair: Pair) -> dict[str, int]:
    return {"down": pair.down.bits, "up": pair.up.bits}


def _maybe(pair: Pair | None) -> dict[str, int] | None:
    return None if pair is None else _pair(pair)


def _encode_leaf(leaf: Leaf) -> dict[str, Any]:
    return {
        "slug": leaf.slug,
        "kind": leaf.kind,
        "id": leaf.id,
        "name": leaf.name,
        "class": leaf.class_id,
        "pool": leaf.pool,
        "segment": leaf.segment,
        "networks": [str(network) for network in leaf.networks],
        "gateways": list(leaf.gateways),
        "mode": leaf.mode,
        "calendar": leaf.calendar,
        "guarantee": _pair(leaf.guarantee),
        "floor": _pair(leaf.floor),
        "ceiling": _pair(leaf.ceiling),
        "link": _pair(leaf.link),
        "share": leaf.share,
        "exceptions": [
            {
                "from": item.start.isoformat(),
                "until": item.end.isoformat(),
                "guarantee": _maybe(item.guarantee),
                "calendar": item.calendar,
            }
            for item in leaf.exceptions
        ],
    }


def _encode_router(router: RouterIntent) -> dict[str, Any]:
    uplink = router.uplink
    return {
        "router": router.router,
        "region": router.region,
        "zone": router.zone,
        "divisor": router.divisor,
        "uplink": {
            "name": uplink.name,
            "addresses": list(uplink.addresses),
            "gateways": list(uplink.gateways),
            "nat": {"offices": uplink.nat_offices, "public": uplink.nat_public},
            "capacity": _pair(uplink.capacity),
            "link": _pair(uplink.link),
            "control": _pair(uplink.control),
            "unmatched": _pair(uplink.unmatched),
        },
        "segments": [
            {"slug": item.slug, "addresses": list(item.addresses)} for item in router.segments
        ],
        "calendars": dict(router.calendars),
        "pools": [
            {
                "slug": pool.slug,
                "class": pool.class_id,
                "slot": pool.slot,
                "closed": _maybe(pool.closed),
            }
            for pool in router.pools
        ],
        "leaves": [_encode_leaf(leaf) for leaf in router.leaves],
        "profiles": [
            {
                "name": profile.name,
                "open": list(profile.open),
                "exceptions": list(profile.exceptions),
                "pools": {slug: _pair(size) for slug, size in profile.pools.items()},
                "shares": {slug: _pair(share) for slug, share in profile.shares.items()},
            }
            for profile in router.profiles
        ],
    }


def _to_pair(data: Mapping[str, int]) -> Pair:
    return Pair(down=Rate(data["down"]), up=Rate(data["up"]))


def _to_maybe(data: Mapping[str, int] | None) -> Pair | None:
    return None if data is None else _to_pair(data)


def _decode_leaf(data: Mapping[str, Any]) -> Leaf:
    return Leaf(
        slug=data["slug"],
        kind=data["kind"],
        id=data["id"],
        name=data["name"],
        pool=data["pool"],
        minor=_minor(data["class"]),
        segment=data["segment"],
        networks=tuple(ip_network(text) for text in data["networks"]),
        gateways=tuple(data["gateways"]),
        mode=data["mode"],
        calendar=data["calendar"],
        guarantee=_to_pair(data["guarantee"]),
        floor=_to_pair(data["floor"]),
        ceiling=_to_pair(data["ceiling"]),
        link=_to_pair(data["link"]),
        share=data["share"],
        exceptions=tuple(
            ExceptionIntent(
                start=date.fromisoformat(item["from"]),
                end=date.fromisoformat(item["until"]),
                guarantee=_to_maybe(item["guarantee"]),
                calendar=item["calendar"],
            )
            for item in data["exceptions"]
        ),
    )


def _minor(class_id: str) -> int:
    return int(class_id.partition(":")[2], 16)


def _decode_router(data: Mapping[str, Any]) -> RouterIntent:
    uplink = data["uplink"]
    return RouterIntent(
        router=data["router"],
        region=data["region"],
        zone=data["zone"],
        divisor=data["divisor"],
        uplink=UplinkIntent(
            name=uplink["name"],
            addresses=tuple(uplink["addresses"]),
            gateways=tuple(uplink["gateways"]),
            nat_offices=uplink["nat"]["offices"],
            nat_public=uplink["nat"]["public"],
            capacity=_to_pair(uplink["capacity"]),
            link=_to_pair(uplink["link"]),
            control=_to_pair(uplink["control"]),
            unmatched=_to_pair(uplink["unmatched"]),
        ),
        segments=tuple(
            SegmentIntent(item["slug"], tuple(item["addresses"])) for item in data["segments"]
        ),
        pools=tuple(
            PoolIntent(
                slug=pool["slug"],
                minor=_minor(pool["class"]),
                slot=pool["slot"],
                closed=_to_maybe(pool["closed"]),
            )
            for pool in data["pools"]
        ),
        leaves=tuple(_decode_leaf(leaf) for leaf in data["leaves"]),
        profiles=tuple(
            Profile(
                name=profile["name"],
                open=tuple(profile["open"]),
                exceptions=tuple(profile["exceptions"]),
                pools={slug: _to_pair(size) for slug, size in profile["pools"].items()},
                shares={slug: _to_pair(share) for slug, share in profile["shares"].items()},
            )
            for profile in data["profiles"]
        ),
        calendars=data["calendars"],
    )
