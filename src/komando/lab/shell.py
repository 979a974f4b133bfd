"""A shell in a part of the city."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from komando.lab.city import City
from komando.lab.place import NAMESPACES
from komando.lab.router import ADMINISTRATOR, access, ssh_command


def shell_command(
    city: City, where: str, command: Sequence[str]
) -> tuple[list[str], dict[str, str]]:
    """What to run for a shell or a command there, and the environment to add.

    The router is entered by ssh as its administrator, the other parts by their namespace. Raises
    LabError for a part that the city does not have.
    """
    namespace = city.netns(where)
    if where == "router":
        way = access(city.place, "root", ADMINISTRATOR)
        target = ssh_command(way, city.router)
        remote = [shlex.join(command)] if command else ["-t"]
        return ([*target, *remote] if command else [*target[:-1], *remote, target[-1]]), {}
    inner = list(command) or ["bash", "--norc"]
    prompt = {"PS1": f"[{where}] \\w # "}
    return ["nsenter", f"--net={NAMESPACES / namespace}", *inner], prompt
