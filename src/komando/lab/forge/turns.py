"""One job runs, one waits, and a newer one takes the place of the one that waits.

So GitHub does it for the jobs of one `concurrency` group without `cancel-in-progress`.
"""

from __future__ import annotations

import fcntl
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from komando.documents.files import write_whole

PAUSE = 0.1
"""Seconds between two looks whether it is our turn."""


@contextmanager
def turn(folder: Path, group: str, wait: Callable[[], None]) -> Iterator[bool]:
    """Whether it is this job's turn; False when a newer one has taken its place.

    `wait` is called once where another runs. The kernel ends the turn of a process that dies.
    """
    us = uuid.uuid4().hex
    waiting = _Waiting(folder / f"{group}.waiting")
    waiting.enter(us)
    with (folder / f"{group}.running").open("wb") as running:
        told = False
        while not (taken := _take(running.fileno())) and waiting.has(us):
            if not told:
                wait()
                told = True
            time.sleep(PAUSE)
        yield waiting.leave(us) if taken else False


def _take(running: int) -> bool:
    try:
        fcntl.flock(running, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class _Waiting:
    """The one place in which a job waits."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def enter(self, job: str) -> None:
        """Wait; who waited until now does no more."""
        with self._alone():
            write_whole(self._file, job.encode())

    def has(self, job: str) -> bool:
        """Whether a job still waits."""
        with self._alone():
            return self._has(job)

    def leave(self, job: str) -> bool:
        """Leave the place free; False where another had it already."""
        with self._alone():
            if not self._has(job):
                return False
            self._file.unlink()
            return True

    def _has(self, job: str) -> bool:
        return self._file.exists() and self._file.read_bytes() == job.encode()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._file.with_suffix(".lock").open("wb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield
