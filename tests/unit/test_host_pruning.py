"""Which generations stay on a host, and which go."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from komando.host import aside
from komando.host.change import Order
from komando.host.errors import HostError
from komando.host.generation import DAYS_KEPT, NEWEST_KEPT, NUMBER_KEPT, Generations
from komando.host.layout import Paths
from tests.unit.host_on_disk import NEW, OLD, OTHER, OnDisk, bundle, standing


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


def test_changes_that_fail_do_not_fill_the_disk(host: OnDisk) -> None:
    host.change(NEW, Order(1, 60))
    host.confirm(NEW.digest)
    for digest in (OLD.digest, NEW.digest):
        os.utime(host.generations.folder(digest), (0, 0))
    for number in range(NUMBER_KEPT + 5):
        failing = bundle(f"failing {number}")
        host.refused[failing.digest] = "tc: no such device"
        with pytest.raises(HostError, match="tc: no such device"):
            host.change(failing, Order(2 + number, 60))
    kept = host.generations.kept()
    assert len(kept) == NUMBER_KEPT + 3, "the newest, the last one, and what stays however old"
    assert kept[0] == failing.digest
    assert {OLD.digest, NEW.digest} <= set(kept), "what runs, and what a rollback leads to"
    assert host.generations.current() == NEW.digest


def test_an_old_generation_that_is_asked_for_is_not_pruned_first(host: OnDisk) -> None:
    asked = aged(host.generations, 99, days=DAYS_KEPT + 1)
    host.generations.folder(asked).rename(host.generations.folder(OTHER.digest))
    for path, content in OTHER.files.items():
        target = host.generations.folder(OTHER.digest) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    os.utime(host.generations.folder(OTHER.digest), (0, 0))
    for number in range(NUMBER_KEPT):
        aged(host.generations, number, days=1)
    host.activate(OTHER.digest, b"", Order(1, 60))
    assert host.generations.current() == OTHER.digest


def test_a_prune_that_fails_stops_neither_a_change_nor_its_confirmation(
    host: OnDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = host.generations.folder(f".{'0' * 64}.old")
    stuck.mkdir()
    gone = host.generations.folder(f".{'1' * 64}.old")
    remove = aside.remove

    def refused(path: Path) -> None:
        if path == stuck:
            raise PermissionError(1, "Operation not permitted", str(path))
        remove(path)

    monkeypatch.setattr(aside, "remove", refused)
    for number, change in enumerate((NEW, OTHER), 1):
        gone.mkdir()
        host.change(change, Order(number, 60))
        assert not gone.exists(), "one that stays keeps no other one"
        assert host.confirm(change.digest)["confirmed"] == change.digest
    assert stuck.exists()
    monkeypatch.setattr(host.generations, "prune", _read_only)
    host.change(NEW, Order(3, 60))
    assert host.confirm(NEW.digest)["confirmed"] == NEW.digest


def _read_only(kept: object) -> None:
    del kept
    raise OSError(30, "Read-only file system")
