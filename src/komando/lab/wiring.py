"""Make the namespaces and cables of a topology, change its sites, and take all of it away."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from komando.lab.commands import run
from komando.lab.place import NAMESPACES, LabError, Place

if TYPE_CHECKING:
    from komando.lab.topology import Cable, Part, Site, Topology

PATIENCE = 5.0
"""Seconds that processes have to go after they were killed."""


def build_wiring(place: Place, topology: Topology) -> None:
    """Make every namespace and cable. Raises LabError when the kernel refuses one."""
    _make(place, topology.parts, topology.cables)
    for part in topology.parts:
        _furnish(place, part, topology.interfaces(part.name))
    add_sites(place, topology.sites.values())


def add_sites(place: Place, sites: Iterable[Site]) -> None:
    """Make the namespaces of these sites and connect them to the city that stands."""
    sites = list(sites)
    _make(place, [site.part for site in sites], [site.cable for site in sites])
    for site in sites:
        _furnish(place, site.part, [site.cable.one[1]])
    for switch in {site.switch for site in sites}:
        here = [site for site in sites if site.switch == switch]
        _connect(place, switch, [line for site in here for line in site.port])
        _without_offloads(place, switch, [site.cable.other[1] for site in here])
    _connect(place, "isp", [f"route add {route}" for site in sites for route in site.routes])


def remove_sites(place: Place, sites: Iterable[Site]) -> None:
    """Take these sites away; the rest of the city goes on."""
    sites = list(sites)
    _delete(place, [place.namespace(site.part.name) for site in sites])
    _connect(place, "isp", [f"route del {route}" for site in sites for route in site.routes])


def remove_wiring(place: Place) -> None:
    """End every process in the lab's namespaces and remove them; none is no error."""
    _delete(place, place.namespaces())


def _make(place: Place, parts: Sequence[Part], cables: Sequence[Cable]) -> None:
    lines = [f"netns add {place.namespace(part.name)}" for part in parts]
    for cable in cables:
        (one, interface), (other, peer) = cable.one, cable.other
        lines.append(
            f"link add {interface} netns {place.namespace(one)}"
            f" type veth peer name {peer} netns {place.namespace(other)}"
        )
    run(["ip", "-batch", "-"], "\n".join(lines))


def _furnish(place: Place, part: Part, interfaces: Sequence[str]) -> None:
    if part.settings:
        run([*place.enter(part.name), "sysctl", "-qw", *part.settings])
    _connect(place, part.name, ["link set lo up", *part.network])
    if part.shaping:
        run([*place.enter(part.name), "tc", "-batch", "-"], "\n".join(part.shaping))
    _without_offloads(place, part.name, interfaces)


def _connect(place: Place, part: str, lines: Sequence[str]) -> None:
    if lines:
        run([*place.enter(part), "ip", "-batch", "-"], "\n".join(lines))


def _without_offloads(place: Place, part: str, interfaces: Sequence[str]) -> None:
    # The shaper must see the frames that a real wire carries, not bundles of 64 kB.
    lines = "".join(f"ethtool -K {one} tso off gso off gro off\n" for one in interfaces)
    run([*place.enter(part), "sh", "-es"], lines)


def _delete(place: Place, names: Sequence[str]) -> None:
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
    """Kill what `find` finds, but for ourselves, until it finds nothing.

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
