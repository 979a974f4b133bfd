"""The machine's disk, built once and kept: Debian with its kernel, then what the roles made."""

from __future__ import annotations

import hashlib
import inspect
import os
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from komando.inventory import Host
from komando.lab.commands import run
from komando.lab.machine.seed import MASKED, lay_seed, seed_files
from komando.lab.place import CACHE, LabError, Place, Told, locked
from komando.lab.root import root_tree
from komando.lab.router import ADMINISTRATOR, make_keys

# The cloud flavour has what a router needs (htb, ifb, fq_codel, cake, nft), boots without an
# initramfs from NVMe, and is a fifth of the other's size.
PACKAGES = ("ifupdown", "linux-image-cloud-amd64", "udev")

MAKE_DISK = Path(__file__).parents[1] / "data" / "make-disk.sh"


@dataclass(frozen=True)
class Image:
    """One machine's disk as nobody has used it yet, and the keys that lie on it."""

    folder: Path
    kernel: Path

    @property
    def disk(self) -> Path:
        """The raw disk: Debian and what a technician left."""
        return self.folder / "disk.raw"

    @property
    def keys(self) -> Path:
        """The folder of the keys, all of which the disk belongs to."""
        return self.folder / "keys"

    def prepared(self, digest: str) -> Path:
        """The layer over the disk that the roles of that digest make; it may not be there yet."""
        return self.folder / f"prepared-{digest[:16]}.qcow2"

    def keep_prepared(self, layer: Path, digest: str) -> None:
        """Keep a copy of a layer whose machine is off. One that is there already stays."""
        new = self.folder / f"{uuid.uuid4().hex}.new"
        try:
            shutil.copyfile(layer, new)
            os.link(new, self.prepared(digest))
        except FileExistsError:
            pass  # another lab was faster, and its machine may run over that one
        finally:
            new.unlink(missing_ok=True)


def image_of(place: Place, host: Host, interfaces: Sequence[str], told: Told) -> Image:
    """The disk of one host, and its keys laid into the lab's folder.

    Builds what is not there: a minute for Debian, some seconds for the disk. An image is complete
    or absent: its folder gets its name when it is finished. Raises LabError when that fails.
    """
    tree = root_tree(told, PACKAGES)
    kernels = sorted(tree.glob("boot/vmlinuz-*"))
    if not kernels:
        raise LabError(f"{tree} has no kernel: remove that folder, and it is built anew")
    files = seed_files(host, interfaces)
    # keys of another kind would not be enough
    text = repr((tree.name, host.address, files, MASKED, inspect.getsource(make_keys)))
    name = f"machine-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    image = Image(CACHE / name, kernels[-1])
    with locked(CACHE / f"{name}.lock"):
        if not image.folder.is_dir():
            told("making the machine's disk, once", host.name)
            _build(image, tree, files, place, host)
    shutil.copytree(image.keys, place.folder, dirs_exist_ok=True)
    return image


def _build(image: Image, tree: Path, files: dict[str, str], place: Place, host: Host) -> None:
    work = place.folder / "image"
    (work / "empty").mkdir(parents=True)
    new = CACHE / f"{image.folder.name}.building"  # ours alone: we hold the lock
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    try:
        make_keys(place, host)
        lay_seed(
            work / "seed",
            files,
            key=place.folder / host.name,
            administrator=place.folder / f"{ADMINISTRATOR}.pub",
        )
        (new / "keys").mkdir()
        for key in place.folder.iterdir():
            if key.is_file():
                shutil.copy(key, new / "keys")
        parts = (tree, work / "seed", work / "empty", new / image.disk.name)
        run(["unshare", "--mount", "sh", str(MAKE_DISK), *map(str, parts)])
        new.rename(image.folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(work)
