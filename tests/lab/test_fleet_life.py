"""A fleet comes up, stands beside others, and goes without a trace, whatever happens in between."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from komando.lab.fleet.disks import holds_disks
from komando.lab.fleet.fleet import Fleet, load_fleet
from komando.lab.fleet.machine import Machine
from komando.lab.groups import processes_in
from komando.lab.place import Place
from tests.lab.conftest import komando, own_fleet, traces
from tests.lab.desk import REPOSITORY
from tests.lab.disturbed import (
    Moment,
    ansible_runs,
    cables_lie,
    interrupt_raising,
    kill_raising,
)
from tests.lab.hearing import one, reaches

pytestmark = pytest.mark.lab


def test_a_second_up_changes_nothing(fleet: Fleet) -> None:
    before = (fleet.place.fleet_record.stat().st_mtime_ns, processes_in(fleet.place, "disks"))
    done = komando("lab", "fleet", "--name", fleet.name, "--routers", "3")
    assert done.stdout.split() == [
        *("komando", "apply", "--inventory", str(fleet.inventory)),
        *("--policies", str(fleet.policies), "--lab", fleet.name),
    ]
    after = (fleet.place.fleet_record.stat().st_mtime_ns, processes_in(fleet.place, "disks"))
    assert before == after


@pytest.fixture(scope="module")
def second() -> Iterator[Fleet]:
    with own_fleet("g", "--routers", "3", "--window", "7") as made:
        yield made


def test_two_fleets_stand_side_by_side(fleet: Fleet, second: Fleet) -> None:
    assert [host.confirm_within for host in second.routers.values()] == [7, 7, 7]
    one(second, 1).run("touch /var/the-other")
    one(fleet, 1).run("test ! -e /var/the-other")
    one(second, 1).power_off()
    assert reaches(fleet, one(fleet, 1))


def test_down_removes_what_is_frozen_cut_or_without_power(fleet: Fleet, second: Fleet) -> None:
    one(second, 3).freeze()
    one(second, 2).cut()
    if one(second, 1).is_on:
        one(second, 1).power_off()
    komando("lab", "down", "--name", second.name)
    assert traces(second.name) == []
    assert all(reaches(fleet, Machine(fleet, name)) for name in fleet.routers)


def test_a_city_and_a_fleet_do_not_take_each_others_place(fleet: Fleet, spare: str) -> None:
    done = komando("lab", "up", "--name", fleet.name, check=False)
    assert done.returncode == 1
    assert "is a fleet of routers without a city" in done.stderr
    place = Place(spare)
    place.folder.mkdir(mode=0o700)
    place.record.touch()
    done = komando("lab", "fleet", "--name", spare, check=False)
    assert done.returncode == 1
    assert f"the lab '{spare}' is a city" in done.stderr


def test_up_builds_anew_what_is_not_whole(spare: str) -> None:
    order = ("lab", "fleet", "--name", spare, "--routers", "2")
    komando(*order)
    one(load_fleet(spare), 2).run("touch /var/old")
    one(load_fleet(spare), 1).power_off()
    komando(*order)
    assert one(load_fleet(spare), 2).run("ls /var/old", check=False) == ""
    komando(*order[:-1], "1")
    assert list(load_fleet(spare).routers) == ["router-1"]


def disks_are_held(name: str) -> bool:
    return holds_disks(Place(name))


def routers_boot(name: str) -> bool:
    return bool(processes_in(Place(name), "router-2"))


THREE = ("fleet", "--routers", "3")
MOMENTS = pytest.mark.parametrize("moment", [cables_lie, disks_are_held, routers_boot])


@MOMENTS
def test_down_mends_after_a_killed_up(fleet: Fleet, spare: str, moment: Moment) -> None:
    del fleet  # the layer is there, else each moment would be one of its making
    kill_raising(spare, moment, *THREE)
    assert traces(spare) != []
    assert "is gone" in komando("lab", "down", "--name", spare).stderr
    assert traces(spare) == []


@MOMENTS
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_up_leaves_nothing(
    fleet: Fleet, spare: str, moment: Moment, number: signal.Signals
) -> None:
    del fleet
    assert interrupt_raising(spare, moment, number, *THREE) != 0
    assert traces(spare) == []


def test_down_mends_after_an_up_that_was_killed_while_it_prepared(
    spare: str, tmp_path: Path
) -> None:
    # roles that no layer is kept of
    shutil.copytree(REPOSITORY / "roles", tmp_path / "roles")
    (tmp_path / "roles/other").write_text(spare)
    shutil.copytree(REPOSITORY / "src/komando/host", tmp_path / "src/komando/host")
    shutil.copy(REPOSITORY / "ansible.cfg", tmp_path)
    kill_raising(spare, ansible_runs, *THREE, repository=tmp_path)
    assert traces(spare) != []
    komando("lab", "down", "--name", spare)
    assert traces(spare) == []
