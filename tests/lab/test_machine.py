"""A router that is a virtual machine: what a container cannot show, seen on a kernel of its own."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from komando.lab.city import load_city
from komando.lab.life import raze_city
from komando.lab.machine.life import MachineOrder, raise_machine
from komando.lab.machine.machine import Machine
from komando.lab.place import NAMESPACES, LabError, Place
from komando.lab.rehearsal import ask_router
from tests.lab.conftest import REPOSITORY, komando, own_name, traces

pytestmark = pytest.mark.lab

YEAR = 365 * 24 * 3600


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """A machine with the policies of the repository in force; nothing is left of it afterwards."""
    place = Place(own_name("v"))
    order = MachineOrder(
        REPOSITORY / "policies", REPOSITORY / "inventories/lab", REPOSITORY / "roles", offices=1
    )
    try:
        machine = raise_machine(place, order, lambda _, __: None)
        assert observed(machine)["generation"] is None
        done = apply(machine)
        assert done.returncode == 0, done.stderr + done.stdout
        yield machine
    finally:
        raze_city(place)
    assert traces(place.name) == []


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own cache of generations is not touched."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def apply(machine: Machine) -> subprocess.CompletedProcess[str]:
    where = ("--inventory", str(machine.inventory), "--policies", str(machine.policies))
    # the checks of tests/hosts ask some fifty questions, at two seconds each
    return komando("apply", *where, "--lab", machine.place.name, "--no-verify", check=False)


def observed(machine: Machine) -> dict[str, Any]:
    return ask_router(load_city(machine.place.name), "observe")


def in_force(machine: Machine) -> str:
    """The generation that runs, once the kernel holds all of it; fails after two minutes."""
    until = time.monotonic() + 120
    while (said := observed(machine))["kernel"] != "ok" or said["generation"] is None:
        assert time.monotonic() < until, said
        time.sleep(0.5)
    generation: str = said["generation"]
    return generation


def reaches_the_internet(machine: Machine) -> bool:
    slug = min(machine.city.endpoints)
    enter = ("nsenter", f"--net={NAMESPACES / machine.city.netns(slug)}")
    ping = ("ping", "-c", "1", "-W", "5", machine.city.internet_v4)
    done = subprocess.run([*enter, *ping], capture_output=True, check=False)
    return done.returncode == 0


def test_an_apply_is_in_force_on_a_stock_kernel(machine: Machine) -> None:
    assert in_force(machine)
    assert "fq_codel" in machine.run("tc qdisc show dev ifb0")
    assert "segmentation-offload: on" not in machine.run("ethtool -k lan0 | grep -v fixed")
    assert reaches_the_internet(machine)
    assert "6.1" in machine.run("uname -r")
    assert machine.run("systemctl is-active systemd-timesyncd", check=False) != "active\n"


def test_a_power_cut_loses_the_kernel_and_keeps_the_generation(machine: Machine) -> None:
    before, boot = in_force(machine), machine.boot()
    machine.run("nft add table inet left && touch /run/left && echo kept >/root/kept && sync")
    machine.power_cut()
    assert not machine.is_on
    with pytest.raises(LabError, match="has no power"):
        machine.wait_for_ssh()
    machine.power_on()
    assert machine.boot() != boot
    assert in_force(machine) == before
    assert reaches_the_internet(machine)
    assert machine.run("cat /root/kept; ls /run/left; nft list tables", check=False).startswith(
        "kept\n"
    )
    assert "left" not in machine.run("ls /run; nft list tables")
    assert "Linux version" in machine.run("journalctl -b -1 -k --no-pager -n 1000"), (
        "what was said before the cut can be read after it"
    )


def test_a_reboot_brings_the_generation_and_the_true_time_back(machine: Machine) -> None:
    before = in_force(machine)
    machine.step_clock(YEAR)
    machine.reboot()
    assert in_force(machine) == before
    assert abs(clock_of(machine) - datetime.now(UTC).timestamp()) < 30


def test_a_reset_is_no_shutdown(machine: Machine) -> None:
    machine.run("systemd-run --unit=farewell --property=ExecStop='/bin/touch /root/farewell'"
                " --remain-after-exit /bin/true")  # fmt: skip
    machine.reset()
    assert machine.run("ls /root/farewell", check=False) == ""


@pytest.mark.parametrize("seconds", [YEAR, -YEAR])
def test_the_clock_steps_by_a_year_and_the_machine_still_answers(
    machine: Machine, seconds: int
) -> None:
    generation = in_force(machine)
    machine.step_clock(seconds)
    try:
        stepped = clock_of(machine) - datetime.now(UTC).timestamp()
        assert abs(stepped - seconds) < 30
        said = observed(machine)
        assert said["generation"] == generation, json.dumps(said)
    finally:
        machine.step_clock(-seconds)
    assert in_force(machine) == generation


def test_a_machine_with_power_is_not_switched_on_twice(machine: Machine) -> None:
    with pytest.raises(LabError, match="has power already"):
        machine.power_on()


def clock_of(machine: Machine) -> float:
    return float(machine.run("date +%s"))


def test_a_machine_that_does_not_come_to_stand_leaves_nothing(spare: str, tmp_path: Path) -> None:
    order = MachineOrder(tmp_path, REPOSITORY / "inventories/lab", REPOSITORY / "roles")
    with pytest.raises(LabError, match="komando check"):
        raise_machine(Place(spare), order, lambda _, __: None)
    assert traces(spare) == []
