"""The control group that holds a lab's containers, in whichever way this machine has them.

systemd in a container needs its own part of systemd's hierarchy. Two containers in one would end
each other's services, so that each router of a fleet has a group in the fleet's; and a group finds
every process of the container even when all who started it are dead.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from komando.lab.place import LabError, Place
from komando.lab.wiring import PATIENCE, end_processes


def hierarchies() -> list[Path]:
    """Where the hierarchies that systemd uses are mounted: cgroup v2, v1's own, or both (hybrid).

    Raises LabError when there is none.
    """
    found = parse_hierarchies(Path("/proc/self/mountinfo").read_text())
    if not found:
        raise LabError("no control groups are mounted (/sys/fs/cgroup), and systemd needs them")
    return found


def parse_hierarchies(mountinfo: str) -> list[Path]:
    """One mount of each such hierarchy: the first, and of all of it where one is.

    The next may be that of a chroot, which goes again; a container may see a part alone.
    """
    found: dict[str, Path] = {}
    parts: dict[str, Path] = {}
    for line in mountinfo.splitlines():
        # man 5 proc: id, parent, device, root, mount point; after the dash type, source, options
        before, _, after = line.partition(" - ")
        _, _, device, root, point, *_ = before.split(" ")
        kind, _, options = after.split(" ", 2)
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options.split(",")):
            (found if root == "/" else parts).setdefault(device, Path(point))
    return list((parts | found).values())


def groups_of(place: Place, part: str = "") -> list[Path]:
    """The lab's group, or that of a part of it, in each hierarchy, whether it stands or not."""
    return [top / place.group / part for top in hierarchies()]


def make_groups(place: Place, part: str = "") -> list[Path]:
    """Make them, empty."""
    groups = groups_of(place, part)
    for group in groups:
        group.mkdir(parents=True, exist_ok=True)
    return groups


def processes_in(place: Place, part: str = "") -> list[int]:
    """Every process of the lab's containers and those that watch over them."""
    found: set[int] = set()
    for group in groups_of(place, part):
        for folder, _, _ in os.walk(group):  # which is silent of a group that went meanwhile
            with suppress(OSError):
                listed = Path(folder, "cgroup.procs").read_text()
                found.update(int(pid) for pid in listed.split())
    return sorted(found - {0})


def remove_groups(place: Place, part: str = "") -> None:
    """End every process of the lab's groups, or of a part's, and remove them; none is no error."""
    end_processes(lambda: processes_in(place, part), f"of the containers of {place.name}")
    until = time.monotonic() + PATIENCE
    for group in groups_of(place, part):
        while group.exists():
            # children first; a group is free a moment after its last process
            for folder, _, _ in os.walk(group, topdown=False):
                with suppress(OSError):
                    Path(folder).rmdir()
            if group.exists() and time.monotonic() > until:
                raise LabError(f"the control group {group} cannot be removed")
