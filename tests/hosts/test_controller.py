"""What roles/controller promises of the machine that applies and watches."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from tests.hosts.machine import ROLES, Machine

KINDS = {"controller"}
HOME = "/home/controller"
PLACE = "/srv/komando"
LOCK = ROLES / "controller/files/requirements.lock"
PROMETHEUS = "prometheus.service"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_its_user_may_become_nobody_else(machine: Machine) -> None:
    user = machine.host.user("controller")
    assert (user.groups, user.home, user.shell) == (["controller"], HOME, "/bin/bash")


def test_its_keys_are_for_its_user_alone(machine: Machine) -> None:
    assert machine.host.check_output(f"stat -c '%U %a' {HOME}") == "controller 700"
    # not even this check, as a user without rights, can look inside
    assert machine.host.run(f"ls {HOME}/.ssh").rc != 0


def test_its_environment_is_of_the_reviewed_lock(machine: Machine) -> None:
    digest = _digest(LOCK)
    python = machine.host.check_output(f"readlink {PLACE}/environment")
    assert python.endswith(f"-{digest[:16]}")
    assert machine.host.file(f"{PLACE}/wheels/requirements.lock").sha256sum == digest


def test_what_it_runs_is_root_s_and_the_clone_its_user_s(machine: Machine) -> None:
    paths = {
        f"{PLACE}/environment/bin/python3": "root",
        f"{PLACE}/wheels": "root",
        f"{PLACE}/repository": "controller",
        f"{PLACE}/judged": "controller",
        "/usr/local/bin/komando": "root",
        "/usr/local/bin/komando-pull": "root",
    }
    shown = machine.host.check_output(f"stat -L -c '%n %U' {' '.join(paths)}")
    assert dict(line.split() for line in shown.splitlines()) == paths
    written = machine.host.run(f"find {PLACE}/environment/ {PLACE}/wheels -perm /022 ! -type l")
    assert (written.rc, written.stdout) == (0, "")


def test_komando_runs_the_clone_s_code(machine: Machine) -> None:
    done = machine.host.run("/usr/local/bin/komando wheelhouse --help")
    assert done.rc == 0, done.stderr
    assert "komando wheelhouse [OPTIONS] [ROLE]..." in done.stdout


def test_prometheus_listens_where_it_was_told_and_nowhere_else(machine: Machine) -> None:
    listens = machine.option("controller_prometheus_listens")
    address, _, port = listens.rpartition(":")
    if address in ("", "0.0.0.0", "[::]"):  # noqa: S104 - as ss shows all of them
        listens = f"*:{port}"
    shown = machine.host.check_output("ss --listening --tcp --numeric --no-header")
    found = {line.split()[3] for line in shown.splitlines()}
    assert {one for one in found if one.endswith(f":{port}")} == {listens}


def test_prometheus_asks_every_machine_of_the_inventory(machine: Machine) -> None:
    listens = machine.option("controller_prometheus_listens")
    asked = (
        "import urllib.request as web;"
        f"page = web.urlopen('http://{listens}/api/v1/targets?state=active', timeout=10);"
        "print(page.read().decode())"
    )
    answer = json.loads(machine.host.check_output(f'python3 -c "{asked}"'))
    labels = [one["labels"] for one in answer["data"]["activeTargets"]]
    hosts = machine.inventory.hosts
    assert {(one["instance"], one["machine"]) for one in labels} == {
        (name, host.kind) for name, host in hosts.items()
    }


def test_prometheus_has_the_rules_that_stand_here(machine: Machine) -> None:
    ours = {
        path.name: _digest(path) for path in ROLES.glob("controller/files/prometheus/*.rules.yml")
    }
    shown = machine.host.check_output(
        "cd /etc/prometheus/rules && find . -type f -exec sha256sum {} +"
    )
    pairs = (line.split() for line in shown.splitlines())
    assert {name.removeprefix("./"): digest for digest, name in pairs} == ours


def test_prometheus_runs_in_its_sandbox(machine: Machine) -> None:
    asked = "ActiveState,UnitFileState,User,ProtectSystem,RestrictSUIDSGID"
    shown = machine.host.check_output(f"systemctl show --property={asked} {PROMETHEUS}")
    assert dict(line.split("=", 1) for line in shown.splitlines()) == {
        "ActiveState": "active",
        "UnitFileState": "enabled",
        "User": "prometheus",
        "ProtectSystem": "strict",
        "RestrictSUIDSGID": "yes",
    }


def test_the_bell_is_for_the_runner_alone_and_hangs_where_there_is_one(machine: Machine) -> None:
    names = [f"/run/komando-ci/{verb}.sock" for verb in ("apply", "drift")]
    shown = machine.host.run(f"stat -c '%n %U %G %a' {' '.join(names)}").stdout.splitlines()
    there = machine.option("controller_runner")
    assert shown == ([f"{name} root runner 660" for name in names] if there else [])


def test_what_a_ring_runs_is_root_s(machine: Machine) -> None:
    if not machine.option("controller_runner"):
        return
    programs = [f"/usr/local/bin/komando-{name}" for name in ("ci", "ring")]
    shown = machine.host.check_output(f"stat -c '%U %a' {' '.join(programs)}")
    assert set(shown.splitlines()) == {"root 755"}
    asked = "systemctl show --property=User,NoNewPrivileges,ProtectSystem komando-ci-apply@0"
    assert set(machine.host.check_output(asked).splitlines()) == {
        "User=controller",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
    }
