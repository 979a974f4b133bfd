"""What the roles change on a machine, kept as a layer that all routers upon one Debian share.

One machine is prepared by real Ansible over real ssh; what it wrote is kept on this machine under
the digest of all that decides it. A router's own name, address and keys are put in the place of
that machine's, wherever the roles wrote them.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from komando.inventory import Host, load_inventory
from komando.lab.commands import run
from komando.lab.container import CONTROLLER, lay_seed
from komando.lab.fleet.disks import written
from komando.lab.fleet.fleet import inventory_of
from komando.lab.fleet.papers import SPARE, spare_inventory
from komando.lab.place import CACHE, LabError, Place
from komando.lab.prepare import digest_of_roles

LAYER = "layer"
"""Where in its folder the layer lies; the rest is of the machine that it was made on."""

# What belongs to the life of one machine, and to nothing that the roles do.
_ITS_OWN = (
    *("etc/machine-id", "etc/hostname", "etc/ssh/ssh_host_*", "root/.ssh", "root/.ansible"),
    *("run/*", "tmp/*", "var/tmp/*", "var/log/*", "var/lib/systemd/*", "var/lib/private"),
    *("var/lib/dbus/machine-id", "var/cache/apt/*"),
)


def folder_of_layer(roles: Path, tree: Path) -> Path:
    """Where the layer is kept that these roles make upon this tree."""
    text = f"{tree.name}\n{digest_of_roles(None, roles)}\n{_ITS_OWN}\n{spare_inventory()}"
    return CACHE / f"prepared-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def keep_layer(place: Place, folder: Path) -> None:
    """Keep what the spare machine wrote, which has to be off. The layer is complete or absent."""
    new = folder.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    try:
        # cp knows what an overlay means by its devices and attributes
        run(["cp", "-a", str(written(place, SPARE)), str(new / LAYER)])
        for pattern in _ITS_OWN:
            for path in (new / LAYER).glob(pattern):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()
        shutil.copy(place.folder / f"{CONTROLLER}.pub", new / "identity.pub")
        shutil.copytree(inventory_of(place), new / "lab")
        new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def lay_own_seed(place: Place, host: Host, folder: Path) -> Path:
    """The seed of one router over a kept layer: its name, its keys, and every file with them."""
    seed = lay_seed(place, host)
    machine = load_inventory(folder / "lab").hosts[SPARE]
    own = {
        machine.name: host.name,
        machine.address: host.address,
        _key(folder / "identity.pub"): _key(place.folder / f"{CONTROLLER}.pub"),
    }
    layer = folder / LAYER
    for path in _naming(layer, [word.encode() for word in own]):
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            raise LabError(
                f"the roles wrote a machine's own name, address or key into {path}, which is no"
                " text: it cannot be made another machine's"
            ) from None
        for old, new in own.items():
            text = text.replace(old, new)
        _write_like(path, layer, seed, text)
    return seed


def _key(path: Path) -> str:
    return path.read_text().split()[1]


def _naming(layer: Path, words: list[bytes]) -> Iterator[Path]:
    for path in sorted(layer.rglob("*")):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            if any(word in content for word in words):
                yield path


def _write_like(path: Path, layer: Path, seed: Path, text: str) -> None:
    """Write a file of the seed, with the owners and modes of the layer's file and its folders."""
    target = seed / path.relative_to(layer)
    for folder in reversed(path.relative_to(layer).parents):
        (seed / folder).mkdir(exist_ok=True)
        _like(layer / folder, seed / folder)
    target.write_text(text)
    _like(path, target)


def _like(one: Path, other: Path) -> None:
    found = one.stat()
    shutil.chown(other, found.st_uid, found.st_gid)
    other.chmod(found.st_mode & 0o7777)
