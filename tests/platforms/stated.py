"""The intent of a small city, as the host program reads it: what each office is promised."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from komando.bundle import Bundle
from tests.host_bundle import ROOT, City, Office, bundle_of

INTENT = "etc/komando/intent.json"
HOURS = "working-week"


def intent_of(city: City, exceptions: dict[int, list[dict[str, Any]]] | None = None) -> str:
    """Offices of slot 0 work by the day; those of slot 2 around the clock.

    `exceptions` are those of single offices, by id, and in force by night.
    """
    lent = exceptions or {}
    return json.dumps({
        "router": "core-1",
        "region": "Kota Kecil",
        "zone": "Asia/Pontianak",
        "divisor": 1,
        "uplink": {
            "name": "main",
            "gateways": ["198.51.100.1", "2001:db8:ffff::1"],
            "capacity": both(ROOT * 10 // 9),
            "link": both(ROOT),
        },
        "pools": [
            {"slug": HOURS, "class": "1:10"},
            {"slug": "around-the-clock", "class": "1:12"},
        ],
        "leaves": [_leaf(office, lent.get(office.id, [])) for office in city.offices],
        "profiles": [
            {
                "name": name,
                "open": ["around-the-clock", *([HOURS] if name == "day" else [])],
                "exceptions": [
                    f"office-{key}@{one['from']}" for key in lent for one in lent[key]
                ] if name == "night" else [],
                "pools": {
                    HOURS: both(city.pool(0, day=name == "day")),
                    "around-the-clock": both(city.pool(2, day=True)),
                    "public": both(city.public(day=name == "day")),
                },
                "shares": {
                    f"office-{one.id}": both(one.guarantee if name == "day" else one.floor)
                    for one in city.offices
                },
            }
            for name in ("day", "night")
        ],
    })  # fmt: skip


def both(bits: int) -> dict[str, int]:
    return {"down": bits, "up": bits}


def _leaf(office: Office, exceptions: list[dict[str, Any]]) -> dict[str, Any]:
    lan = int(office.lan.removeprefix("lan"))
    calendar = "around-the-clock" if office.slot == 2 else HOURS
    return {
        "slug": f"office-{office.id}",
        "kind": "opd",
        "id": office.id,
        "name": f"Kantor {office.id}",
        "class": office.class_id,
        "pool": calendar,
        "segment": f"segment-{lan}",
        "networks": [office.network, office.network6],
        "gateways": [f"172.2{lan}.0.2", f"2001:db8:f00{lan}::2"],
        "mode": "enforce",
        "calendar": calendar,
        "guarantee": both(office.guarantee),
        "floor": both(office.floor),
        "ceiling": both(office.ceiling),
        "exceptions": exceptions,
    }


def stated(city: City, **given: Any) -> Bundle:
    """The bundle of a city with its intent in it."""
    return bundle_of(replace(city, extra={**city.extra, INTENT: intent_of(city, **given)}))
