"""`komando lab up` and `komando lab fleet`, disturbed while they are at work."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from komando.lab.place import Place
from tests.lab.desk import KOMANDO, REPOSITORY

Moment = Callable[[str], bool]
"""Whether the lab of that name has come so far."""


def cables_lie(name: str) -> bool:
    return len(Place(name).namespaces()) > 3


def ansible_runs(name: str) -> bool:
    return (Place(name).folder / "ansible.log").exists()


def kill_raising(name: str, moment: Moment, *order: str, repository: Path = REPOSITORY) -> None:
    """Start to raise a lab by the words of an order, and kill that at a moment of it."""
    process = _started(name, moment, order, repository)
    process.kill()
    process.wait()


def interrupt_raising(name: str, moment: Moment, number: signal.Signals, *order: str) -> int:
    """Start it, and signal its process group at that moment, as a terminal does; its exit code."""
    process = _started(name, moment, order, REPOSITORY)
    os.killpg(process.pid, number)
    return process.wait(timeout=20)


def _started(
    name: str, moment: Moment, order: tuple[str, ...], repository: Path
) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [KOMANDO, "lab", *order, "--name", name],
        cwd=repository,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    until = time.monotonic() + 120
    while not moment(name):
        assert process.poll() is None, "it ended before it was disturbed"
        assert time.monotonic() < until
        time.sleep(0.01)
    return process
