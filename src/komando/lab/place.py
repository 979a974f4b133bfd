"""What belongs to one lab on a machine: its names, its folders, and the lock on them.

Everything that a lab makes bears its name, so it can be found again without any record of it.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

STATE = Path("/run/komando-lab")
CACHE = Path("/var/cache/komando-lab")
NAMESPACES = Path("/run/netns")
DEFAULT = "kotim"

Told = Callable[[str, str], None]
"""Is told what is being done: the step, in a few words, and what of it ("" at its start)."""

# No dash: then no lab's prefix is the beginning of another's. Short: a container's name is a
# host name of 64 characters at most.
_NAME = re.compile(r"[a-z][a-z0-9]{0,11}")

PROGRAMS = {
    "ip": "iproute2",
    "tc": "iproute2",
    "ethtool": "ethtool",
    "nft": "nftables",
    "nsenter": "util-linux",
    "mountpoint": "util-linux",
    "setpriv": "util-linux",
    "unshare": "util-linux",
    "sysctl": "procps",
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
}
"""What a lab runs on the machine itself, and the Debian package that brings it."""


class LabError(Exception):
    """Why the lab cannot do what was asked, and what to do about it, in words for the terminal."""


@dataclass(frozen=True)
class Place:
    """Where one lab lives.

    Raises LabError for a name that is not 1 to 12 small letters and digits.
    """

    name: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise LabError(
                f"{self.name!r} cannot name a lab: take 1 to 12 small letters and digits, a letter"
                " first"
            )

    @property
    def prefix(self) -> str:
        """The beginning of the names of all its namespaces, which no other lab's names share."""
        return f"kl-{self.name}-"

    @property
    def folder(self) -> Path:
        """Keys, logs and the record of the city; for root alone."""
        return STATE / self.name

    @property
    def record(self) -> Path:
        """Stands only while the whole city does."""
        return self.folder / "city.json"

    @property
    def fleet_record(self) -> Path:
        """Stands only while a whole fleet does."""
        return self.folder / "fleet.json"

    @property
    def group(self) -> str:
        """The control group of its routers' processes."""
        return f"kl-{self.name}"

    def namespace(self, part: str) -> str:
        """The name of one of its network namespaces."""
        return self.prefix + part

    def namespaces(self) -> list[str]:
        """Those of its namespaces that stand now."""
        try:
            return sorted(p.name for p in NAMESPACES.iterdir() if p.name.startswith(self.prefix))
        except FileNotFoundError:
            return []

    def enter(self, part: str) -> tuple[str, ...]:
        """What stands before a command that runs in one of its network namespaces."""
        return ("nsenter", f"--net={NAMESPACES / self.namespace(part)}")


def require_machine(more: Mapping[str, str] = MappingProxyType({})) -> None:
    """Raise LabError unless this process may build a lab here and finds what it needs for that.

    `more` are programs beyond PROGRAMS, with the packages that bring them.
    """
    if os.geteuid() != 0:
        raise LabError("a lab makes network namespaces and a container: run it as root (sudo)")
    needed = {**PROGRAMS, **more}
    missing = sorted({package for name, package in needed.items() if not shutil.which(name)})
    if missing:
        raise LabError(
            f"missing on this machine: {', '.join(missing)}."
            f" Install them (`apt-get install {' '.join(missing)}`), or run scripts/setup"
        )


@contextmanager
def locked(path: Path, busy: str | None = None) -> Iterator[None]:
    """Hold a lock file, which is gone afterwards.

    If another process holds it: raises LabError(busy), or waits when there is nothing to say.
    The kernel lets go of it when its holder dies, however it dies.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    held = _take(path, busy)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(held)


def _take(path: Path, busy: str | None) -> int:
    while True:
        held = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
            # its last holder may have removed the file between our open and our lock
            if path.exists() and os.path.samestat(os.fstat(held), path.stat()):
                return held
        except BlockingIOError:
            os.close(held)
            raise LabError(busy) from None
        os.close(held)


def require_no_fleet(place: Place) -> None:
    """Raise LabError where a fleet stands, which is no city."""
    if place.fleet_record.exists():
        raise LabError(
            f"the lab {place.name!r} is a fleet of routers without a city: take another name, or"
            f" `komando lab down --name {place.name}` first"
        )


def require_no_city(place: Place) -> None:
    """Raise LabError where a city stands, which is no fleet."""
    if place.record.exists():
        raise LabError(
            f"the lab {place.name!r} is a city: take another name, or"
            f" `komando lab down --name {place.name}` first"
        )
