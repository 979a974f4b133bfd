"""The machine's disk: Debian with its kernel, what the roles made of it, and what is its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from komando.inventory import Host
from komando.lab.commands import run
from komando.lab.fleet.layer import LAYER, lay_own_seed
from komando.lab.machine.seed import lay_hardware
from komando.lab.place import LabError, Place

# The cloud flavour has what a router needs (htb, ifb, fq_codel, cake, nft), boots without an
# initramfs from NVMe, and is a fifth of the other's size.
PACKAGES = ("ifupdown", "linux-image-cloud-amd64", "udev")

MAKE_DISK = Path(__file__).parents[1] / "data" / "make-disk.sh"


def kernel_of(tree: Path) -> Path:
    """The kernel of a Debian that has PACKAGES. Raises LabError when it has none."""
    kernels = sorted(tree.glob("boot/vmlinuz-*"))
    if not kernels:
        raise LabError(f"{tree} has no kernel: remove that folder, and it is built anew")
    return kernels[-1]


def make_disk(
    place: Place, host: Host, interfaces: Sequence[str], tree: Path, prepared: Path
) -> Path:
    """A raw disk of one host, half a gigabyte, beside which an overlay takes what it writes.

    `prepared` is the layer that the roles made upon `tree`; the host's keys lie in the lab's
    folder. Takes two or three seconds. Raises LabError when it cannot be made.
    """
    folder = place.folder / "machine"
    folder.mkdir()
    seed = lay_own_seed(place, host, prepared)
    lay_hardware(seed, host, interfaces)
    disk = folder / "disk.raw"
    lay_on_disk((seed, prepared / LAYER, tree), folder / "empty", disk)
    return disk


def lay_on_disk(trees: Sequence[Path], empty: Path, disk: Path) -> None:
    """Make a raw disk of trees, the upper first; `empty` becomes an empty folder for their mount.

    What an upper tree took away from a lower one (whiteouts, opaque folders) is not on it.
    """
    empty.mkdir()
    lower = ":".join(map(str, trees))
    run(["unshare", "--mount", "sh", str(MAKE_DISK), lower, str(empty), str(disk)])
