"""The frame of the benchmarks: medians, what counts as met, and the offices that they time."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.__main__ import BENCHMARKS
from benchmarks.faults import FAULTS
from benchmarks.fleets import standing_fleet
from benchmarks.hostile import Tally
from benchmarks.offices import write_policy
from benchmarks.rows import Contest, Unmeasured, hold, load_targets, row_of


def series(*values: float) -> Callable[[], float]:
    left = list(values)
    return lambda: left.pop(0)


def run(ours: tuple[float, ...], theirs: tuple[float, ...], target: float) -> tuple[float, bool]:
    contest = Contest("s", "peer", series(*ours), series(*theirs))
    row = hold("a.b", contest, target, lambda _: None, rounds=3)
    return row.ratio, row.met


def test_the_first_round_warms_up_and_medians_count() -> None:
    assert run((99, 4, 2, 50), (99, 1, 1, 9), target=4) == (4.0, True)


def test_a_ratio_above_its_target_is_not_met() -> None:
    assert run((0, 5, 5, 5), (0, 2, 2, 2), target=2.4) == (2.5, False)


def test_the_sides_take_turns() -> None:
    order: list[str] = []

    def side(name: str) -> Callable[[], float]:
        def measure() -> float:
            order.append(name)
            return 1.0

        return measure

    hold("a.b", Contest("s", "peer", side("we"), side("they")), 1, lambda _: None, rounds=3)
    assert order == ["we", "they"] * 4


def test_a_row_without_a_target_is_told_and_met() -> None:
    row = row_of("a.b", "s", [3.0, 9.0, 4.0], "peer", [2.0], None)
    assert (row.value, row.ratio, row.target, row.met) == (4.0, 2.0, None, True)


FORM = {"id", "value", "unit", "peer", "peer_value", "ratio", "target", "met"}


@pytest.mark.parametrize("target", [2.0, None])
def test_a_row_has_the_same_keys_whatever_it_tells(target: float | None) -> None:
    assert set(row_of("a.b", "s", [3.0], "peer", [2.0], target).as_json()) == FORM


COMPARED = {
    "rollout.change.8.canary",
    "rollout.noop.8.ansible.persist",
    "rollout.change.8.ansible.persist",
}
"""Rows that are told without a target."""


def test_each_benchmark_has_a_target_and_each_target_a_benchmark() -> None:
    assert set(load_targets()) == set(BENCHMARKS) - COMPARED


def test_the_tally_shows_every_fault_and_the_sum(tmp_path: Path) -> None:
    tally = Tally()
    for fault in FAULTS:
        tally.rounds[fault] += 1
        tally.count(fault, ["carried", "reverted"])
    console = Console(width=200, file=(tmp_path / "table").open("w"))
    console.print(tally.table())
    console.file.close()
    text = (tmp_path / "table").read_text()
    assert all(fault in text for fault in FAULTS)
    assert text.splitlines()[-1].split()[:4] == ["all", "10", "10", "10"]


def test_a_fleet_needs_root_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Unmeasured, match="needs root"), standing_fleet("x", 1, 3, lambda _: None):
        pass


def test_generated_offices_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    trees = []
    for name in ("one", "two"):
        write_policy(tmp_path / name, 30)
        trees.append(
            {
                str(file.relative_to(tmp_path / name)): file.read_bytes()
                for file in (tmp_path / name).rglob("*.yaml")
            }
        )
    assert trees[0] == trees[1]
    assert len(trees[0]) == 31


@pytest.mark.parametrize("count", [0, 10_001])
def test_more_offices_than_the_networks_hold_are_refused(tmp_path: Path, count: int) -> None:
    with pytest.raises(ValueError, match="1 to 10000 fit"):
        write_policy(tmp_path, count)
