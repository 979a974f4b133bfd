"""Who hears whose ssh in a fleet."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from komando.lab.fleet.fleet import Fleet
from komando.lab.fleet.machine import Machine

BANNER = (
    'python3 -c \'import socket; s = socket.create_connection(("{}", 22), 1); s.settimeout(1);'
    " print(s.recv(99).decode())'"
)

_KNOCKS = """\
import socket, time
while True:
    try:
        with socket.create_connection(("{}", 22), 0.2) as one:
            one.settimeout(0.2)
            if one.recv(99).startswith(b"SSH-2.0-"):
                print(time.monotonic(), flush=True)
    except OSError:
        pass
    time.sleep(0.1)
"""


@dataclass
class Knocks:
    """The moments at which a router's ssh was heard."""

    heard: list[float] = field(default_factory=list)

    @property
    def silence(self) -> float:
        """Seconds between the last time that it was heard and the first time it was again.

        The longest of them, where that happened more than once; a fifth of a second is no silence.
        """
        pairs = zip(self.heard, self.heard[1:], strict=False)
        return max((after - before for before, after in pairs), default=0.0)


@contextmanager
def knocking(fleet: Fleet, router: Machine) -> Iterator[Knocks]:
    """The controller knocks at a router, each time afresh, while the block lasts."""
    command = ["python3", "-c", _KNOCKS.format(router.host.address)]
    process = subprocess.Popen([*fleet.access.prefix, *command], stdout=subprocess.PIPE, text=True)
    knocks = Knocks()
    try:
        yield knocks
    finally:
        process.terminate()
        said, _ = process.communicate()
        knocks.heard += map(float, said.split())


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
