"""One office alone, which downloads all that it gets: what that is, second by second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from komando.lab.city import City
from komando.lab.measure.counters import Taps, rate_between
from komando.lab.measure.crew import Crew
from komando.lab.measure.load import Load, Offer
from komando.lab.place import NAMESPACES

SECOND = 1.0

NEAR = 0.03
"""How far a rate may be from the one that is waited for: TCP has a sawtooth of its own."""


@contextmanager
def alone(city: City, slug: str) -> Iterator[Callable[[], int]]:
    """Let an office download, and nobody else; yields what measures a second of it.

    The measure is in bit/s of frames, as the policy states rates (the lab's divisor is undone).
    Raises LabError where the load does not flow.
    """
    end = city.endpoints[slug]
    where = {slug: (NAMESPACES / end.netns, end.interface)}
    with TemporaryDirectory() as folder, Crew() as crew, Taps(where) as taps:
        Load(city, crew, Path(folder)).ask({slug: Offer()})

        def measured() -> int:
            before = taps.read()[slug]
            time.sleep(SECOND)
            return rate_between(before, taps.read()[slug]) * city.divisor

        yield measured


def wait_for(measured: Callable[[], int], rate: int, patience: float) -> int:
    """Measure until a second is near a rate (bit/s); the last that was measured, near it or not."""
    until = time.monotonic() + patience
    while True:
        found = measured()
        if abs(found - rate) <= NEAR * rate or time.monotonic() > until:
            return found
