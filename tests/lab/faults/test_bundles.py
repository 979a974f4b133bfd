"""A bundle that is wrong: what it cuts off comes back by itself, and what fails leads back."""

from __future__ import annotations

import pytest

from komando.lab.fleet.machine import Machine
from tests.lab.conftest import LAB
from tests.lab.hearing import knocking
from tests.lab.scene import (
    CUTS_SSH,
    GRACE,
    GUARD,
    LETS_OLD_ONES_LIVE,
    STATE,
    UPLOAD,
    WINDOW,
    Scene,
    cuts_off,
)

pytestmark = LAB

UNCONFIRMED = "nobody confirmed it in time"


@pytest.mark.parametrize("text", [CUTS_SSH, LETS_OLD_ONES_LIVE], ids=["ssh", "new-connections"])
def test_a_ruleset_that_cuts_ssh_goes_by_itself(scene: Scene, text: str) -> None:
    was = scene.each(scene.running)
    scene.edit_all(20)
    with knocking(scene.fleet, scene.routers["router-1"]) as knocks:
        done = scene.apply(spoil={"router-1": {GUARD: text}})
    states = scene.truthful(done, was)
    assert states == {"router-1": "reverted", "router-2": "untouched", "router-3": "untouched"}
    assert knocks.silence > 1, "it never was cut off"
    assert knocks.silence <= WINDOW + GRACE
    last = scene.record("router-1")[-1]
    assert (last["event"], last["reason"]) == ("reverted", UNCONFIRMED)


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
    assert observed["reverted"]["reason"] == UNCONFIRMED


def damage(machine: Machine, generation: str) -> None:
    """Neither a generation's files nor the copy that is kept of them are what they were."""
    folder = f"{STATE}/generations/{generation}"
    machine.behind(
        f"echo '# x' >> {folder}/etc/komando/network; truncate -s 100 {folder}/bundle.tar.gz"
    )


def test_a_corrupted_generation_is_never_brought_in_force(scene: Scene) -> None:
    scene.edit("router-1", 20)
    assert scene.apply().code == 0
    was = scene.each(scene.running)
    known = len(scene.entries())
    old = scene.observed("router-1")["previous"]
    damage(scene.routers["router-1"], old)
    done = scene.run("rollback", "router-1")
    states = scene.truthful(done, was, wanted={"router-1": old})
    assert states == {"router-1": "refused", "router-2": "", "router-3": ""}
    assert "damaged on disk" in done.all
    [(began, _)] = scene.turns(known)
    assert began["kind"] == "rollback"


def test_a_way_back_that_is_damaged_in_the_window_still_lets_people_in(scene: Scene) -> None:
    machine = scene.routers["router-1"]
    was = scene.each(scene.running)
    scene.edit("router-1", 20)
    running = scene.start("apply", "--no-verify", spoil={"router-1": {GUARD: CUTS_SSH}})
    machine.behind(f"until test -e {STATE}/pending; do sleep 0.02; done")
    damage(machine, str(was["router-1"]))
    done = running.end()
    seen = scene.each(scene.observed)
    assert "damaged on disk" in seen["router-1"]["kernel"]
    runs = {name: one["generation"] for name, one in seen.items()}
    assert runs == was
    assert done.state("router-1") == "reverted", done.all
    scene.recorded(done, runs)
    assert done.code == 1


def test_a_generation_that_was_edited_by_hand_is_repaired(scene: Scene) -> None:
    was = scene.each(scene.running)
    machine = scene.routers["router-1"]
    machine.behind(
        f"sed -i s/10mbit/99mbit/ {STATE}/current/{UPLOAD}; echo >> {STATE}/current/{UPLOAD}"
    )
    assert "damaged on disk" in scene.observed("router-1")["kernel"]
    done = scene.apply()
    states = scene.truthful(done, was)
    assert states == {"router-1": "carried", "router-2": "", "router-3": ""}
