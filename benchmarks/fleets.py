"""A fleet for as long as it is measured: gone afterwards, whatever ends the run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.rows import Progress, Unmeasured
from komando.lab.fleet.fleet import Fleet, load_fleet
from komando.lab.life import raze_city
from komando.lab.place import LabError, Place

ROOT = Path(__file__).parent.parent
KOMANDO = Path(sys.executable).with_name("komando")


@contextmanager
def standing_fleet(what: str, routers: int, window: int, progress: Progress) -> Iterator[Fleet]:
    """A fleet of its own, whose windows have so many seconds. Raises Unmeasured without root."""
    if os.geteuid() != 0:
        raise Unmeasured("needs root: a fleet lives in containers and network namespaces")
    place = Place(f"b{what[0]}{os.getpid()}")
    progress(f"a fleet of {routers} routers goes up: {place.name}")
    command = [str(KOMANDO), "lab", "fleet", "--name", place.name]
    with _ended_like_ctrl_c():
        try:
            done = subprocess.run(
                [*command, "--routers", str(routers), "--window", str(window)],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise Unmeasured(f"no fleet stands: {done.stderr.strip()}")
            yield load_fleet(place.name)
        except LabError as error:
            raise Unmeasured(str(error)) from error
        finally:
            progress(f"the fleet {place.name} goes down")
            raze_city(place)


@contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """Whoever stops this run by SIGTERM finds as little left of it as after a Ctrl-C."""

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
