"""Files that outlive a power cut: written whole or not at all, and on to the disk."""

from __future__ import annotations

import os
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Writes a file whole or not at all, and on to the disk."""
    side = path.with_name(f".{path.name}.new")
    try:
        with side.open("w") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        side.replace(path)
    except OSError:
        side.unlink(missing_ok=True)
        raise
    sync(path.parent)


def sync(folder: Path) -> None:
    """Brings the names in a folder on to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
