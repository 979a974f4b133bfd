"""One file as a file: its bytes, what is wrong with it as a whole, and another in its place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from komando.diagnostics import Diagnostic, Location, Related

LARGEST: Final = 1 << 20
"""Bytes of the largest file that is read: 1 MiB, some hundred times what one needs."""

MOST_TOLD: Final = 50
"""Faults of one file that are told one by one."""


def unreadable(path: str, error: OSError) -> Diagnostic:
    """The operating system refuses to open or read it."""
    return whole(
        "file-unreadable",
        path,
        "a file that cannot be read",
        found=refused(error),
        expected="a readable file",
        remedy="look at its owner and mode (`ls -l`), and at those of its folder",
    )


def refused(error: OSError) -> str:
    """What the operating system said."""
    return (error.strerror or str(error)).lower()


def too_many(path: str) -> Diagnostic:
    """A file has more faults than anybody reads: it is probably meant for something else."""
    return whole(
        "faults-many",
        path,
        "more faults than are told",
        found=f"more than {MOST_TOLD} faults",
        expected="keys and values that are known here",
        remedy="mend the first ones, and check again; or look what file this is",
    )


def read_bytes(path: str) -> bytes | Diagnostic:
    """The bytes of a plain file of at most `LARGEST` bytes; the size is looked at first."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            size = os.fstat(handle).st_size
            if size <= LARGEST:
                return os.read(handle, size + 1)
        finally:
            os.close(handle)
    except OSError as error:
        return unreadable(path, error)
    return whole(
        "file-size",
        path,
        "a file that is too large",
        found=f"{size} bytes",
        expected=f"at most {LARGEST} bytes",
        remedy="look at what it is: files here have a few thousand bytes",
    )


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in its place, whole or not at all, with the mode of the one before.

    Raises OSError; the one before is left then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_bytes(content)
        if path.exists():
            fresh.chmod(path.stat().st_mode)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def whole(
    check: str,
    path: str,
    message: str,
    *,
    found: str,
    expected: str,
    remedy: str,
    related: tuple[Related, ...] = (),
) -> Diagnostic:
    """An error about a file as such."""
    at = Location(path, 1, 1)
    return Diagnostic(check, "error", message, found, expected, remedy, at, related, whole=True)
