"""Run the lab's router as if it were another moment: night, a holiday, Ramadan."""

from __future__ import annotations

import json
from typing import Any

from komando.generation import PROGRAM
from komando.inventory import Access, Host
from komando.lab.city import City
from komando.lab.commands import run
from komando.lab.router import ssh_command


def ask_router(city: City, *verb: str) -> dict[str, Any]:
    """The router's answer to a verb of its host program, asked as the controller asks it.

    Raises LabError when the router cannot be reached or refuses.
    """
    return ask(city.access, city.router, *verb)


def ask(access: Access, host: Host, *verb: str) -> dict[str, Any]:
    """As `ask_router`, of any router of a lab. Raises LabError after twenty seconds, too."""
    command = [*ssh_command(access, host), "sudo", "-n", PROGRAM, *verb]
    answer: dict[str, Any] = json.loads(run(["timeout", "20", *command]))
    return answer


def set_clock(city: City, moment: str) -> dict[str, Any]:
    """Let the router live at a moment (ISO 8601 with a zone) from now on; `off` ends that.

    Returns what it said, with the profile that is now in force.
    """
    return ask_router(city, "clock", moment)
