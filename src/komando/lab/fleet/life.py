"""A fleet's life: up; it goes as a city does (`raze_city`)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from komando.inventory import load_inventory
from komando.lab.container import lay_seed, make_keys, start, wait_for_ssh
from komando.lab.fleet.disks import holds_disks, make_disks
from komando.lab.fleet.fleet import Fleet, inventory_of, load_fleet, policies_of, save_fleet
from komando.lab.fleet.layer import LAYER, folder_of_layer, keep_layer, lay_own_seed
from komando.lab.fleet.machine import PATIENCE, Machine, boot_of
from komando.lab.fleet.network import SHARED, allow_cuts, draw_network
from komando.lab.fleet.papers import SPARE, Order, spare_inventory, write_inventory, write_papers
from komando.lab.ground import alone, cleared
from komando.lab.groups import processes_in
from komando.lab.place import CACHE, LabError, Place, Told, locked, require_machine, require_no_city
from komando.lab.prepare import preparation, prepare_machines
from komando.lab.root import root_tree
from komando.lab.wiring import build_wiring

_STEP = "preparing a machine for all, once"


def raise_fleet(place: Place, order: Order, roles: Path, told: Told) -> Fleet:
    """Make the fleet what was ordered, prepared by these roles (a folder), and return it.

    One that stands as ordered is left alone; any other is built anew. Raises LabError; when a fleet
    does not come to stand (an error, Ctrl-C), nothing is left of it.
    """
    require_machine()
    with alone(place):
        require_no_city(place)
        tree = root_tree(told, roles)
        layer = prepared_layer(place, roles, tree, told)
        standing = _standing(place)
        trees = (layer / LAYER, tree)
        if standing is not None and (standing.order, standing.tree) == (order, trees):
            return standing
        with cleared(place):
            fleet = _build(place, order, trees, told)
            save_fleet(fleet)
    return fleet


def prepared_layer(place: Place, roles: Path, tree: Path, told: Told) -> Path:
    """The folder of what these roles make upon a tree; prepares a spare machine if it is not there.

    That takes a quarter of a minute and the place, which nobody else may build on meanwhile
    (`alone`): what stood there is gone then. Raises LabError.
    """
    layer = folder_of_layer(roles, tree)
    if not layer.is_dir():
        with locked(CACHE / "lock"), cleared(place):
            if not layer.is_dir():
                _prepare(place, roles, tree, told)
                keep_layer(place, layer)
    return layer


def _standing(place: Place) -> Fleet | None:
    """The fleet of that name, if it is whole: its record, namespaces, disks, and all have power."""
    try:
        fleet = load_fleet(place.name)
    except LabError:
        return None
    names = sorted(place.namespace(part) for part in (*SHARED, *fleet.routers))
    powered = all(processes_in(place, name) for name in fleet.routers)
    whole = names == place.namespaces() and holds_disks(place) and powered
    return fleet if whole else None


def _prepare(place: Place, roles: Path, tree: Path, told: Told) -> None:
    """Prepare the spare machine, alone in the lab, and take its power."""
    place.folder.mkdir(mode=0o700, parents=True)
    write_inventory(inventory_of(place), spare_inventory())
    fleet = _wired(place, Order(1), (tree,))
    told(_STEP, "")
    lay_seed(place, fleet.routers[SPARE])
    _boot(fleet)
    order = preparation(place, inventory_of(place), fleet.routers.values(), roles)
    prepare_machines(order, lambda _, task: told(_STEP, task))
    Machine(fleet, SPARE).power_off()


def _build(place: Place, order: Order, tree: tuple[Path, ...], told: Told) -> Fleet:
    place.folder.mkdir(mode=0o700, parents=True)
    write_papers(order, datetime.now(UTC).year, inventory_of(place), policies_of(place))
    told("laying cables", f"to {order.routers} routers")
    fleet = _wired(place, order, tree)
    for host in fleet.routers.values():
        lay_own_seed(place, host, tree[0].parent)
    told("booting the routers", ", ".join(fleet.routers))
    _boot(fleet)
    return fleet


def _wired(place: Place, order: Order, tree: tuple[Path, ...]) -> Fleet:
    """The machines of the inventory with their keys, cables and disks, and no power yet."""
    routers = load_inventory(inventory_of(place)).hosts
    make_keys(place, *routers.values())
    build_wiring(place, draw_network(routers.values()))
    allow_cuts(place)
    make_disks(place, routers)
    return Fleet(place.name, order, routers, tree)


def _boot(fleet: Fleet) -> None:
    boots = [boot_of(fleet, name) for name in fleet.routers]
    for boot in boots:
        start(boot)
    wait_for_ssh(boots, PATIENCE)
