"""The ground that a city or a fleet is built on: one builder at a time, and cleared by name."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from komando.lab.groups import remove_groups
from komando.lab.place import STATE, Place, locked
from komando.lab.wiring import remove_wiring


def alone(place: Place) -> AbstractContextManager[None]:
    """Nobody else builds or removes this lab meanwhile; raises LabError when somebody does."""
    busy = f"another `komando lab` is building or removing {place.name!r}: wait for it"
    return locked(STATE / f"{place.name}.lock", busy)


@contextmanager
def undisturbed() -> Iterator[None]:
    """A second Ctrl-C waits until the removal, a second or less, is done."""
    held = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def cleared(place: Place) -> Iterator[None]:
    """Build on bare ground; when that fails or is interrupted, nothing is left of it."""
    clear(place)
    try:
        yield
    except BaseException:
        clear(place)
        raise


def clear(place: Place) -> None:
    """End and remove everything that bears the lab's name; nothing is no error."""
    with undisturbed():
        remove_groups(place)
        remove_wiring(place)
        if place.folder.exists():
            shutil.rmtree(place.folder)
