"""A bundle that is wrong: what it cuts off comes back by itself, and what fails leads back."""

from __future__ import annotations

import json
import time

import pytest

from tests.lab.conftest import LAB
from tests.lab.hostile import (
    CUTS_SSH,
    GUARD,
    LETS_OLD_ONES_LIVE,
    STATE,
    UPLOAD,
    WINDOW,
    Scene,
    cuts_off,
)

pytestmark = LAB


@pytest.mark.parametrize("text", [CUTS_SSH, LETS_OLD_ONES_LIVE], ids=["ssh", "new-connections"])
def test_a_ruleset_that_cuts_ssh_goes_by_itself(scene: Scene, text: str) -> None:
    was = scene.each(scene.running)
    scene.edit_all(20)
    begun = time.monotonic()
    done = scene.apply(spoil={"router-1": {GUARD: text}})
    states = scene.truthful(done, was)
    assert states == {"router-1": "reverted", "router-2": "untouched", "router-3": "untouched"}
    assert time.monotonic() - begun < WINDOW + 15
    last = scene.record("router-1")[-1]
    assert (last["event"], last["reason"]) == ("reverted", "nobody confirmed it in time")


def test_a_ruleset_that_cuts_only_the_neighbour_is_taken_back(scene: Scene) -> None:
    was = scene.each(scene.running)
    neighbour = scene.fleet.routers["router-3"]
    asked = next(n for n, one in scene.fleet.routers.items() if one.neighbour == "router-3")
    scene.edit(asked, 20)
    done = scene.apply(spoil={asked: {GUARD: cuts_off(neighbour.address)}})
    assert scene.truthful(done, was)[asked] == "reverted"
    assert "router-3, its neighbour, says" in done.all


def test_a_host_of_the_second_wave_takes_its_wave_back(scene: Scene) -> None:
    was = scene.each(scene.running)
    scene.edit_all(20)
    done = scene.apply(spoil={"router-3": {GUARD: CUTS_SSH}})
    states = scene.truthful(done, was)
    assert states == {"router-1": "carried", "router-2": "reverted", "router-3": "reverted"}


def test_a_tc_that_refuses_half_way_leads_back(scene: Scene) -> None:
    was = scene.each(scene.running)
    scene.edit("router-1", 20)
    text = scene.wanted()["router-1"].text(UPLOAD)
    head, found, tail = text.rpartition("pfifo limit 100")
    assert found
    unknown = head + "cake besteffort" + tail
    done = scene.apply(spoil={"router-1": {UPLOAD: unknown}})
    assert scene.truthful(done, was)["router-1"] == "reverted"
    assert "tc refused" in done.all or "is unknown" in done.all


def test_failed_generations_and_their_reasons_are_kept(scene: Scene) -> None:
    scene.edit("router-1", 20)
    done = scene.apply(spoil={"router-1": {GUARD: CUTS_SSH}})
    assert done.code == 1
    observed = scene.observed("router-1")
    failed = observed["reverted"]["generation"]
    assert failed in observed["generations"]
    text = scene.routers["router-1"].behind(f"cat {STATE}/generations/{failed}/{GUARD}")
    assert text == CUTS_SSH
    assert json.dumps(observed["reverted"]["reason"])


def test_a_corrupted_generation_is_never_brought_in_force(scene: Scene) -> None:
    scene.edit("router-1", 20)
    assert scene.apply().code == 0
    was = scene.each(scene.running)
    machine = scene.routers["router-1"]
    old = scene.observed("router-1")["previous"]
    folder = f"{STATE}/generations/{old}"
    machine.behind(
        f"echo '# x' >> {folder}/etc/komando/network; truncate -s 100 {folder}/bundle.tar.gz"
    )
    done = scene.run("rollback", "router-1")
    assert done.code == 1
    assert "damaged on disk" in done.all
    assert scene.running("router-1") == was["router-1"]


def test_a_way_back_that_is_damaged_still_lets_people_in(scene: Scene) -> None:
    machine = scene.routers["router-1"]
    was = scene.running("router-1")
    scene.edit("router-1", 20)
    folder = f"{STATE}/generations/{was}"
    machine.behind(
        f"echo '# x' >> {folder}/etc/komando/network; truncate -s 100 {folder}/bundle.tar.gz"
    )
    done = scene.apply(spoil={"router-1": {GUARD: CUTS_SSH}})
    assert done.code == 1
    time.sleep(WINDOW + 2)
    observed = scene.observed("router-1")
    assert observed["generation"] == was
    assert "damaged on disk" in observed["kernel"]


def test_a_generation_that_was_edited_by_hand_is_repaired(scene: Scene) -> None:
    was = scene.each(scene.running)
    machine = scene.routers["router-1"]
    machine.behind(
        f"sed -i s/10mbit/99mbit/ {STATE}/current/{UPLOAD}; echo >> {STATE}/current/{UPLOAD}"
    )
    assert "damaged on disk" in scene.observed("router-1")["kernel"]
    done = scene.apply()
    assert done.code == 0, done.all
    assert scene.each(scene.running) == was
