"""Entries that wait in this clone for the forge, and who may work on them."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from komando.ledger.chain import Link, Pen, append, entries_of, read
from komando.ledger.entries import Entry
from komando.ledger.errors import BusyError, GitError
from komando.ledger.git import Git

_PATIENCE = 120.0
"""Seconds to wait for another process of the same clone: a push, refetched and tried again."""


class Spool:
    """A chain of its own under refs/komando/spool/<environment>, in the same repository."""

    def __init__(self, git: Git, environment: str) -> None:
        self.git = git
        self.reference = f"refs/komando/spool/{environment}"
        self._lock = git.common / f"komando-ledger-{environment}.lock"

    def links(self) -> list[Link]:
        """What waits, oldest first."""
        tip = self.git.commit_at(self.reference)
        return [] if tip is None else read(self.git, tip)

    def entries(self) -> list[Entry]:
        """What waits, oldest first. Raises BrokenChainError."""
        return entries_of(self.links())

    def add(self, entries: Sequence[Entry], pen: Pen) -> None:
        """Let entries wait, behind what waits already."""
        made = append(self.git, self.links(), entries, pen)
        self.git.set_reference(self.reference, made[-1].commit)

    def clear(self) -> None:
        """All of it has landed."""
        self.git.drop_reference(self.reference)

    @contextmanager
    def alone(self, patience: float = _PATIENCE) -> Iterator[None]:
        """No other process of this clone reads or writes the ledger inside the block.

        The lock is the kernel's and goes with its process. Raises BusyError after `patience`
        seconds.
        """
        try:
            file = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise GitError(f"{self._lock} cannot be opened: {error.strerror}") from error
        try:
            end = time.monotonic() + patience
            while not _locked(file):
                if time.monotonic() > end:
                    raise BusyError(
                        f"another process of this clone holds {self._lock} for more than "
                        f"{patience:.0f} s: `fuser {self._lock}` names it"
                    )
                time.sleep(0.05)
            # git's own lock on it, of a process that was killed: whoever else would be at it is out
            with suppress(FileNotFoundError):
                (self.git.common / f"{self.reference}.lock").unlink()
            yield
        finally:
            os.close(file)


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
