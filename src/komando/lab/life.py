"""A lab's life: up, and down to the last trace, whatever happened in between."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from komando.inventory import Host, Inventory
from komando.lab.city import City, load_city, save_city
from komando.lab.container import Boot, lay_seed, make_keys, start, wait_for_ssh
from komando.lab.fleet.layer import LAYER, lay_own_seed
from komando.lab.fleet.life import prepared_layer
from komando.lab.ground import alone, clear, cleared, undisturbed
from komando.lab.groups import groups_of, processes_in
from komando.lab.place import LabError, Place, Told, require_machine, require_no_fleet
from komando.lab.prepare import digest_of_roles, preparation, prepare_machines
from komando.lab.root import root_tree
from komando.lab.topology import divided, draw_topology, uplink_of
from komando.lab.wiring import add_sites, build_wiring, remove_sites
from komando.policy import Policy
from komando.units import Pair


@dataclass(frozen=True)
class Order:
    """What to build: whose offices (None: all), which machines, prepared by which roles.

    `inventory_folder` and `roles` are folders of the repository. With `everyone` all machines of
    the inventory stand, and not the router alone. With `bare` none is prepared.
    """

    policy: Policy
    inventory: Inventory
    inventory_folder: Path
    roles: Path
    offices: int | None = None
    everyone: bool = False
    bare: bool = False


def raise_city(place: Place, order: Order, told: Told) -> City:
    """Make the city what was ordered, and return it.

    What stands as ordered is left alone: offices come and go without touching the machines, and
    these are prepared again when their roles have changed. A city with other shared parts, or one
    that is not whole, is built anew. Raises LabError; when a new city does not come to stand (an
    error, Ctrl-C), nothing is left of it.
    """
    require_machine()
    with alone(place):
        require_no_fleet(place)
        city = draw_city(place, order)
        standing = load_city(place.name) if is_whole(place) else None
        if standing is not None and _lasting(standing) == _lasting(city):
            _renew(standing, city, order, told)
        else:
            _build(city, order, told)
        save_city(city)
    return city


def raze_city(place: Place) -> bool:
    """Remove the lab, city or fleet, and every trace of it; returns whether there was any.

    Finds what belongs to it by name, so it needs no record. Raises LabError when another process
    is at work on the same city, or something cannot be removed.
    """
    require_machine()
    with alone(place), undisturbed():
        groups = any(group.exists() for group in groups_of(place))
        found = groups or place.folder.exists() or bool(place.namespaces())
        clear(place)
    return found


def is_whole(place: Place) -> bool:
    """Whether the city's record, its namespaces (no fewer, no more) and its machines are there."""
    try:
        city = load_city(place.name)
    except LabError:
        return False
    names = sorted(city.netns(part) for part in city.parts)
    powered = all(processes_in(place, name) for name in city.machines)
    return names == place.namespaces() and powered


def draw_city(place: Place, order: Order) -> City:
    """The city that an order asks for. Raises LabError where policy and inventory do not fit."""
    policy, divisor = order.policy, order.inventory.divisor
    host = _router(order.inventory)
    others = [one for one in order.inventory.hosts.values() if one != host]
    others = others if order.everyone else []
    uplink = uplink_of(policy, host)
    return City(
        name=place.name,
        region=policy.region.name,
        zone=str(policy.region.zone),
        router=host,
        divisor=divisor,
        capacity=_divided(uplink.capacity, divisor),
        usable=_divided(Pair(uplink.link("down"), uplink.link("up")), divisor),
        topology=draw_topology(policy, host, divisor, place.prefix, order.offices, others),
        prepared="" if order.bare else digest_of_roles(order.inventory_folder, order.roles),
        others=tuple(others),
    )


def _divided(pair: Pair, divisor: int) -> Pair:
    return Pair(divided(pair.down, divisor), divided(pair.up, divisor))


def _router(inventory: Inventory) -> Host:
    routers = list(inventory.routers.values())
    if len(routers) != 1:
        raise LabError(f"the lab shows one router, and the inventory has {len(routers)}")
    return routers[0]


def _lasting(city: City) -> City:
    """A city without what can change while its machines run."""
    prepared = "bare" if not city.prepared else "prepared"
    return replace(city, prepared=prepared, topology=replace(city.topology, sites={}))


def _renew(standing: City, city: City, order: Order, told: Told) -> None:
    old, new = standing.topology.sites, city.topology.sites
    gone = [site for slug, site in old.items() if new.get(slug) != site]
    come = [site for slug, site in new.items() if old.get(slug) != site]
    if gone or come:
        told("moving cables", f"{len(gone)} taken away, {len(come)} laid")
        remove_sites(city.place, gone)
        add_sites(city.place, come)
    if standing.prepared != city.prepared:
        _prepare(city, city.machines, order, told)


def _prepare(city: City, names: Iterable[str], order: Order, told: Told) -> None:
    hosts = [city.machines[name] for name in names]
    prepare_machines(preparation(city.place, order.inventory_folder, hosts, order.roles), told)


def _build(city: City, order: Order, told: Told) -> None:
    place = city.place
    tree = root_tree(told, order.roles)
    # what the roles make of a router is kept; the others follow from the whole inventory
    layer = None if order.bare else prepared_layer(place, order.roles, tree, told)
    with cleared(place):
        place.folder.mkdir(mode=0o700, parents=True)
        make_keys(place, *city.machines.values())
        told("laying cables", f"to {len(city.endpoints)} offices and public points")
        build_wiring(place, city.topology)
        told(f"booting {', '.join(city.machines)}", "")
        boots = [_boot_of(city, host, tree, layer) for host in city.machines.values()]
        for boot in boots:
            start(boot)
        wait_for_ssh(boots)
        if city.others and not order.bare:
            _prepare(city, [host.name for host in city.others], order, told)


def _boot_of(city: City, host: Host, tree: Path, layer: Path | None) -> Boot:
    place = city.place
    scratch = place.folder / "machines" / host.name
    scratch.mkdir(parents=True)
    kept = layer if host == city.router else None
    return Boot(
        place=place,
        host=host,
        tree=(tree,) if kept is None else (kept / LAYER, tree),
        scratch=scratch,
        seed=lay_own_seed(place, host, kept) if kept else lay_seed(place, host),
        namespace=place.namespace(city.part_of(host.name)),
        log=place.folder / f"{host.name}.log",
        group=host.name,
    )
