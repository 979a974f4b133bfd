"""A router and its leaves, made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network

from komando.intent.model import (
    LEAF_MINOR,
    Leaf,
    PoolIntent,
    RouterIntent,
    SegmentIntent,
    UplinkIntent,
)
from komando.units import Pair, Rate

MBIT = 1_000_000


def both(mbit: float) -> Pair:
    """So many Mbit/s either way."""
    return Pair.both(Rate(int(mbit * MBIT)))


def office(number: int, guarantee: float, floor: float, pool: str = "week") -> Leaf:
    """An office with so many Mbit/s; it may have a hundred."""
    return Leaf(
        slug=f"office-{number}",
        kind="opd",
        id=number,
        name=f"Office {number}",
        pool=pool,
        minor=LEAF_MINOR + 4 * number,
        segment="metro",
        networks=(ip_network(f"10.0.{number}.0/24"),),
        gateways=(f"172.20.0.{number}",),
        mode="enforce",
        calendar=pool,
        guarantee=both(guarantee),
        floor=both(floor),
        ceiling=both(100),
        link=both(100),
        share=0,
        exceptions=(),
    )


def router(leaves: Sequence[Leaf], link: float = 200) -> RouterIntent:
    """A router of these leaves, whose profiles are yet to come."""
    uplink = UplinkIntent(
        "main", ("198.51.100.2/30",), ("198.51.100.1",), "203.0.113.10", "203.0.113.11",
        both(link), both(link), both(1), both(1),
    )  # fmt: skip
    return RouterIntent(
        router="core-1",
        region="Test",
        zone="Asia/Pontianak",
        divisor=1,
        uplink=uplink,
        segments=(SegmentIntent("metro", ("172.20.0.1/22",)),),
        pools=(PoolIntent("week", 0x10, 0, both(20)),),
        leaves=tuple(leaves),
        profiles=(),
        calendars={"week": "Mon-Fri 07:00-15:00"},
    )
