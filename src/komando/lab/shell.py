"""A shell in a part of a lab."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from komando.inventory import Host
from komando.lab.city import City
from komando.lab.container import ADMINISTRATOR, access, ssh_command
from komando.lab.place import NAMESPACES, Place


def shell_command(
    city: City, where: str, command: Sequence[str]
) -> tuple[list[str], dict[str, str]]:
    """What to run for a shell or a command there, and the environment to add.

    Machines are entered by ssh as their administrator, the other parts by their namespace. Raises
    LabError for a part that the city does not have.
    """
    for host in city.machines.values():
        if where in (city.part_of(host.name), host.name):
            return on_machine(city.place, host, command), {}
    return in_namespace(city.netns(where), where, command)


def on_machine(place: Place, host: Host, command: Sequence[str]) -> list[str]:
    """What to run for a shell or a command on a machine, as its administrator."""
    target = ssh_command(access(place, "root", ADMINISTRATOR), host)
    if command:
        return [*target, shlex.join(command)]
    return [*target[:-1], "-t", target[-1]]


def in_namespace(
    namespace: str, where: str, command: Sequence[str]
) -> tuple[list[str], dict[str, str]]:
    """What to run for a shell or a command in a namespace, and the environment to add."""
    inner = list(command) or ["bash", "--norc"]
    prompt = {"PS1": f"[{where}] \\w # "}
    return ["nsenter", f"--net={NAMESPACES / namespace}", *inner], prompt
