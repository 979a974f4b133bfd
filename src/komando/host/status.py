"""What is promised to an office now, and what it has: the answer to "why is my office slow?".

The lock is held for as long as it takes to read what is in force, and not while time passes between
two looks at the kernel: the hours and an apply wait for nobody here.
"""

from __future__ import annotations

import json
import os

from .calendar import iso, parse_calendar, read_clock
from .errors import HostError
from .frozen import Frozen
from .layout import CALENDAR, INTENT, NETWORK, ROUTER, Paths
from .lock import locked, undisturbed
from .look import Devices, look
from .network import Route, parse_network
from .standing import PROTOCOL, Standing
from .typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .look import Seen

MOST_SECONDS = 30
"""The longest time that one answer looks at."""

_NICE = 10
"""Whatever else the machine has to do comes first."""

_OF_A_LEAF = (
    *("slug", "kind", "name", "pool", "segment", "mode", "calendar", "networks"),
    *("guarantee", "floor", "ceiling"),
)
"""What is told of an office as the intent has it."""


class InForce(Frozen):
    """What the kernel was brought to: `said` of it before it is looked at, intent and profile.

    `ways` maps the gateway of an office to the interface that leads there.
    """

    said: Mapping[str, Any]
    intent: Mapping[str, Any]
    profile: Mapping[str, Any]
    ifb: str
    uplink: str
    ways: Mapping[str, str]


def status(paths: Paths, slug: str | None, seconds: int) -> dict[str, Any]:
    """What an office (or point) is promised and has; without `slug` all of them.

    Rates in bit/s: of classes in frame bytes, of addresses in bytes of IP packets. Backlogs in
    bytes, drops in packets. Only of one office the addresses are told, and are its gateways asked
    whether they are there. Raises HostError for what cannot be read or asked, and for a time that
    is not of 1 to `MOST_SECONDS`.
    """
    if not 1 <= seconds <= MOST_SECONDS:
        raise HostError(f"{seconds} seconds: it is 1 to {MOST_SECONDS} that can be looked at")
    os.nice(_NICE)
    with locked(paths), undisturbed():
        force = in_force(Standing(paths))
    if isinstance(force, dict):
        return force
    leaves = [one for one in force.intent["leaves"] if slug in (None, one["slug"])]
    if not leaves:
        known = [f"{one['kind']}/{one['slug']}" for one in force.intent["leaves"]]
        return {**force.said, "known": known, "leaves": []}
    region = [network for one in force.intent["leaves"] for network in one["networks"]]
    gateways = [
        (force.ways[address], address)
        for one in leaves
        for address in one["gateways"]
        if address in force.ways
    ]
    gateways += [(force.uplink, address) for address in force.intent["uplink"]["gateways"]]
    devices = Devices(force.ifb, force.uplink, tuple(gateways))
    office = leaves[0]["networks"] if slug else None
    seen = look(devices, seconds, office, region)
    return {
        **force.said,
        "seconds": round(seen.seconds, 3),
        "uplink": _uplink(force, seen),
        "leaves": [_leaf(force, seen, one) for one in leaves],
        "pools": _pools(force, seen),
        "top": seen.top,
    }


def in_force(standing: Standing) -> InForce | dict[str, Any]:
    """What the kernel was brought to; where it is nothing, all that can be said."""
    told = standing.told(None)
    now = read_clock(standing.paths.clock).now()
    said = {
        "protocol": PROTOCOL,
        **{key: told[key] for key in ("generation", "profile", "clock", "bypass", "pending")},
        "now": iso(now),
    }
    if told["generation"] is None:
        return {**said, "known": [], "leaves": []}
    files = standing.generations.intact(told["generation"])
    intent, router = (json.loads(files[path]) for path in (INTENT, ROUTER))
    due = parse_calendar(files[CALENDAR].decode()).at(now)
    profiles = {one["name"]: one for one in intent["profiles"]}
    profile = profiles[told["profile"] or due]
    said |= {key: intent[key] for key in ("router", "region", "zone", "divisor")}
    said |= {"due": due, "open": profile["open"], "exceptions": profile["exceptions"]}
    routes = [one.entry for one in parse_network(files[NETWORK].decode())]
    ways = {one.gateway: one.device for one in routes if isinstance(one, Route) and one.gateway}
    return InForce(said, intent, profile, router["ifb"], router["uplink"], ways)


def _uplink(force: InForce, seen: Seen) -> dict[str, Any]:
    uplink = force.intent["uplink"]
    return {
        **{key: uplink[key] for key in ("name", "capacity", "link")},
        "device": force.uplink,
        "carrier": seen.carriers[force.uplink],
        "gateways": {
            address: seen.neighbours.answering(force.uplink, address)
            for address in uplink["gateways"]
        },
        "rate": seen.uplink,
    }


def _leaf(force: InForce, seen: Seen, leaf: Mapping[str, Any]) -> dict[str, Any]:
    ways = {address: force.ways.get(address, "") for address in leaf["gateways"]}
    device = next(iter(ways.values()), "")
    down, up = (seen.flow(tree, leaf["class"]) for tree in (force.ifb, force.uplink))
    return {
        **{key: leaf[key] for key in _OF_A_LEAF},
        "promised": force.profile["shares"][leaf["slug"]],
        "exceptions": [one for one in force.profile["exceptions"] if _of(one, leaf["slug"])],
        "device": device,
        "carrier": seen.carriers.get(device, False),
        "gateways": {
            address: seen.neighbours.answering(ways[address], address) for address in ways
        },
        "down": down,
        "up": up,
    }


def _of(exception: str, slug: str) -> bool:
    return exception.partition("@")[0] == slug


def _pools(force: InForce, seen: Seen) -> list[dict[str, Any]]:
    """Each pool with its size, and what its offices have together."""
    members: dict[str, list[str]] = {slug: [] for slug in force.profile["pools"]}
    for leaf in force.intent["leaves"]:
        members[leaf["pool"]].append(leaf["class"])

    def rate(tree: str, classes: list[str]) -> int:
        flows = (seen.flow(tree, one) for one in classes)
        return sum(flow["rate"] for flow in flows if flow)

    return [
        {
            "slug": slug,
            "size": force.profile["pools"][slug],
            "rate": {"down": rate(force.ifb, classes), "up": rate(force.uplink, classes)},
        }
        for slug, classes in members.items()
    ]
