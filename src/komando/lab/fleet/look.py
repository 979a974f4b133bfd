"""A look at a fleet: what its routers run, and a shell on one of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from komando.inventory import Host
from komando.lab.fleet.fleet import Fleet
from komando.lab.fleet.machine import Machine
from komando.lab.fleet.network import SHARED, SWITCH
from komando.lab.fleet.papers import MOST
from komando.lab.place import LabError
from komando.lab.shell import in_namespace, on_machine
from komando.lab.status import observed, words_of


def draw(fleet: Fleet, console: Console) -> None:
    """Print which routers there are, and what they run."""
    top = Tree(Text(f"{fleet.name}: a fleet", style="bold"), guide_style="dim")
    for name, said in _all_observed(fleet).items():
        host = fleet.routers[name]
        branch = top.add(words_of(host, said))
        if words := _place_in(host):
            branch.add(Text(words, style="dim"))
    top.add(Text(f"controller  {' '.join(fleet.access.prefix)}"))
    top.add(Text(f"inventory  {fleet.inventory}"))
    top.add(Text(f"policies  {fleet.policies}"))
    console.print(top)


def as_json(fleet: Fleet) -> str:
    """The same as one JSON object, the routers' own words under `observed`."""
    seen = _all_observed(fleet)
    said = {
        "name": fleet.name,
        "inventory": str(fleet.inventory),
        "policies": str(fleet.policies),
        "routers": [
            {
                "name": name,
                "address": host.address,
                "canary": host.canary,
                "neighbour": host.neighbour,
                "power": Machine(fleet, name).is_on,
                "observed": seen[name],
            }
            for name, host in fleet.routers.items()
        ],
        "namespaces": {part: fleet.place.namespace(part) for part in (*SHARED, *fleet.routers)},
    }
    return json.dumps(said, indent=1, ensure_ascii=False)


def shell_command(
    fleet: Fleet, where: str, command: Sequence[str]
) -> tuple[list[str], dict[str, str]]:
    """What to run for a shell or a command there, and the environment to add.

    Routers are entered by ssh as their administrator, the controller and the switch by their
    namespace. Raises LabError for a part that the fleet does not have.
    """
    shared = {"controller": "ctl", SWITCH: SWITCH}
    if where in shared:
        return in_namespace(fleet.place.namespace(shared[where]), where, command)
    if where not in fleet.routers:
        known = ", ".join((*fleet.routers, *shared))
        raise LabError(f"the fleet {fleet.name!r} has no {where!r}; it has {known}")
    return on_machine(fleet.place, fleet.routers[where], command), {}


def _all_observed(fleet: Fleet) -> dict[str, dict[str, Any]]:
    """At once: one that hangs holds nobody up but itself."""
    with ThreadPoolExecutor(MOST) as pool:
        said = pool.map(lambda host: _observed(fleet, host), fleet.routers.values())
        return dict(zip(fleet.routers, said, strict=True))


def _observed(fleet: Fleet, host: Host) -> dict[str, Any]:
    if not Machine(fleet, host.name).is_on:
        return {"error": "no power"}
    return observed(fleet.access, host)


def _place_in(host: Host) -> str:
    words = ["canary"] if host.canary else []
    if host.neighbour is not None:
        words.append(f"neighbour {host.neighbour}")
    return ", ".join(words)
