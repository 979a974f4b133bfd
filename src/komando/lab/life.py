"""A lab's life: up, and down to the last trace, whatever happened in between."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from komando.inventory import Host, Inventory
from komando.lab.city import City, load_city, save_city
from komando.lab.groups import groups_of, processes_in, remove_groups
from komando.lab.place import STATE, LabError, Place, locked, require_machine
from komando.lab.prepare import prepare_router
from komando.lab.root import root_tree
from komando.lab.router import boot_router, make_keys
from komando.lab.topology import (
    INTERNET,
    Topology,
    choose_offices,
    draw_topology,
    usable_link,
)
from komando.lab.wiring import Told, build_wiring, remove_wiring
from komando.policy import Policy


@dataclass(frozen=True)
class Order:
    """What to build: whose offices (None: all), which machines, prepared how."""

    policy: Policy
    inventory: Inventory
    inventory_folder: Path
    playbook: Path
    offices: int | None = None


def _busy(place: Place) -> str:
    return f"another `komando lab` is building or removing {place.name!r}: wait for it"


def raise_city(place: Place, order: Order, told: Told) -> City:
    """Build the city, prepare its router, and return it; the one that stands, if it is whole.

    What an earlier attempt left is removed first. Raises LabError; whatever ends this early (an
    error, Ctrl-C) leaves nothing behind.
    """
    require_machine()
    with locked(STATE / f"{place.name}.lock", _busy(place)):
        if is_whole(place):
            return load_city(place.name)
        _remove(place)
        try:
            return _build(place, order, told)
        except BaseException:
            _remove(place)
            raise


def raze_city(place: Place) -> bool:
    """Remove the city and every trace of it; returns whether there was one."""
    require_machine()
    with locked(STATE / f"{place.name}.lock", _busy(place)):
        found = place.folder.exists() or bool(place.namespaces()) or any_group(place)
        _remove(place)
    return found


def is_whole(place: Place) -> bool:
    """Whether the city's record, its namespaces and its router are all there."""
    if not place.record.exists():
        return False
    city = load_city(place.name)
    names = {city.netns(part) for part in city.parts}
    return names <= set(place.namespaces()) and bool(processes_in(place))


def any_group(place: Place) -> bool:
    """Whether a control group of the lab stands."""
    return any(group.exists() for group in groups_of(place))


def _build(place: Place, order: Order, told: Told) -> City:
    host = _router(order.inventory)
    offices = choose_offices(order.policy, order.offices)
    topology = draw_topology(
        order.policy, offices, host, order.inventory.divisor, place.prefix
    )
    tree = root_tree(told)
    place.folder.mkdir(mode=0o700, parents=True)
    told(f"laying cables to {len(topology.endpoints)} offices and public points")
    make_keys(place, host)
    build_wiring(place, topology)
    told("booting the router")
    boot_router(place, host, tree)
    told("preparing the router")
    prepare_router(place, order.inventory_folder, order.playbook, told)
    city = _city(place, order, host, topology)
    save_city(city)
    return city


def _router(inventory: Inventory) -> Host:
    routers = [host for host in inventory.hosts.values() if host.kind == "router"]
    if len(routers) != 1:
        raise LabError(f"the lab shows one router, and the inventory has {len(routers)}")
    return routers[0]


def _city(place: Place, order: Order, host: Host, topology: Topology) -> City:
    uplinks = order.policy.region.uplinks.values()
    uplink = next(one for one in uplinks if one.router == host.name)
    return City(
        name=place.name,
        router=host,
        divisor=order.inventory.divisor,
        usable=usable_link(uplink, order.inventory.divisor),
        internet_v4=INTERNET[0].partition("/")[0],
        internet_v6=INTERNET[1].partition("/")[0],
        segments=tuple(
            part.name.removeprefix("switch-")
            for part in topology.parts
            if part.name.startswith("switch-")
        ),
        endpoints=topology.endpoints,
    )


def _remove(place: Place) -> None:
    remove_groups(place)
    remove_wiring(place)
    shutil.rmtree(place.folder, ignore_errors=True)
