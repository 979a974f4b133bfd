"""Applies that meet, and the ledger that gives them their turns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.lab.conftest import LAB
from tests.lab.scene import GUARD, LETS_OLD_ONES_LIVE, STATE, Scene

pytestmark = LAB


@pytest.fixture
def other(scene: Scene, tmp_path: Path) -> Scene:
    """Somebody else's clone of the policies, which asks for other rates."""
    made = Scene.of(scene.fleet, tmp_path / "other")
    made.edit_all(30)
    return made


def test_a_second_apply_from_another_clone_is_told_who_is_at_it(scene: Scene, other: Scene) -> None:
    """The first one is stopped while its change is armed: nobody confirms, and it holds its turn.

    Who wants no armed router is refused at once; who wants one, when its window has closed.
    """
    was = scene.each(scene.running)
    known = len(scene.entries())
    scene.edit_all(20)
    first = scene.start("apply", "--no-verify")
    first.until("router-1: armed")
    with first.suspended():
        waits = json.loads(scene.routers["router-1"].behind(f"cat {STATE}/pending"))
        around = other.start("apply", "--no-verify", "--limit", "router-2", clone="around")
        into = other.start("apply", "--no-verify", clone="into")
        refused = [around.end(), into.end()]
        assert scene.running("router-1") == was["router-1"]
    assert waits["generation"] == scene.digests()["router-1"]
    done = first.end()
    states = scene.truthful(done, was)
    assert states == {"router-1": "reverted", "router-2": "untouched", "router-3": "untouched"}
    [(began, _)] = scene.turns(known)
    held = f"(process {first.process.pid}): apply with sequence {began['sequence']}, since "
    for one in refused:
        assert one.code == 1
        assert "no host was changed: lab is held by " in one.all
        assert held in one.all
    again = other.run("apply", "--no-verify", "--at-once")
    assert set(other.truthful(again, was).values()) == {"carried"}


def test_a_host_refuses_a_change_while_another_one_is_armed(scene: Scene) -> None:
    """Whoever comes past the ledger: the host itself says no, and keeps the window as it is."""
    was = scene.each(scene.running)
    scene.edit("router-1", 20)
    running = scene.start("apply", "--no-verify", spoil={"router-1": {GUARD: LETS_OLD_ONES_LIVE}})
    running.until("router-1: armed")
    refused = scene.routers["router-1"].behind(
        f"komando-host activate {was['router-1']} --within 3 --sequence 999999 --protocol 2 2>&1;"
        " echo $?",
        check=False,
    )
    assert refused.endswith("\n1\n")
    assert "armed: generation" in refused
    assert scene.truthful(running.end(), was)["router-1"] == "reverted"
    armed, reverted = scene.record("router-1")[-2:]
    assert (armed["event"], reverted["event"]) == ("armed", "reverted")
    assert armed["sequence"] == reverted["sequence"] < 999999


def test_a_partial_apply_says_so_and_touches_no_other_host(scene: Scene) -> None:
    was = scene.each(scene.running)
    scene.edit_all(20)
    done = scene.apply("--limit", "router-2")
    assert done.code == 0
    assert "PARTIAL" in done.said
    states = scene.truthful(done, was)
    assert states == {"router-1": "", "router-2": "carried", "router-3": ""}


def test_two_applies_at_once_from_two_clones_take_turns(scene: Scene, other: Scene) -> None:
    """Both want something else: each router runs what the last turn says that it brought."""
    was = scene.each(scene.running)
    known = len(scene.entries())
    scene.edit_all(20)
    one = scene.start("apply", "--no-verify", clone="one")
    two = other.start("apply", "--no-verify", clone="two")
    wanted = {one.process.pid: scene.digests(), two.process.pid: other.digests()}
    done = {run.process.pid: run.end() for run in (one, two)}
    now = dict(was)
    turns = scene.turns(known)
    for began, ended in turns:
        pid = began["holder"]["process"]
        states = {name: result["result"] for name, result in ended["hosts"].items()}
        assert states == {name: done[pid].state(name) for name in was}
        now |= {name: wanted[pid][name] for name, state in states.items() if state == "carried"}
        if ended["result"] == "done":
            assert set(states.values()) == {"carried"}
            assert done[pid].code == 0
        else:  # it looked at hosts before the other one changed them
            assert "plan again" in done[pid].all
            assert done[pid].code == 1
    assert scene.each(scene.comes_to_rest) == now != was
    began_by = [began["holder"]["process"] for began, _ in turns]
    for pid in done.keys() - set(began_by):
        assert done[pid].code == 1
        assert "no host was changed: lab is held by " in done[pid].all
        assert f"(process {began_by[0]}): apply with sequence " in done[pid].all


def test_without_the_forge_an_apply_stops_and_a_rollback_is_recorded_later(scene: Scene) -> None:
    scene.edit("router-1", 20)
    assert scene.apply().code == 0
    was = scene.each(scene.running)
    known = len(scene.entries())
    away = scene.forge.rename(scene.forge.with_suffix(".away"))
    try:
        scene.edit("router-1", 21)
        stopped = scene.apply()
        assert stopped.code == 1
        assert "no host was changed" in stopped.all
        assert "--emergency" in stopped.all
        assert scene.each(scene.running) == was
        back = scene.run("rollback", "router-1")
        assert back.code == 0, back.all
        assert scene.running("router-1") != was["router-1"]
        urgent = scene.apply("--emergency", "--limit", "router-1")
        assert urgent.code == 0, urgent.all
    finally:
        away.rename(scene.forge)
    pushed = scene.run("ledger", "push")
    assert pushed.code == 0, pushed.all
    landed = scene.entries()[known:]
    assert [entry.get("kind") or entry.get("result") for entry in landed] == [
        "rollback",
        "done",
        "emergency",
        "partial",
    ]
    assert all(entry["spooled"] for entry in landed)
