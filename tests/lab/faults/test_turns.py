"""Applies that meet, and the ledger that gives them their turns."""

from __future__ import annotations

from tests.lab.conftest import LAB
from tests.lab.hostile import GUARD, LETS_OLD_ONES_LIVE, Scene

pytestmark = LAB


def test_a_second_apply_waits_for_an_open_window(scene: Scene) -> None:
    was = scene.each(scene.running)
    scene.edit("router-1", 20)
    running = scene.start("apply", "--no-verify", spoil={"router-1": {GUARD: LETS_OLD_ONES_LIVE}})
    running.until("router-1: armed")
    refused = scene.routers["router-1"].behind(
        f"komando-host activate {was['router-1']} --within 3 --sequence 999999 --protocol 2 2>&1",
        check=False,
    )
    assert "armed: generation" in refused
    running.end()
    second = scene.apply()
    assert second.code == 0, second.all


def test_a_partial_apply_says_so_and_touches_no_other_host(scene: Scene) -> None:
    was = scene.each(scene.running)
    scene.edit_all(20)
    done = scene.apply("--limit", "router-2")
    assert done.code == 0
    assert "PARTIAL" in done.said
    states = scene.truthful(done, was)
    assert states == {"router-1": "", "router-2": "carried", "router-3": ""}


def test_two_applies_at_once_from_two_clones_take_turns(scene: Scene) -> None:
    was = scene.each(scene.running)
    scene.edit_all(20)
    runs = [scene.start("apply", "--no-verify", clone=name) for name in ("one", "two")]
    done = [run.end() for run in runs]
    codes = sorted(one.code for one in done)
    assert codes in ([0, 0], [0, 1]), [one.all for one in done]
    for one in done:
        if one.code:
            assert "no host was changed" in one.all or "plan again" in one.all
    wanted = {name: bundle.digest for name, bundle in scene.wanted().items()}
    assert scene.each(scene.running) == wanted != was
    turns = [entry for entry in scene.entries() if entry["entry"] == "started"]
    sequences = [entry["sequence"] for entry in turns]
    assert sequences == sorted(set(sequences))


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
