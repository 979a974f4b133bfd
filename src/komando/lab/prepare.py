"""Prepare a lab's machines by the roles that prepare real ones: real Ansible, over real ssh."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from komando.inventory import Host
from komando.lab.container import ADMINISTRATOR, CONTROLLER, access
from komando.lab.place import LabError, Place, Told
from komando.lab.root import PYTHON
from komando.prepare import Preparation, PrepareError, Story, prepare


def digest_of_roles(inventory: Path | None, roles: Path) -> str:
    """The digest of everything that decides what a prepared machine is like.

    Without an inventory: of all but that.
    """
    repository = roles.resolve().parent
    files = [
        repository / "ansible.cfg",
        *(inventory.rglob("*") if inventory else ()),
        *roles.rglob("*"),
        *(repository / "src/komando/host").glob("*.py"),
    ]
    digest = hashlib.sha256()
    for file in sorted(file for file in files if file.is_file() and file.suffix != ".pyc"):
        digest.update(f"{file.name}\n{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def preparation(place: Place, inventory: Path, hosts: Iterable[Host], roles: Path) -> Preparation:
    """How a lab's machines are prepared: by its own keys, and without a mirror to ask."""
    return Preparation(
        inventory=inventory,
        hosts=tuple(hosts),
        access=access(place, "root", ADMINISTRATOR),
        settings={
            "deploy_keys": [(place.folder / f"{CONTROLLER}.pub").read_text().strip()],
            "base_refresh_package_lists": False,
        },
        roles=roles,
        log=place.folder / "ansible.log",
        pythons=(PYTHON,),
    )


def prepare_machines(order: Preparation, told: Told) -> int:
    """Run the roles; returns how many tasks changed something, on all machines together.

    Raises LabError where a machine could not be prepared.
    """
    step = f"preparing {', '.join(host.name for host in order.hosts)}"
    told(step, "")

    def hear(story: Story) -> None:
        told(step, story.task)

    try:
        machines = prepare(order, hear)
    except PrepareError as error:
        raise LabError(str(error)) from error
    if troubles := [f"{one.name}: {one.trouble}" for one in machines if one.trouble]:
        raise LabError("\n".join(troubles))
    return sum(len(machine.changed) for machine in machines)
