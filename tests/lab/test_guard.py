"""The packet guard of every machine: who reaches it, what it forwards, that it locks nobody out."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

import pytest

from komando.inventory import load_inventory
from komando.lab.prepare import preparation
from komando.prepare import prepare as run_roles
from tests.lab.conftest import Members, on_machine, prepare
from tests.lab.desk import REPOSITORY

pytestmark = [pytest.mark.lab, pytest.mark.nightly]

KNOCK = """\
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=1).close()
    print("open")
except TimeoutError:
    print("silent")
except OSError as error:
    print(error.strerror)
"""


LOOKED = "base : Look whether the kernel has this guard, as it was loaded"


def knock(members: Members, where: str, address: str, port: int) -> str:
    """What a connection from a part of the city to an address meets."""
    space = members.city.place.enter(where)
    command = [*space, sys.executable, "-c", KNOCK, address, str(port)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _roles(members: Members, name: str, **settings: Any) -> str:
    """Run the roles on one machine with other settings; returns what went wrong."""
    inventory = REPOSITORY / "inventories/lab"
    host = load_inventory(inventory).hosts[name]
    order = preparation(members.city.place, inventory, [host], REPOSITORY / "roles")
    (said,) = run_roles(replace(order, settings={**order.settings, **settings}), lambda _: None)
    return said.trouble


def test_management_reaches_ssh_and_the_metrics_and_nothing_else(members: Members) -> None:
    for host in members.city.machines.values():
        # a service that listens is no service that is reached
        on_machine(members.city, host.name, "systemd-run -q --unit=aside sleep 60", check=False)
        assert knock(members, "ctl", host.address, 22) == "open"
        assert knock(members, "ctl", host.address, 9100) == "open"
        assert knock(members, "ctl", host.address, 111) == "silent"


def test_a_machine_that_is_asked_from_elsewhere_is_silent_and_pings(members: Members) -> None:
    city = members.city
    host = city.machines["signing-1"]
    space = city.place.enter("ctl")
    address = ["ip", "address"]
    subprocess.run([*space, *address, "add", "198.51.100.1/24", "dev", "eth0"], check=True)
    on_machine(city, host.name, "ip address add 198.51.100.5/24 dev mgmt0")
    try:
        assert knock(members, "ctl", "198.51.100.5", 22) == "silent"
        assert knock(members, "ctl", "198.51.100.5", 9100) == "silent"
        ping = ["ping", "-c", "1", "-W", "2", "198.51.100.5"]
        subprocess.run([*space, *ping], capture_output=True, check=True)
        assert _traced(members, "198.51.100.5")
    finally:
        subprocess.run([*space, *address, "del", "198.51.100.1/24", "dev", "eth0"], check=True)
        on_machine(city, host.name, "ip address del 198.51.100.5/24 dev mgmt0")


def _traced(members: Members, address: str) -> bool:
    """Whether the last packet of a traceroute is answered: that its port is unreachable."""
    probe = (
        "import socket, sys\n"
        "udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "udp.settimeout(2)\n"
        "udp.connect((sys.argv[1], 33434))\n"
        "udp.send(b'x')\n"
        "try:\n    udp.recv(1)\n"
        "except ConnectionRefusedError:\n    print('refused')\n"
    )
    command = [*members.city.place.enter("ctl"), sys.executable, "-c", probe, address]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout == "refused\n"


def test_neighbours_of_ipv6_find_it_and_no_more(members: Members) -> None:
    """Without neighbour discovery, which is ICMPv6, nobody would come as far as the guard."""
    city = members.city
    address = ("ip", "address")
    ours, theirs = "2001:db8:a::1/64", "2001:db8:a::5/64"
    space = city.place.enter("ctl")
    subprocess.run([*space, *address, "add", ours, "dev", "eth0", "nodad"], check=True)
    on_machine(city, "signing-1", f"ip address add {theirs} dev mgmt0 nodad")
    try:
        ping = ["ping", "-c", "1", "-W", "3", theirs.removesuffix("/64")]
        subprocess.run([*space, *ping], capture_output=True, check=True)
        assert knock(members, "ctl", theirs.removesuffix("/64"), 22) == "silent"
    finally:
        subprocess.run([*space, *address, "del", ours, "dev", "eth0"], check=True)
        on_machine(city, "signing-1", f"ip address del {theirs} dev mgmt0")


def test_before_the_first_generation_nothing_is_forwarded(members: Members) -> None:
    for name, host in members.city.machines.items():
        forwards = on_machine(members.city, name, "sysctl -n net.ipv4.ip_forward").strip()
        drops = "hook forward" in on_machine(members.city, name, "nft list table inet komando_base")
        applied = on_machine(members.city, name, "readlink /var/lib/komando/current || true")
        assert forwards == "0" or applied, name
        assert drops == (host.kind not in {"router", "hotspot"}), name


def test_a_run_that_would_cut_itself_off_stops_before_it_changes_anything(members: Members) -> None:
    before = on_machine(
        members.city, "signing-1", "nft list ruleset; cat /etc/komando-base/guard.nft"
    )
    trouble = _roles(members, "signing-1", base_management=["198.51.100.0/24"])
    assert "This run comes from 10.255.0.6" in trouble, "over its jump host"
    assert "198.51.100.0/24" in trouble
    after = on_machine(
        members.city, "signing-1", "nft list ruleset; cat /etc/komando-base/guard.nft"
    )
    assert _uncounted(after) == _uncounted(before)


def _uncounted(ruleset: str) -> list[str]:
    return [line.partition(" packets ")[0] for line in ruleset.splitlines()]


def test_a_guard_that_nobody_comes_through_goes_back_by_itself(members: Members) -> None:
    """It opens another port than the one at which sshd listens."""
    city, name = members.city, "signing-1"
    before = on_machine(city, name, "nft -s list table inet komando_base")
    trouble = _roles(members, name, base_ssh_port=2222, base_guard_within=4)
    assert trouble
    until = time.monotonic() + 30
    while knock(members, "ctl", city.machines[name].address, 22) != "open":
        assert time.monotonic() < until
        time.sleep(0.5)
    assert on_machine(city, name, "nft -s list table inet komando_base") == before
    assert on_machine(city, name, "systemctl is-active komando-guard.service").strip() == "active"
    assert _roles(members, name) == ""
    assert on_machine(city, name, "nft -s list table inet komando_base") == before


def test_stopped_or_restarted_the_guard_stays(members: Members) -> None:
    city, name = members.city, "signing-1"
    before = on_machine(city, name, "nft -s list table inet komando_base")
    for verb in ("stop", "start", "restart", "reload"):
        on_machine(city, name, f"systemctl {verb} komando-guard.service")
        assert on_machine(city, name, "nft -s list table inet komando_base") == before, verb


def test_drift_tells_of_a_guard_that_was_changed_by_hand(members: Members) -> None:
    city, name = members.city, "gateway-1"
    asked = '/usr/local/sbin/komando-host drift | grep -o \'"where": *"inet komando_base"\' || true'
    assert on_machine(city, name, asked) == ""
    on_machine(city, name, "nft add rule inet komando_base input tcp dport 8080 accept")
    try:
        assert "inet komando_base" in on_machine(city, name, asked)
    finally:
        on_machine(city, name, "systemctl reload komando-guard.service")
    assert on_machine(city, name, asked) == ""


def test_a_run_puts_right_a_guard_that_was_changed_by_hand(members: Members) -> None:
    city, name = members.city, "signing-1"
    before = on_machine(city, name, "nft -s list table inet komando_base")
    on_machine(city, name, "nft add rule inet komando_base input tcp dport 8080 accept")
    assert LOOKED in prepare(city, name, "--check")[name]["changed"]
    assert _roles(members, name) == ""
    assert on_machine(city, name, "nft -s list table inet komando_base") == before
    assert prepare(city, name, "--check")[name]["changed"] == []


def test_a_guard_that_was_laid_and_never_loaded_is_told_and_loaded(members: Members) -> None:
    """A run was cut off in between; what stands in the kernel is as it was loaded before."""
    city, name = members.city, "gateway-1"
    on_machine(city, name, "echo '# the one before' >/run/komando-guard.nft")
    told = '"where": *"/etc/komando-base/guard.nft"'
    asked = f"/usr/local/sbin/komando-host drift | grep -c '{told}' || true"
    assert on_machine(city, name, asked) == "1\n"
    assert LOOKED in prepare(city, name)[name]["changed"]
    assert on_machine(city, name, asked) == "0\n"
