"""Routers in namespaces whose clock stands in or out of office hours."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from komando.bundle import Bundle
from tests.host_network import Router, router_in_city

DAY, NIGHT = "2026-11-24T08:00:00+07:00", "2026-11-24T20:00:00+07:00"


@contextmanager
def router_by_day(root: Path, name: str = "ht") -> Iterator[Router]:
    """A router on a rehearsed working day, with nothing in force."""
    with router_in_city(root, name) as one:
        assert one.komando("clock", DAY).code == 0
        yield one


@contextmanager
def router_in_force(root: Path, bundle: Bundle) -> Iterator[Router]:
    """A router on a rehearsed working day that runs a bundle, and has come to rest."""
    with router_by_day(root) as one:
        assert one.activate(bundle).code == 0
        one.settle()
        yield one


@contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """What lies in a folder, on a small file system that is full."""
    kept = folder.with_name("kept")
    shutil.copytree(folder, kept, symlinks=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], check=True)
    try:
        shutil.copytree(kept, folder, symlinks=True, dirs_exist_ok=True)
        with (folder / "fill").open("wb", buffering=0) as full, suppress(OSError):
            while full.write(bytes(4096)):
                pass
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
        shutil.rmtree(kept)
