"""Bare machines of every kind become members of the fleet, by one verb that tells the truth.

One of them does so each day: test_prepare_one.py.
"""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from tests.lab.conftest import Members, komando, on_machine, prepare
from tests.lab.desk import KOMANDO, REPOSITORY

pytestmark = [pytest.mark.lab, pytest.mark.nightly]


def test_every_kind_of_machine_is_there(members: Members) -> None:
    kinds = {host.kind for host in members.city.machines.values()}
    assert kinds == {"controller", "router", "hotspot", "signing", "jump"}


def test_all_of_them_become_members(members: Members) -> None:
    assert members.prepared["status"] == 0
    for name in members.city.machines:
        said = members.prepared[name]
        assert said["trouble"] is None
        assert "base : Lay what measures the machine" in said["changed"]


def test_again_nothing_is_changed(members: Members) -> None:
    again = prepare(members.city)
    log = (members.city.place.folder / "ansible.log").read_text()
    changed = {name: again[name]["changed"] for name in members.city.machines}
    assert not any(changed.values()), log
    assert again["status"] == 0


def test_then_the_router_serves_and_a_second_apply_changes_nothing(members: Members) -> None:
    where = ("--inventory", "lab", "--lab", members.city.name)
    assert "core-1 runs " in komando("apply", *where).stdout
    assert "Nothing changes" in komando("apply", *where).stdout


def test_a_check_tells_what_was_changed_by_hand_and_leaves_it(members: Members) -> None:
    path = "/usr/local/lib/komando/komando_host/layout.py"
    on_machine(members.city, "signing-1", f"echo '# by hand' >>{path}")
    said = prepare(members.city, "signing-1", "--check")
    assert (said["status"], said["signing-1"]["changed"]) == (2, ["base : Lay the host program"])
    assert "# by hand" in on_machine(members.city, "signing-1", f"cat {path}")
    assert prepare(members.city, "signing-1")["signing-1"]["changed"] == [
        "base : Lay the host program"
    ]
    assert "# by hand" not in on_machine(members.city, "signing-1", f"cat {path}")


def test_a_machine_that_is_away_is_told_and_the_others_are_prepared(members: Members) -> None:
    city = members.city
    cable = ("ip", "link", "set", "mgmt0")
    inside = (*city.place.enter("gateway-1"), *cable)
    subprocess.run([*inside, "down"], check=True)
    try:
        said = prepare(city, "gateway-1", "signing-1")
    finally:
        subprocess.run([*inside, "up"], check=True)
    assert said["status"] == 1
    assert (said["gateway-1"]["reached"], said["signing-1"]["trouble"]) == (False, None)
    assert "gateway-1" in said["gateway-1"]["trouble"] or said["gateway-1"]["trouble"]


def test_an_interrupt_ends_ansible_and_says_what_may_be_left(members: Members) -> None:
    where = ("--inventory", "lab", "--lab", members.city.name)
    with subprocess.Popen(
        [KOMANDO, "prepare", *where],
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        assert "base : " in process.stderr.readline()
        os.killpg(process.pid, signal.SIGINT)
        words = process.stderr.read()
        assert process.wait(20) == 1
    assert "a machine may be half prepared: run it again" in words
    assert subprocess.run(["pgrep", "-g", str(process.pid)], check=False).returncode == 1
