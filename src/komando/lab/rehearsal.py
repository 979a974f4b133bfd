"""Run the lab's router as if it were another moment: night, a holiday, Ramadan."""

from __future__ import annotations

import json
from typing import Any

from komando.generation import PROGRAM
from komando.inventory import Access, Host
from komando.lab.city import City
from komando.lab.commands import run
from komando.lab.container import ADMINISTRATOR, access, ssh_command


def ask_router(city: City, *verb: str) -> dict[str, Any]:
    """The router's answer to a verb of its host program, asked as the controller asks it.

    Raises LabError when the router cannot be reached or refuses.
    """
    return ask(city.access, city.router, *verb)


def ask(way: Access, host: Host, *verb: str) -> dict[str, Any]:
    """As `ask_router`, of any router of a lab. Raises LabError after twenty seconds, too."""
    return _answer([*ssh_command(way, host), "sudo", "-n", PROGRAM, *verb])


def set_clock(city: City, moment: str) -> dict[str, Any]:
    """Let the router live at a moment (ISO 8601 with a zone) from now on; `off` ends that.

    Returns what it said, with the profile that is now in force.
    """
    return order_router(city, "clock", moment)


def order_router(city: City, *verb: str) -> dict[str, Any]:
    """The same, as its administrator: for what no controller may (roles/base/files/sudoers)."""
    way = access(city.place, "root", ADMINISTRATOR)
    return _answer([*ssh_command(way, city.router), PROGRAM, *verb])


def _answer(command: list[str]) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(run(["timeout", "20", *command]))
    return answer
