"""Readers on a router see one whole generation, however fast the changes come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.torn import read, turning, two_generations
from tests.lab.conftest import LAB, own_fleet
from tests.lab.scene import Scene

pytestmark = LAB

READS = 50_000
MOST = 20
"""Times so many reads through the link until one is torn: one in ten thousand is, or so."""


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with own_fleet("t", "--routers", "1", "--window", "60") as fleet:
        yield Scene.of(fleet, tmp_path)


@pytest.mark.nightly
def test_a_reader_that_resolves_the_link_once_sees_nothing_torn(scene: Scene) -> None:
    machine = scene.routers["router-1"]
    digests, sequence = two_generations(scene, "router-1")
    with turning(machine, digests, sequence):
        once = read(machine, READS, "once", digests)
        assert once["turned"] > 1, "the generation stood still: nothing was shown"
        assert once["torn"] == 0
        # the same reads through the link for each file: what the test above could have seen
        assert any(read(machine, READS, "twice", digests)["torn"] for _ in range(MOST))
