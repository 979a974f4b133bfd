"""A city around a virtual machine: up, prepared by the roles, and down like any other."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import yaml

from komando.inventory import FILE, Leaf, load_inventory
from komando.lab.city import City, save_city
from komando.lab.container import make_keys
from komando.lab.fleet.life import prepared_layer
from komando.lab.ground import alone, cleared
from komando.lab.life import Order, draw_city
from komando.lab.machine.disk import PACKAGES, kernel_of, make_disk
from komando.lab.machine.machine import Machine
from komando.lab.machine.qemu import PROGRAMS, lay_cables, make_overlay
from komando.lab.place import LabError, Place, Told, require_machine, require_no_fleet
from komando.lab.root import root_tree
from komando.lab.wiring import build_wiring
from komando.policy import load_policy


@dataclass(frozen=True)
class MachineOrder:
    """What to build: folders of policies, inventory (of one router) and roles; how many offices.

    The lab's own inventory says the same as that one, but for the queue of the offices, since a
    stock kernel has every kind, and for the seconds until an unconfirmed change reverts, if given.
    """

    policies: Path
    inventory: Path
    roles: Path
    offices: int | None = None
    leaf: Leaf = "fq_codel"
    confirm_within: int | None = None


def raise_machine(place: Place, order: MachineOrder, told: Told) -> Machine:
    """Build a city whose router is a virtual machine, prepared, with nothing applied.

    Whatever bore that name before is gone. `raze_city` and `komando lab down` remove it. The first
    one on a machine takes some minutes, later ones as long as a boot. Raises LabError, or
    InventoryError; when it does not come to stand, nothing is left of it.
    """
    require_machine(PROGRAMS)
    with alone(place):
        require_no_fleet(place)
        tree = root_tree(told, order.roles, PACKAGES)
        prepared = prepared_layer(place, order.roles, tree, told)
        with cleared(place):
            return _build(place, order, tree, prepared, told)


def _build(place: Place, order: MachineOrder, tree: Path, prepared: Path, told: Told) -> Machine:
    place.folder.mkdir(mode=0o700, parents=True)
    city = _draw(place, order)
    make_keys(place, city.router)
    interfaces = city.topology.interfaces("router")
    told("making the machine's disk", city.router.name)
    disk = make_disk(place, city.router, interfaces, tree, prepared)
    machine = Machine(city, kernel_of(tree))
    make_overlay(machine.disk, disk)
    told("laying cables", f"to {len(city.endpoints)} offices and public points")
    build_wiring(place, city.topology)
    lay_cables(place, interfaces)
    told("booting the machine", city.router.name)
    machine.power_on()
    save_city(city)
    return machine


def _draw(place: Place, order: MachineOrder) -> City:
    folder = place.folder / "inventories" / "lab"
    folder.mkdir(parents=True)
    (folder / FILE).write_text(_inventory_text(order))
    shutil.copytree(order.policies, place.folder / "policies")
    loaded = load_policy(order.policies)
    if loaded.policy is None:
        raise LabError(f"the policies of {order.policies} are wrong: `komando check` says where")
    inventory = load_inventory(folder)
    # as the roles see it: neither the queue nor the window of a change means anything to them
    return draw_city(
        place, Order(loaded.policy, inventory, order.inventory, order.roles, order.offices)
    )


def _inventory_text(order: MachineOrder) -> str:
    written = yaml.safe_load((order.inventory / FILE).read_text())
    for host in written["all"]["children"]["router"]["hosts"].values():
        host["leaf"] = order.leaf
        if order.confirm_within is not None:
            host["confirm_within"] = order.confirm_within
    text: str = yaml.safe_dump(written, sort_keys=False, allow_unicode=True)
    return text
