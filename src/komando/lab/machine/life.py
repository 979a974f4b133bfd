"""A city around a virtual machine: up, prepared by the roles, and down like any other."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import yaml

from komando.inventory import FILE, Leaf, load_inventory
from komando.lab.city import City, save_city
from komando.lab.ground import alone, cleared
from komando.lab.life import Order, draw_city
from komando.lab.machine.image import Image, image_of
from komando.lab.machine.machine import Machine
from komando.lab.machine.qemu import PROGRAMS, lay_cables, make_overlay
from komando.lab.place import LabError, Place, Told, require_machine
from komando.lab.prepare import prepare_router
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
    with alone(place), cleared(place):
        place.folder.mkdir(mode=0o700, parents=True)
        city = _draw(place, order)
        interfaces = city.topology.interfaces("router")
        image = image_of(place, city.router, interfaces, told)
        machine = Machine(city, image.kernel)
        machine.disk.parent.mkdir()
        told("laying cables", f"to {len(city.endpoints)} offices and public points")
        build_wiring(place, city.topology)
        lay_cables(place, interfaces)
        if not image.prepared(city.prepared).exists():
            _prepare(machine, image, order, told)
        make_overlay(machine.disk, image.prepared(city.prepared))
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


def _prepare(machine: Machine, image: Image, order: MachineOrder, told: Told) -> None:
    """Let the roles prepare the bare machine, and keep what they made of its disk."""
    make_overlay(machine.disk, image.disk)
    told("booting the machine, to prepare it once", machine.host.name)
    machine.power_on()
    prepare_router(machine.place, order.inventory, order.roles, told)
    machine.power_off()
    image.keep_prepared(machine.disk, machine.city.prepared)
