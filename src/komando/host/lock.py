"""One verb at a time, and none of them cut off half-way."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from .errors import HostError
from .layout import Paths
from .signals import signal

LOCK_SECONDS = 60.0
"""How long a verb waits for another one to end; an activation takes about 1 s."""

EVICT_SECONDS = 0.5
"""How long an alarm waits for a run that holds the lock, before it kills it."""


@contextmanager
def locked(paths: Paths, evict: Callable[[], bool] | None = None) -> Iterator[None]:
    """Holds the program's lock; raises HostError when another run keeps it for too long.

    With `evict` the holder is killed, with all that it has started, after half a second, as long as
    that answers yes: the alarm of a change must not wait for a run that hangs in it.
    """
    paths.run.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(paths.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    # tc and its like inherit it: a killed run's child keeps the next run waiting until it has ended
    os.set_inheritable(descriptor, True)
    begun = time.monotonic()
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                waited = time.monotonic() - begun
                if waited > LOCK_SECONDS:
                    raise HostError("another run of komando-host does not end") from None
                if evict and waited > EVICT_SECONDS and evict():
                    _kill(descriptor)
                time.sleep(0.01)
        with suppress(PermissionError):  # it leads a session: then it leads a group as well
            os.setpgid(0, 0)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpgid(0)).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _kill(descriptor: int) -> None:
    """Kills the group of processes that holds the lock."""
    group = os.pread(descriptor, 20, 0).decode()
    if group.isdigit() and int(group) not in (0, 1, os.getpgid(0)):
        with suppress(ProcessLookupError):
            os.killpg(int(group), signal.SIGKILL)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Lets no lost terminal and no Ctrl-C end a run half way: it takes a second, children too."""
    signals = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(one, signal.SIG_IGN) for one in signals]
    try:
        yield
    finally:
        for one, handler in zip(signals, before, strict=True):
            signal.signal(one, handler)
