"""Make the namespaces and cables of a topology, and take a lab's away."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from komando.lab.commands import run
from komando.lab.place import NAMESPACES, LabError, Place
from komando.lab.topology import Part, Topology

Told = Callable[[str], None]
"""Is told what is being done, in a few words."""

PATIENCE = 5.0
"""Seconds that processes have to go after they were killed."""


def build_wiring(place: Place, topology: Topology) -> None:
    """Make every namespace and cable. Raises LabError when the kernel refuses one."""
    names = {part.name: place.namespace(part.name) for part in topology.parts}
    lines = [f"netns add {name}" for name in names.values()]
    lines += [
        f"link add {cable.one[1]} netns {names[cable.one[0]]}"
        f" type veth peer name {cable.other[1]} netns {names[cable.other[0]]}"
        for cable in topology.cables
    ]
    run(["ip", "-batch", "-"], "\n".join(lines))
    for part in topology.parts:
        _furnish(place, part, topology.interfaces(part.name))


def _furnish(place: Place, part: Part, interfaces: list[str]) -> None:
    enter = place.enter(part.name)
    if part.settings:
        run([*enter, "sysctl", "-qw", *part.settings])
    run([*enter, "ip", "-batch", "-"], "\n".join(("link set lo up", *part.network)))
    if part.shaping:
        run([*enter, "tc", "-batch", "-"], "\n".join(part.shaping))
    # The shaper must see the frames that a real wire carries, not bundles of 64 kB.
    offloads = "".join(f"ethtool -K {one} tso off gso off gro off\n" for one in interfaces)
    run([*enter, "sh", "-es"], offloads)


def remove_wiring(place: Place) -> None:
    """End every process in the lab's namespaces and remove them; none is no error."""
    names = place.namespaces()
    if not names:
        return
    inside = {(NAMESPACES / name).stat().st_ino for name in names}
    end_processes(lambda: _processes_in(inside), f"in the namespaces of {place.name}")
    run(["ip", "-batch", "-"], "\n".join(f"netns delete {name}" for name in names))


def _processes_in(inodes: set[int]) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):  # it ended while we looked
                if (entry / "ns/net").stat().st_ino in inodes:
                    found.append(int(entry.name))
    return found


def end_processes(find: Callable[[], list[int]], where: str) -> None:
    """Kill what `find` finds until it finds nothing.

    Raises LabError when something is still there after five seconds.
    """
    until = time.monotonic() + PATIENCE
    while found := [pid for pid in find() if pid != os.getpid()]:
        if time.monotonic() > until:
            raise LabError(f"processes {where} do not end: {', '.join(map(str, found))}")
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
