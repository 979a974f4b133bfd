"""Who hears whose ssh in a fleet."""

from __future__ import annotations

import subprocess

from komando.lab.fleet.fleet import Fleet
from komando.lab.fleet.machine import Machine

BANNER = (
    'python3 -c \'import socket; s = socket.create_connection(("{}", 22), 1); s.settimeout(1);'
    " print(s.recv(99).decode())'"
)


def one(fleet: Fleet, number: int) -> Machine:
    return Machine(fleet, f"router-{number}")


def hears(router: Machine, other: Machine) -> bool:
    """Whether a fresh connection from one to the other gets ssh's banner; asked at its console."""
    said = router.behind(BANNER.format(other.host.address), check=False)
    return said.startswith("SSH-2.0-")


def reaches(fleet: Fleet, router: Machine) -> bool:
    """Whether the controller gets the banner."""
    command = ["sh", "-c", BANNER.format(router.host.address)]
    done = subprocess.run(
        [*fleet.access.prefix, *command], capture_output=True, text=True, check=False
    )
    return done.stdout.startswith("SSH-2.0-")
