"""The control group that holds one lab's container, in whichever way this machine has them.

systemd in a container needs its own part of systemd's hierarchy. Two containers in one would end
each other's services, and a group finds every process of the container even when all who started
it are dead.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from komando.lab.place import LabError, Place
from komando.lab.wiring import PATIENCE, end_processes


def hierarchies() -> list[Path]:
    """Where the hierarchies that systemd uses are mounted: cgroup v2, v1's own, or both (hybrid).

    Raises LabError when there is none.
    """
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        # man 5 proc: mount point, then after the dash type, source, options
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options.split(",")):
            found.append(Path(before.split(" ")[4]))
    if not found:
        raise LabError("no control groups are mounted (/sys/fs/cgroup), and systemd needs them")
    return found


def groups_of(place: Place) -> list[Path]:
    """The lab's group in each hierarchy, whether it stands or not."""
    return [top / place.group for top in hierarchies()]


def make_groups(place: Place) -> list[Path]:
    """Make them, empty."""
    groups = groups_of(place)
    for group in groups:
        group.mkdir(exist_ok=True)
    return groups


def processes_in(place: Place) -> list[int]:
    """Every process of the lab's container and those that watch over it."""
    found: set[int] = set()
    for group in groups_of(place):
        for listed in group.glob("**/cgroup.procs"):
            with suppress(OSError):  # the group went while we looked
                found.update(int(pid) for pid in listed.read_text().split())
    return sorted(found - {0})


def remove_groups(place: Place) -> None:
    """End every process of the lab's groups and remove them; none is no error."""
    end_processes(lambda: processes_in(place), f"of the router of {place.name}")
    until = time.monotonic() + PATIENCE
    for group in groups_of(place):
        while group.exists():
            # children first; a group is free a moment after its last process
            for one in sorted((group, *group.glob("**/")), reverse=True):
                with suppress(OSError):
                    one.rmdir()
            if group.exists() and time.monotonic() > until:
                raise LabError(f"the control group {group} cannot be removed")
