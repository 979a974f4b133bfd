"""The intent as JSON: `etc/komando/intent.json` of a bundle. A rate is an integer, in bit/s."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from ipaddress import ip_network
from typing import Any

from komando.intent.model import (
    ExceptionIntent,
    Leaf,
    PoolIntent,
    Profile,
    RouterIntent,
    SegmentIntent,
    UplinkIntent,
)
from komando.units import Pair, Rate


def intent_text(router: RouterIntent) -> str:
    """Deterministic JSON, one object a line where a person would want to read it."""
    return json.dumps(_encode_router(router), indent=1, ensure_ascii=False) + "\n"


def read_intent(text: str) -> RouterIntent:
    """The inverse of `intent_text`. Raises ValueError or KeyError on anything else."""
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
