"""Hosts and processes that go, hang or restart, on either side of a change."""

from __future__ import annotations

import time

import pytest

from tests.lab.conftest import LAB
from tests.lab.scene import CUTS_SSH, GUARD, STATE, WINDOW, Scene

pytestmark = LAB


def test_a_host_that_cannot_arm_changes_nothing(scene: Scene) -> None:
    was = scene.each(scene.running)
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
    was = scene.each(scene.running)
    machine = scene.routers["router-1"]
    scene.edit("router-1", 20)
    running = scene.start("apply", "--no-verify", spoil={"router-1": {GUARD: CUTS_SSH}})
    running.until("router-1: activating")
    program = "/usr/local/sbin/komando-host"
    try:
        machine.behind(f"until test -e {STATE}/pending; do sleep 0.02; done; chmod -x {program}")
        time.sleep(WINDOW + 2)
        assert "reverted" not in machine.behind(f"tail -1 {STATE}/record")
    finally:
        machine.behind(f"chmod +x {program}")
    machine.behind("systemctl start komando-hours.service")
    assert scene.truthful(running.end(), was)["router-1"] == "reverted"


def test_a_restart_in_the_window_takes_the_change_back(scene: Scene) -> None:
    was = scene.each(scene.running)
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
    was = scene.each(scene.running)
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
    was = scene.each(scene.running)
    machine = scene.routers["router-1"]
    scene.edit("router-1", 20)
    running = scene.start("apply", "--no-verify", spoil={"router-1": {GUARD: CUTS_SSH}})
    machine.behind(f"until test -e {STATE}/pending; do sleep 0.02; done")
    machine.freeze()
    time.sleep(WINDOW + 1)
    machine.thaw()
    assert scene.comes_to_rest("router-1") == was["router-1"]
    assert scene.truthful(running.end(), was)["router-1"] == "reverted"


@pytest.mark.parametrize("sent", [pytest.param("STOP", marks=pytest.mark.nightly), "KILL"])
def test_a_host_program_that_hangs_or_is_killed_is_made_up_for(scene: Scene, sent: str) -> None:
    """One that hangs in its work is ended by the alarm."""
    was = scene.each(scene.running)
    machine = scene.routers["router-1"]
    scene.edit("router-1", 20)
    running = scene.start("apply", "--no-verify")
    machine.behind(
        f"until test -e {STATE}/pending; do :; done; pkill -{sent} -f 'komando-hos[t] activate'"
    )
    states = scene.truthful(running.end(), was)
    assert states["router-1"] in ("reverted", "refused")
    assert scene.running("router-1") == was["router-1"]


def test_a_controller_that_is_older_than_the_program_is_refused(scene: Scene) -> None:
    was = scene.each(scene.running)
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
