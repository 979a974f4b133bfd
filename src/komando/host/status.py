"""What is promised to an office now, and what it has: the answer to "why is my office slow?".

The lock is held for as long as it takes to read what is in force, and not while time passes between
two looks at the kernel: the hours and an apply wait for nobody here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime

from .calendar import iso, parse_calendar, read_clock
from .configuration import devices_of, object_of
from .errors import HostError
from .frozen import Frozen
from .layout import CALENDAR, INTENT, NETWORK, ROUTER, Paths
from .lock import locked, undisturbed
from .look import Devices, look
from .network import Route, parse_network
from .sites import Pool, Region, Site, Uplink, region_of
from .standing import PROTOCOL, Standing
from .typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .look import Seen

MOST_SECONDS = 30
"""The longest time that one answer looks at."""

_NICE = 10
"""Whatever else the machine has to do comes first."""


class InForce(Frozen):
    """What the kernel was brought to: who has which class of the trees on `ifb` and `device`.

    `ways` maps the gateway of an office to the interface that leads there. `due` is the profile
    that the calendar wants.
    """

    region: Region
    uplink: Uplink
    due: str
    ifb: str
    device: str
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
    files: Mapping[str, bytes] = {}
    with locked(paths), undisturbed():
        standing = Standing(paths)
        told, now = standing.told(None), read_clock(paths.clock).now()
        if told["generation"]:
            files = standing.generations.intact(told["generation"])
    os.nice(_NICE)  # not before: whoever waits for the lock would wait for all the rest, too
    said = {
        "protocol": PROTOCOL,
        **{key: told[key] for key in ("generation", "profile", "clock", "bypass", "pending")},
        "now": iso(now),
    }
    if not files:
        return {**said, "known": [], "leaves": []}
    force = in_force(files, told["profile"], now)
    said |= {"divisor": force.region.divisor, "due": force.due, "open": force.region.open}
    sites = [one for one in force.region.sites if slug in (None, one.slug)]
    if not sites:
        known = [f"{one.kind}/{one.slug}" for one in force.region.sites]
        return {**said, "known": known, "leaves": []}
    return {**said, **_seen(force, sites, seconds, alone=slug is not None)}


def in_force(files: Mapping[str, bytes], profile: str | None, now: datetime) -> InForce:
    """Reads a generation that was brought to `profile`; of None, to the one that is due.

    Raises HostError for files that this program does not understand.
    """
    texts = {path: files[path].decode() for path in (INTENT, ROUTER, CALENDAR, NETWORK)}
    due = parse_calendar(texts[CALENDAR]).at(now)
    region = region_of(object_of(texts, INTENT), profile or due)
    if region.uplink is None or any(one.promise is None for one in region.sites):
        raise HostError(
            f"{INTENT} does not say what profile {profile or due} promises, or not as this program "
            "reads it: bring the older of the two up to date (`komando prepare` lays the program, "
            "`komando apply` the generation)"
        )
    ifb, device, _ = devices_of(texts)
    routes = [one.entry for one in parse_network(texts[NETWORK])]
    ways = {one.gateway: one.device for one in routes if isinstance(one, Route) and one.gateway}
    return InForce(region, region.uplink, due, ifb, device, ways)


def _seen(force: InForce, sites: list[Site], seconds: int, *, alone: bool) -> dict[str, Any]:
    everywhere = [network for one in force.region.sites for network in one.networks]
    gateways = [
        (force.ways[address], address)
        for one in sites
        for address in one.gateways
        if address in force.ways
    ]
    gateways += [(force.device, address) for address in force.uplink.gateways]
    devices = Devices(force.ifb, force.device, tuple(gateways))
    seen = look(devices, seconds, sites[0].networks if alone else None, everywhere)
    return {
        "seconds": round(seen.seconds, 3),
        "uplink": _uplink(force, seen),
        "leaves": [_leaf(force, seen, one) for one in sites],
        "pools": [_pool(force, seen, one) for one in force.region.pools],
        "top": seen.top,
    }


def _uplink(force: InForce, seen: Seen) -> dict[str, Any]:
    uplink, device = force.uplink, force.device
    return {
        "name": uplink.name,
        "capacity": uplink.capacity,
        "link": uplink.link,
        "device": device,
        "carrier": seen.carriers[device],
        "gateways": {one: seen.neighbours.answering(device, one) for one in uplink.gateways},
        "rate": seen.uplink,
    }


def _leaf(force: InForce, seen: Seen, site: Site) -> dict[str, Any]:
    ways = {address: force.ways.get(address, "") for address in site.gateways}
    device = next(iter(ways.values()), "")
    down, up = (seen.flow(tree, site.class_id) for tree in (force.ifb, force.device))
    return {
        "slug": site.slug,
        "kind": site.kind,
        "name": site.name,
        "pool": site.pool,
        "segment": site.segment,
        "mode": site.mode,
        "calendar": site.calendar,
        "networks": site.networks,
        "guarantee": site.guarantee,
        "floor": site.floor,
        "ceiling": site.ceiling,
        "promised": site.promise,
        "exceptions": site.exceptions,
        "device": device,
        "carrier": seen.carriers.get(device, False),
        "gateways": {one: seen.neighbours.answering(ways[one], one) for one in ways},
        "down": down,
        "up": up,
    }


def _pool(force: InForce, seen: Seen, pool: Pool) -> dict[str, Any]:
    """Its size, and what its class has passed on; None where that does not stand."""
    down, up = (seen.flow(tree, pool.class_id) for tree in (force.ifb, force.device))
    return {
        "slug": pool.slug,
        "size": pool.size,
        "rate": {"down": down and down["rate"], "up": up and up["rate"]},
    }
