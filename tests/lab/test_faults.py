"""What may befall a rollout, each really done once: nobody is cut off, and what is said is true.

Once a fault is lifted, a router is reached within its window and two seconds, runs exactly one
whole generation, the exit code and the words of the apply tell the truth, and the next one
succeeds: the fixture sees to the last for every test.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from komando.lab.fleet.fleet import Fleet, load_fleet
from komando.lab.life import raze_city
from komando.lab.place import Place
from tests.lab.conftest import komando, own_name
from tests.lab.hostile import (
    CUTS_SSH,
    GUARD,
    LETS_OLD_ONES_LIVE,
    STATE,
    UPLOAD,
    Done,
    Scene,
    cuts_off,
    small_disk,
)

pytestmark = [
    pytest.mark.lab,
    # routers outlive the process objects that started them
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

WINDOW = 3


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    place = Place(own_name("f"))
    try:
        komando("lab", "fleet", "--name", place.name, "--routers", "3", "--window", str(WINDOW))
        yield load_fleet(place.name)
    finally:
        raze_city(place)


@pytest.fixture
def scene(fleet: Fleet, tmp_path: Path) -> Iterator[Scene]:
    """All routers run something that was applied; afterwards, too, they can be brought to that."""
    scene = Scene(fleet, tmp_path)
    shutil.copytree(fleet.policies, scene.policies)
    shutil.copytree(fleet.inventory, scene.inventory)
    scene.edit_all(11)
    if not scene.entries():
        done = calmly(scene)
        assert done.code == 0, done.all
    yield scene
    for machine in scene.routers.values():
        if not machine.is_on:
            machine.power_on()
        machine.thaw()
        machine.mend()
    scene.edit_all(11)
    again = calmly(scene)
    assert again.code == 0, again.all
    wanted = {name: bundle.digest for name, bundle in scene.wanted().items()}
    assert {name: scene.running(name) for name in fleet.routers} == wanted
    for router in fleet.routers:
        scene.record(router)
    if fleet.name not in BY_HAND:
        fits = scene.run("ledger", "verify")
        assert fits.code == 0, fits.all


def calmly(scene: Scene) -> Done:
    """Apply with a window that a busy machine does not overrun: no fault is under test."""
    hosts = scene.inventory / "hosts.yaml"
    text = hosts.read_text()
    hosts.write_text(text.replace(f"confirm_within: {WINDOW}\n", "confirm_within: 60\n"))
    try:
        return scene.apply()
    finally:
        hosts.write_text(text)


BY_HAND: set[str] = set()
"""Fleets on which a test changed something past the ledger, which finds that and says so."""


def before(scene: Scene) -> dict[str, str | None]:
    return {name: scene.running(name) for name in scene.fleet.routers}


# --- rulesets ------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [CUTS_SSH, LETS_OLD_ONES_LIVE], ids=["ssh", "new-connections"])
def test_a_ruleset_that_cuts_ssh_goes_by_itself(scene: Scene, text: str) -> None:
    was = before(scene)
    scene.edit_all(20)
    begun = time.monotonic()
    done = scene.apply(spoil={"router-1": {GUARD: text}})
    states = scene.truthful(done, was)
    assert states == {"router-1": "reverted", "router-2": "untouched", "router-3": "untouched"}
    assert time.monotonic() - begun < WINDOW + 15
    last = scene.record("router-1")[-1]
    assert (last["event"], last["reason"]) == ("reverted", "nobody confirmed it in time")


def test_a_ruleset_that_cuts_only_the_neighbour_is_taken_back(scene: Scene) -> None:
    was = before(scene)
    neighbour = scene.fleet.routers["router-3"]
    asked = next(n for n, one in scene.fleet.routers.items() if one.neighbour == "router-3")
    scene.edit(asked, 20)
    done = scene.apply(spoil={asked: {GUARD: cuts_off(neighbour.address)}})
    assert scene.truthful(done, was)[asked] == "reverted"
    assert "router-3, its neighbour, says" in done.all


def test_a_host_of_the_second_wave_takes_its_wave_back(scene: Scene) -> None:
    was = before(scene)
    scene.edit_all(20)
    done = scene.apply(spoil={"router-3": {GUARD: CUTS_SSH}})
    states = scene.truthful(done, was)
    assert states == {"router-1": "carried", "router-2": "reverted", "router-3": "reverted"}


# --- what fails half-way -------------------------------------------------------------------------


def test_a_tc_that_refuses_half_way_leads_back(scene: Scene) -> None:
    was = before(scene)
    scene.edit("router-1", 20)
    text = scene.wanted()["router-1"].text(UPLOAD)
    head, found, tail = text.rpartition("pfifo limit 100")
    assert found
    unknown = head + "cake besteffort" + tail
    done = scene.apply(spoil={"router-1": {UPLOAD: unknown}})
    assert scene.truthful(done, was)["router-1"] == "reverted"
    assert "tc refused" in done.all or "is unknown" in done.all


def test_a_host_that_cannot_arm_changes_nothing(scene: Scene) -> None:
    was = before(scene)
    machine = scene.routers["router-1"]
    scene.edit("router-1", 20)
    machine.behind("mv /usr/bin/systemd-run /usr/bin/systemd-run.away")
    try:
        done = scene.apply()
    finally:
        machine.behind("mv /usr/bin/systemd-run.away /usr/bin/systemd-run")
    assert scene.truthful(done, was)["router-1"] == "refused"
    assert "could not be armed" in done.all


def test_an_alarm_whose_unit_fails_to_start_is_made_up_for(scene: Scene) -> None:
    """The service of the alarm fails; the minute's look at the hours reverts in its place."""
    was = before(scene)
    machine = scene.routers["router-1"]
    scene.edit("router-1", 20)
    running = scene.start("apply", "--no-verify", spoil={"router-1": {GUARD: CUTS_SSH}})
    running.until("router-1: activating")
    machine.behind(
        f"until test -e {STATE}/pending; do sleep 0.02; done; chmod -x /usr/local/sbin/komando-host"
    )
    time.sleep(WINDOW + 2)
    assert "reverted" not in machine.behind(f"tail -1 {STATE}/record")
    machine.behind("chmod +x /usr/local/sbin/komando-host; systemctl start komando-hours.service")
    assert scene.truthful(running.end(), was)["router-1"] == "reverted"


def test_a_full_disk_at_stage_changes_nothing(scene: Scene) -> None:
    was = before(scene)
    scene.edit("router-1", 20)
    with small_disk(scene.routers["router-1"], 4096) as fill:
        fill()
        done = scene.apply()
        assert "No space left" in done.all
        assert scene.truthful(done, was)["router-1"] == "refused"


def test_a_full_disk_at_the_flip_changes_nothing(scene: Scene) -> None:
    was = before(scene)
    scene.edit("router-1", 20)
    with small_disk(scene.routers["router-1"], 4096) as fill:
        first = scene.apply(spoil={"router-1": {GUARD: CUTS_SSH}})
        assert scene.truthful(first, was)["router-1"] == "reverted"
        fill()  # its generation lies there already: nothing has to be staged
        done = scene.apply(spoil={"router-1": {GUARD: CUTS_SSH}})
        assert "No space left" in done.all
        assert scene.truthful(done, was)["router-1"] == "refused"


def test_a_disk_that_fills_up_in_the_window_does_not_bar_the_way_back(scene: Scene) -> None:
    was = before(scene)
    machine = scene.routers["router-1"]
    scene.edit("router-1", 20)
    with small_disk(machine, 4096) as fill:
        running = scene.start("apply", "--no-verify", spoil={"router-1": {GUARD: CUTS_SSH}})
        machine.behind(f"until test -e {STATE}/pending; do sleep 0.02; done")
        fill()
        time.sleep(WINDOW + 2)
        machine.run("true")  # reached: the kernel is as it was
        machine.behind(f"rm {STATE}/ballast")
        machine.behind("systemctl start komando-hours.service", check=False)
        assert scene.truthful(running.end(), was)["router-1"] == "reverted"


def test_a_read_only_file_system_changes_nothing(scene: Scene) -> None:
    was = before(scene)
    machine = scene.routers["router-1"]
    scene.edit("router-1", 20)
    with small_disk(machine, 4096):
        machine.behind(f"mount -o remount,ro {STATE}")
        done = scene.apply()
        assert "Read-only file system" in done.all
        states = scene.truthful(done, was)
        machine.behind(f"mount -o remount,rw {STATE}")
        assert states["router-1"] == "refused"


def test_a_file_system_that_turns_read_only_in_the_window_does_not_cut_anybody_off(
    scene: Scene,
) -> None:
    was = before(scene)
    machine = scene.routers["router-1"]
    scene.edit("router-1", 20)
    with small_disk(machine, 4096):
        running = scene.start("apply", "--no-verify", spoil={"router-1": {GUARD: CUTS_SSH}})
        running.until("router-1: activating")
        machine.behind(
            f"until test -e {STATE}/pending && ! nft list table inet komando_guard | "
            f"grep -q management; do sleep 0.02; done; mount -o remount,ro {STATE}"
        )
        time.sleep(WINDOW + 2)
        machine.run("true")  # reached, although nothing could be written
        machine.behind(f"mount -o remount,rw {STATE}")
        machine.behind("systemctl start komando-hours.service", check=False)
        assert scene.truthful(running.end(), was)["router-1"] == "reverted"


# --- hosts that go, hang or restart --------------------------------------------------------------


def test_a_restart_in_the_window_takes_the_change_back(scene: Scene) -> None:
    was = before(scene)
    machine = scene.routers["router-1"]
    scene.edit("router-1", 20)
    running = scene.start("apply", "--no-verify", spoil={"router-1": {GUARD: CUTS_SSH}})
    running.until("router-1: activating")
    machine.behind(f"until grep -q router-1 {STATE}/pending || test -e {STATE}/pending; do :; done")
    machine.power_off()
    machine.power_on()
    assert scene.truthful(running.end(), was)["router-1"] == "reverted"
    assert "restarted before it was confirmed" in scene.record("router-1")[-1]["reason"]


def test_a_host_that_is_down_is_listed_and_the_others_go_on(scene: Scene) -> None:
    was = before(scene)
    machine = scene.routers["router-3"]
    machine.power_off()
    scene.edit_all(20)
    done = scene.apply()
    machine.power_on()
    states = scene.truthful(done, was)
    assert states == {"router-1": "carried", "router-2": "carried", "router-3": "unreached"}
    assert done.code == 3
    assert scene.comes_to_rest("router-3") == was["router-3"]


def test_a_host_that_hangs_in_the_window_goes_back_once_it_wakes(scene: Scene) -> None:
    was = before(scene)
    machine = scene.routers["router-1"]
    scene.edit("router-1", 20)
    running = scene.start("apply", "--no-verify", spoil={"router-1": {GUARD: CUTS_SSH}})
    machine.behind(f"until test -e {STATE}/pending; do sleep 0.02; done")
    machine.freeze()
    time.sleep(WINDOW + 1)
    machine.thaw()
    assert scene.comes_to_rest("router-1") == was["router-1"]
    assert scene.truthful(running.end(), was)["router-1"] == "reverted"


def test_a_host_program_that_hangs_in_its_work_is_ended_by_the_alarm(scene: Scene) -> None:
    was = before(scene)
    machine = scene.routers["router-1"]
    scene.edit("router-1", 20)
    running = scene.start("apply", "--no-verify")
    machine.behind(
        f"until test -e {STATE}/pending; do :; done; pkill -STOP -f 'komando-hos[t] activate'"
    )
    states = scene.truthful(running.end(), was)
    assert states["router-1"] in ("reverted", "refused")
    assert scene.running("router-1") == was["router-1"]


def test_a_host_program_that_is_killed_is_made_up_for(scene: Scene) -> None:
    was = before(scene)
    machine = scene.routers["router-1"]
    scene.edit("router-1", 20)
    running = scene.start("apply", "--no-verify")
    machine.behind(
        f"until test -e {STATE}/pending; do :; done; pkill -KILL -f 'komando-hos[t] activate'"
    )
    states = scene.truthful(running.end(), was)
    assert states["router-1"] in ("reverted", "refused")


# --- controllers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["activating", "armed", "reached", "confirmed"])
def test_a_controller_that_is_killed_leaves_every_host_whole(scene: Scene, stage: str) -> None:
    was = before(scene)
    scene.edit_all(20)
    running = scene.start("apply", "--no-verify")
    running.until(f"router-1: {stage}")
    running.kill()
    wanted = {name: bundle.digest for name, bundle in scene.wanted().items()}
    for router in scene.fleet.routers:
        runs = scene.comes_to_rest(router)
        assert runs in (was[router], wanted[router])
    if stage == "confirmed":
        assert scene.running("router-1") == wanted["router-1"]
    again = scene.apply()
    assert again.code == 0, again.all


def test_a_second_apply_waits_for_an_open_window(scene: Scene) -> None:
    was = before(scene)
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


def test_a_controller_that_is_older_than_the_program_is_refused(scene: Scene) -> None:
    was = before(scene)
    machine = scene.routers["router-1"]
    scene.edit("router-1", 20)
    program = "/usr/local/lib/komando/komando_host/standing.py"
    machine.behind(f"sed -i.kept 's/^PROTOCOL = 2/PROTOCOL = 3/' {program}")
    try:
        done = scene.apply()
        asked = machine.behind(
            f"SSH_CONNECTION='1 2 3 4' komando-host activate {was['router-1']} 2>&1", check=False
        )
    finally:
        machine.behind(f"mv {program}.kept {program}")
    assert "this controller is older" in done.all
    assert "the controller is older" in asked
    assert scene.truthful(done, was)["router-1"] == "unreached"


# --- damage --------------------------------------------------------------------------------------


def test_a_corrupted_generation_is_never_brought_in_force(scene: Scene) -> None:
    scene.edit("router-1", 20)
    assert scene.apply().code == 0
    was = before(scene)
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
    was = before(scene)
    machine = scene.routers["router-1"]
    machine.behind(
        f"sed -i s/10mbit/99mbit/ {STATE}/current/{UPLOAD}; echo >> {STATE}/current/{UPLOAD}"
    )
    assert "damaged on disk" in scene.observed("router-1")["kernel"]
    done = scene.apply()
    assert done.code == 0, done.all
    assert before(scene) == was


def test_a_partial_apply_says_so_and_touches_no_other_host(scene: Scene) -> None:
    was = before(scene)
    scene.edit_all(20)
    done = scene.apply("--limit", "router-2")
    assert done.code == 0
    assert "PARTIAL" in done.said
    states = scene.truthful(done, was)
    assert states == {"router-1": "", "router-2": "carried", "router-3": ""}


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


# --- the ledger ----------------------------------------------------------------------------------


def test_two_applies_at_once_from_two_clones_take_turns(scene: Scene) -> None:
    was = before(scene)
    scene.edit_all(20)
    runs = [scene.start("apply", "--no-verify", clone=name) for name in ("one", "two")]
    done = [run.end() for run in runs]
    codes = sorted(one.code for one in done)
    assert codes in ([0, 0], [0, 1]), [one.all for one in done]
    for one in done:
        if one.code:
            assert "no host was changed" in one.all or "plan again" in one.all
    wanted = {name: bundle.digest for name, bundle in scene.wanted().items()}
    assert before(scene) == wanted != was
    turns = [entry for entry in scene.entries() if entry["entry"] == "started"]
    sequences = [entry["sequence"] for entry in turns]
    assert sequences == sorted(set(sequences))


def test_without_the_forge_an_apply_stops_and_a_rollback_is_recorded_later(scene: Scene) -> None:
    scene.edit("router-1", 20)
    assert scene.apply().code == 0
    was = before(scene)
    known = len(scene.entries())
    away = scene.forge.rename(scene.forge.with_suffix(".away"))
    try:
        scene.edit("router-1", 21)
        stopped = scene.apply()
        assert stopped.code == 1
        assert "no host was changed" in stopped.all
        assert "--emergency" in stopped.all
        assert before(scene) == was
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


# --- by hand, past the ledger --------------------------------------------------------------------


def test_confirm_and_alarm_at_the_same_moment_leave_one_answer(scene: Scene) -> None:
    """Twenty windows of one second, confirmed as they close: what is answered is what holds."""
    BY_HAND.add(scene.fleet.name)
    machine = scene.routers["router-1"]
    scene.edit("router-1", 20)
    assert scene.apply().code == 0
    old, new = scene.observed("router-1")["previous"], scene.running("router-1")
    assert old is not None
    assert new is not None
    outcomes = set()
    for number in range(20):
        target, other = (old, new) if scene.running("router-1") == new else (new, old)
        said = machine.behind(
            f"komando-host activate {target} --within 1 --sequence {10_000 + number} --protocol 2"
            " </dev/null >/dev/null && "
            "left=$(komando-host observe | sed 's/.*\"left\": //;s/}.*//')"
            f" && sleep $(echo $left {0.05 * (number - 2)} | awk '{{s=$1-$2; print (s>0)?s:0}}')"
            f" && komando-host confirm {target} >/dev/null 2>&1; echo $?"
        )
        confirmed = said.strip().endswith("0")
        runs = scene.comes_to_rest("router-1", within=1)
        assert runs == (target if confirmed else other), (number, said)
        outcomes.add(confirmed)
    assert outcomes == {True, False}, "the moments were not close enough to each other"
