"""A fleet is prepared, rolled out to, hurt and mended."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest

from komando.lab.fleet.fleet import Fleet
from komando.lab.fleet.machine import CONTROLLER_SIDE, Machine
from komando.lab.place import LabError
from komando.lab.prepare import preparation, prepare_machines
from tests.lab.conftest import komando
from tests.lab.desk import REPOSITORY
from tests.lab.hearing import hears, one, reaches

pytestmark = pytest.mark.lab


def verb(fleet: Fleet, name: str, *rest: str) -> subprocess.CompletedProcess[str]:
    where = ("--inventory", str(fleet.inventory), "--policies", str(fleet.policies))
    return komando(name, *where, "--lab", fleet.name, *rest, check=False)


def test_each_router_is_a_machine_of_its_own(fleet: Fleet) -> None:
    said: dict[str, list[str]] = {}
    for name in fleet.routers:
        router = Machine(fleet, name)
        assert router.run("hostname") == f"{name}\n"
        assert f"127.0.1.1 {name}\n" in router.run("cat /etc/hosts")
        for question in ("cat /etc/machine-id", "cat /etc/ssh/ssh_host_ed25519_key"):
            said.setdefault(question, []).append(router.run(question))
        assert router.run("systemctl is-system-running --wait") == "running\n"
        assert "spare-machine" not in router.run("grep -rs spare-machine /etc /root", check=False)
    assert all(len(set(answers)) == 3 for answers in said.values())


@pytest.mark.nightly
def test_the_roles_find_nothing_to_change_on_any_of_them(fleet: Fleet) -> None:
    told: list[str] = []
    order = preparation(fleet.place, fleet.inventory, fleet.routers.values(), REPOSITORY / "roles")
    assert prepare_machines(order, lambda _, task: told.append(task)) == 0
    assert "base : Lay the host program" in told


def test_apply_works_on_all_and_then_has_nothing_to_do(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    done = verb(fleet, "apply")
    assert done.returncode == 0, done.stderr + done.stdout
    assert all(f"{name} runs " in done.stdout for name in fleet.routers)
    again = verb(fleet, "apply")
    assert again.returncode == 0
    assert "Nothing changes: all 3 hosts run what the policies say" in again.stdout


def test_another_inventory_of_a_lab_is_refused(fleet: Fleet) -> None:
    done = komando("plan", "--inventory", "lab", "--lab", fleet.name, check=False)
    assert done.returncode == 1
    assert f"the fleet '{fleet.name}' has no 'controller-1'" in done.stderr


def test_each_neighbour_hears_the_others_ssh(fleet: Fleet) -> None:
    for name, host in fleet.routers.items():
        assert host.neighbour is not None
        assert hears(Machine(fleet, host.neighbour), Machine(fleet, name))


def test_status_and_shell_know_the_routers(fleet: Fleet) -> None:
    said = json.loads(komando("lab", "status", "--name", fleet.name, "--format", "json").stdout)
    assert [router["name"] for router in said["routers"]] == list(fleet.routers)
    assert all(router["power"] and router["observed"]["kernel"] for router in said["routers"])
    assert "router-1" in komando("lab", "status", "--name", fleet.name).stdout
    shell = ("lab", "shell", "--name", fleet.name)
    assert komando(*shell, "router-2", "hostname").stdout == "router-2\n"
    assert "router-3" in komando(*shell, "switch", "ip", "link").stdout
    refused = komando(*shell, "router-9", check=False)
    assert refused.returncode == 1
    assert "it has router-1, router-2, router-3, controller, switch" in refused.stderr


def test_what_is_on_the_disk_outlives_the_power(fleet: Fleet) -> None:
    router = one(fleet, 2)
    router.run("touch /var/kept /run/gone; nft add table inet left; ip link set lan0 up")
    router.power_off()
    assert not router.is_on
    assert not hears(one(fleet, 1), router)
    with pytest.raises(LabError, match="router-2 has no power"):
        router.behind("true")
    router.power_on()
    assert router.run("ls /var/kept /run/gone", check=False) == "/var/kept\n"
    assert "inet left" not in router.run("nft list tables")
    assert hears(one(fleet, 1), router)
    with pytest.raises(LabError, match="has power already"):
        router.power_on()


def test_a_reboot_is_asked_for_at_the_console(fleet: Fleet) -> None:
    router = one(fleet, 3)
    router.run("touch /var/kept /run/gone")
    router.cut()
    router.reboot(wait=False)
    router.mend()
    until = time.monotonic() + 30
    while router.run("test -e /run/gone || echo booted", check=False) != "booted\n":
        assert time.monotonic() < until
    router.reboot()
    assert router.run("ls /var/kept /run/gone", check=False) == "/var/kept\n"


def test_a_frozen_router_takes_connections_and_says_nothing(fleet: Fleet) -> None:
    router = one(fleet, 2)
    ticking = router.run(
        "sh -c 'while :; do echo >>/run/ticks; sleep 0.01; done' >&- 2>&- & echo $!"
    )
    try:
        router.freeze()
        before = router.behind("wc -l </run/ticks")
        assert not hears(one(fleet, 1), router)
        assert not reaches(fleet, router)
        assert reaches(fleet, one(fleet, 3))
        assert router.behind("wc -l </run/ticks") == before
    finally:
        router.thaw()
    assert hears(one(fleet, 1), router)
    router.run(f"kill {ticking}")
    assert router.run("wc -l </run/ticks") != before


def test_a_command_on_a_router_that_hangs_comes_to_an_end(fleet: Fleet) -> None:
    with pytest.raises(LabError, match="`sleep 9` did not end within 1 s"):
        one(fleet, 2).run("sleep 9", check=False, patience=1)


def test_a_frozen_router_can_lose_its_power(fleet: Fleet) -> None:
    router = one(fleet, 2)
    router.freeze()
    router.power_off()
    router.power_on()
    assert router.run("systemctl is-system-running --wait") == "running\n"


def test_a_cable_is_cut_and_mended(fleet: Fleet) -> None:
    cut, other, third = (one(fleet, number) for number in (1, 2, 3))
    try:
        cut.cut()
        assert not reaches(fleet, cut)
        assert not hears(other, cut)
        assert reaches(fleet, other)
        assert hears(third, other)
    finally:
        cut.mend()
    assert reaches(fleet, cut)
    assert hears(other, cut)


def test_only_the_way_to_a_neighbour_is_cut(fleet: Fleet) -> None:
    cut, other, third = (one(fleet, number) for number in (1, 2, 3))
    try:
        cut.cut(towards="router-2")
        cut.cut(towards="router-2")
        assert not hears(other, cut)
        assert not hears(cut, other)
        assert hears(third, cut)
        assert reaches(fleet, cut)
        third.mend()
        assert not hears(other, cut), "mending one left the cut of another"
    finally:
        cut.mend()
    assert hears(other, cut)


def test_only_the_way_to_the_controller_is_cut(fleet: Fleet) -> None:
    cut, other = one(fleet, 1), one(fleet, 2)
    try:
        cut.cut(towards=CONTROLLER_SIDE)
        assert not reaches(fleet, cut)
        assert reaches(fleet, other)
        assert hears(other, cut)
    finally:
        cut.mend()
    assert reaches(fleet, cut)


def test_a_router_that_is_not_there_is_named(fleet: Fleet) -> None:
    with pytest.raises(LabError, match="has no 'router-4'; it has router-1, router-2, router-3"):
        Machine(fleet, "router-4")
