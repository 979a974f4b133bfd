"""The routers' disks: memory that outlives their power, and not the fleet."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from komando.lab.commands import run
from komando.lab.groups import make_groups, processes_in
from komando.lab.place import LabError, Place

_HOLD = Path(__file__).parents[1] / "data" / "hold-disks.sh"
_PART = "disks"


def folder_of(place: Place, router: str) -> Path:
    """Where a router's disk is mounted, for those who are within."""
    return place.folder / "disks" / router


def make_disks(place: Place, routers: Iterable[str]) -> None:
    """Make an empty disk for each, kept by a process that outlives this one.

    All the lab's network namespaces have to stand: those who are within see none that comes later.
    """
    folders = [folder_of(place, router) for router in routers]
    for folder in folders:
        folder.mkdir(parents=True)
    groups = map(str, make_groups(place, _PART))
    run(["unshare", "--mount", "sh", str(_HOLD), *groups, "--", *map(str, folders)])


def holds_disks(place: Place) -> bool:
    """Whether the disks are still there."""
    return bool(processes_in(place, _PART))


def within(place: Place) -> tuple[str, ...]:
    """What stands before a command that finds the disks, in a mount namespace of its own."""
    return (*_entered(place), "unshare", "--mount")


def written(place: Place, router: str) -> Path:
    """What a router wrote over its tree, as this process can read it."""
    disk = folder_of(place, router).relative_to("/")
    return Path(f"/proc/{_holder(place)}/root") / disk / "upper"


def fill_disk(place: Place, router: str, spare: int = 0) -> None:
    """Leave a router's disk but so many KiB that can still be written."""
    folder = folder_of(place, router)
    used = f"$(df --output=used {folder} | tail -n 1)"
    _within(place, f"mount -o remount,size=$(({used} + {spare}))k {folder}")


def free_disk(place: Place, router: str) -> None:
    """Give it its room back: the kernel's default for memory, which is half of the machine's."""
    _within(place, f"mount -o remount,size=50% {folder_of(place, router)}")


def _within(place: Place, command: str) -> None:
    run([*_entered(place), "sh", "-c", command])


def _entered(place: Place) -> tuple[str, ...]:
    """In the holder's mount namespace, at its root: which need not be the machine's (chroot)."""
    holder = f"/proc/{_holder(place)}"
    return ("nsenter", f"--mount={holder}/ns/mnt", f"--root={holder}/root")


def _holder(place: Place) -> int:
    try:
        return processes_in(place, _PART)[0]
    except IndexError:
        raise LabError(
            f"the disks of {place.name!r} are gone, and all that its routers wrote with them:"
            f" `komando lab down --name {place.name}`, and build it anew"
        ) from None
