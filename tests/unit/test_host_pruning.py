"""Which generations stay on a host, and which go."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from komando.host.change import Order
from komando.host.generation import DAYS_KEPT, NEWEST_KEPT, NUMBER_KEPT, Generations
from komando.host.layout import Paths
from tests.unit.host_on_disk import NEW, OLD, OnDisk, standing


@pytest.fixture
def host(tmp_path: Path) -> OnDisk:
    return standing(tmp_path)


def aged(store: Generations, number: int, days: float) -> str:
    """A generation that was staged so many days ago."""
    digest = f"{number:064x}"
    folder = store.folder(digest)
    (folder / "etc").mkdir(parents=True)
    moment = time.time() - days * 86_400
    os.utime(folder, (moment, moment))
    return digest


def test_old_generations_go_by_number_and_by_age(tmp_path: Path) -> None:
    store = Generations(Paths(tmp_path))
    made = [aged(store, number, days=number) for number in range(NUMBER_KEPT + 5)]
    ancient = aged(store, 900, days=DAYS_KEPT + 1)
    for digest in (made[3], ancient, "f" * 64):
        (store.paths.generations / f".{digest}.damaged").mkdir()
    assert sorted(store.prune(())) == sorted([*made[NUMBER_KEPT:], ancient])
    left = {path.name for path in store.paths.generations.iterdir()}
    assert left == {*made[:NUMBER_KEPT], f".{made[3]}.damaged"}
    assert store.prune(()) == []


def test_a_clock_that_is_a_year_ahead_leaves_ways_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Generations(Paths(tmp_path))
    made = [aged(store, number, days=number) for number in range(NEWEST_KEPT + 2)]
    ahead = time.time() + 366 * 86_400
    monkeypatch.setattr(time, "time", lambda: ahead)
    assert sorted(store.prune(())) == sorted(made[NEWEST_KEPT:])
    assert store.prune(()) == []
    assert store.kept() == made[:NEWEST_KEPT]


def test_what_is_in_force_and_what_was_before_it_stay_however_old(tmp_path: Path) -> None:
    store = Generations(Paths(tmp_path))
    current, previous, other = (aged(store, n, days=DAYS_KEPT + n) for n in (1, 2, 3))
    for number in range(NUMBER_KEPT):
        aged(store, 100 + number, days=0)
    store.flip(current)
    assert store.prune({previous, None}) == [other]


def test_a_confirmation_prunes_and_keeps_the_way_back(host: OnDisk) -> None:
    old = host.generations.folder(OLD.digest)
    for path in (old, host.generations.folder(aged(host.generations, 99, 0))):
        os.utime(path, (0, 0))
    others = {aged(host.generations, number, 1) for number in range(NEWEST_KEPT - 1)}
    host.change(NEW, Order(7, 60))
    host.confirm(NEW.digest)
    left = {path.name for path in host.paths.generations.iterdir()}
    assert left == {OLD.digest, NEW.digest, *others}
