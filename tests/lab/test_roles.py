"""What the roles make of a machine, looked at on a real one."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from komando.bundle import Bundle
from komando.generation import PROGRAM
from komando.host.standing import PROTOCOL
from komando.lab.city import City
from komando.lab.container import ssh_command
from komando.lab.place import LabError
from komando.lab.prepare import preparation, prepare_machines
from komando.lab.rehearsal import ask_router
from komando.prepare import Preparation
from tests.lab.conftest import komando, on_router
from tests.lab.desk import REPOSITORY

pytestmark = pytest.mark.lab


def _as_deploy(city: City, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ssh_command(city.access, city.router), *command],
        capture_output=True,
        text=True,
        check=False,
    )


def _order(city: City) -> Preparation:
    inventory, roles = REPOSITORY / "inventories/lab", REPOSITORY / "roles"
    return preparation(city.place, inventory, [city.router], roles)


def _prepare(order: Preparation) -> int:
    told: list[str] = []
    changed = prepare_machines(order, lambda _, detail: told.append(detail))
    assert "base : Lay the host program" in told
    return changed


@pytest.mark.nightly
def test_a_second_run_changes_nothing(city: City) -> None:
    assert _prepare(_order(city)) == 0


@pytest.mark.nightly
def test_a_run_mends_what_was_changed_by_hand(city: City) -> None:
    on_router(
        city,
        "echo 'x = 1' >>/usr/local/lib/komando/komando_host/layout.py;"
        "touch /usr/local/lib/komando/komando_host/left_over.py;"
        "rm /etc/komando; systemctl disable --now komando-hours.timer",
    )
    assert _prepare(_order(city)) == 3
    assert on_router(city, "readlink /etc/komando").strip() == (
        "/var/lib/komando/current/etc/komando"
    )
    theirs = on_router(city, "cd /usr/local/lib/komando/komando_host; sha256sum *.py")
    ours = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}"
        for path in sorted((REPOSITORY / "src/komando/host").glob("*.py"))
    ]
    assert theirs.splitlines() == ours
    assert on_router(city, "systemctl is-active komando-hours.timer").strip() == "active"


def test_the_deploy_user_may_run_some_verbs_of_one_program(city: City) -> None:
    """tests/platforms/test_ssh_rights.py tries all of them, and what else an attacker would."""
    assert ask_router(city, "observe")["generation"] is None
    for command in (
        "sudo -n id",
        "sudo -n /bin/sh",
        f"sudo -n {PROGRAM} clock off",
        f"sudo -n {PROGRAM} bypass on",
        "cat /etc/shadow",
    ):
        refused = _as_deploy(city, command)
        assert refused.returncode != 0, command
    assert _as_deploy(city, "test -w /usr/local/sbin/komando-host").returncode == 1
    assert _as_deploy(city, "test -w /etc/ssh/authorized_keys.d/deploy").returncode == 1


def test_sshd_takes_keys_only(city: City) -> None:
    settings = on_router(city, "sshd -T -C user=deploy,host=x,addr=10.255.0.1").splitlines()
    assert "passwordauthentication no" in settings
    assert "kbdinteractiveauthentication no" in settings
    assert "permitrootlogin without-password" in settings
    assert "authorizedkeysfile /etc/ssh/authorized_keys.d/%u" in settings
    assert "allowtcpforwarding no" in settings


@pytest.mark.nightly
def test_an_observing_key_asks_and_does_nothing_else(city: City, tmp_path: Path) -> None:
    key = tmp_path / "observer"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    order = _order(city)
    settings = {**order.settings, "base_observe_keys": [_public(key)]}
    assert _prepare(replace(order, settings=settings)) == 1
    observer = replace(city, router=replace(city.router, user="observe"))
    way = replace(observer.access, identity=key)

    def ask(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*ssh_command(way, city.router), command], capture_output=True, text=True, check=False
        )

    assert json.loads(ask(f"sudo -n {PROGRAM} observe").stdout)["generation"] is None
    for command in ("id", f"sudo -n {PROGRAM} hours", f"sudo -n {PROGRAM} observe; id"):
        assert "this key asks" in ask(command).stderr
    assert _prepare(_order(city)) == 1
    assert ask("observe").returncode == 255, "a key that is withdrawn opens nothing"


def _public(key: Path) -> str:
    return key.with_suffix(".pub").read_text().strip()


def test_another_host_key_is_refused(city: City) -> None:
    trusted = city.access.known_hosts
    text = trusted.read_text()
    other = (city.place.folder / "identity.pub").read_text().split()[1]
    try:
        trusted.write_text(f"{city.router.address} ssh-ed25519 {other}\n")
        with pytest.raises(LabError, match="Host key verification failed"):
            ask_router(city, "observe")
    finally:
        trusted.write_text(text)


SAFE = """\
nft -s list ruleset
sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding
readlink /var/lib/komando/current || echo nothing runs
"""


def test_a_first_apply_that_is_taken_back_leaves_a_safe_machine(city: City, tmp_path: Path) -> None:
    before = on_router(city, SAFE)
    assert before.endswith("\n0\n0\nnothing runs\n")
    assert re.findall(r"^table .*? \{", before, re.MULTILINE) == ["table inet komando_base {"]
    komando("render", "--inventory", "lab", "--out", str(tmp_path))
    bundle = Bundle.read("core-1", tmp_path / "core-1")
    told = subprocess.run(
        [
            *ssh_command(city.access, city.router),
            *("sudo", "-n", PROGRAM, "activate", bundle.digest, "--before", "none"),
            *("--within", "2", "--sequence", "1", "--protocol", str(PROTOCOL)),
        ],
        input=base64.b64encode(bundle.archive()).decode(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert on_router(city, "sysctl -n net.ipv4.ip_forward") == "1\n"
    until = time.monotonic() + 20
    while (after := on_router(city, SAFE)) != before:  # nobody confirms it
        assert time.monotonic() < until, after
        time.sleep(0.2)


def test_a_reboot_keeps_what_roles_and_generations_made(city: City) -> None:
    on_router(city, "touch /var/lib/komando/generations/kept /run/gone")
    on_router(
        city, "nft add table inet left; tc qdisc add dev lan0 root pfifo; ip link set lan0 up"
    )
    on_router(city, "systemctl reboot", check=False)
    until = time.monotonic() + 30
    while on_router(city, "test -e /run/gone || echo booted", check=False) != "booted\n":
        assert time.monotonic() < until
        time.sleep(0.1)
    on_router(city, "rm /var/lib/komando/generations/kept")
    tables = on_router(city, "nft list tables")
    assert tables == "table inet komando_base\n"
    assert "noqueue" in on_router(city, "tc qdisc show dev lan0")
    assert "state DOWN" in on_router(city, "ip link show lan0")
    until = time.monotonic() + 30
    while on_router(city, "systemctl is-system-running", check=False).strip() != "running":
        assert time.monotonic() < until, on_router(city, "systemctl --failed", check=False)
        time.sleep(0.1)
    assert on_router(city, "systemctl is-active komando-hours.timer").strip() == "active"
    assert on_router(city, "systemctl is-enabled nftables.service", check=False) == "masked\n"


def test_the_machine_lives_in_the_regions_zone(city: City) -> None:
    assert on_router(city, "date +%Z").strip() == "WIB"
