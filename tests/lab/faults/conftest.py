"""One fleet for all faults, and how each test has to leave it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from komando.lab.fleet.fleet import Fleet
from tests.lab.conftest import own_fleet
from tests.lab.scene import WINDOW, Scene, staged


@pytest.fixture(scope="package")
def fleet() -> Iterator[Fleet]:
    with own_fleet("h", "--routers", "3", "--window", str(WINDOW)) as made:
        yield made


@pytest.fixture
def scene(fleet: Fleet, tmp_path: Path) -> Iterator[Scene]:
    with staged(fleet, tmp_path) as staged_scene:
        yield staged_scene
