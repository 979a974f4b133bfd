"""Ways over one and two jump hosts: real sshd on each, and a packet filter between them."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from komando.inventory import Access, Hop, Host
from komando.openssh import configuration
from komando.rollout.session import Session
from komando.verify import _silent
from tests.machines import Machines, Site, machines

pytestmark = pytest.mark.root

OUTER = Hop("outer", "127.0.0.10", 22, "deploy")
INNER = Hop("inner", "127.0.0.11", 2222, "deploy")


def core(name: str, address: str, *hops: Hop) -> Host:
    return Host(name, "router", address, {}, "pfifo", hops=hops)


CORES = (
    core("core-1", "127.0.0.2", OUTER),
    core("core-2", "127.0.0.3", OUTER),
    core("core-3", "127.0.0.4", OUTER, INNER),
    core("core-4", "127.0.0.5", OUTER),
)
"""The last of them is one that `outer` does not forward to."""

NOWHERE = core("nowhere", "127.0.0.8", OUTER)
"""Nobody listens there; `outer` may forward to it."""

SHUT = """\
table inet between {
  chain out {
    type filter hook output priority 0
    meta skuid 0 ip daddr {127.0.0.2-127.0.0.9, 127.0.0.11} tcp dport {22, 2222} tcp flags syn drop
    ip daddr 127.0.0.9 tcp dport 22 drop
  }
}
"""
"""The controller, root here, reaches `outer` alone; what sshd forwards is of the user deploy."""


def jump(hop: Hop, *hops: Hop) -> Host:
    return Host(hop.name, "jump", hop.address, {}, "pfifo", port=hop.port, hops=hops)


@pytest.fixture(scope="module")
def city(debian: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    to_cores = ["127.0.0.2:22", "127.0.0.3:22", "127.0.0.8:22", "127.0.0.9:22"]
    sites = [
        Site(jump(OUTER), leads_to=[*to_cores, "127.0.0.11:2222"]),
        Site(jump(INNER, OUTER), leads_to=["127.0.0.4:22"]),
        *(Site(host) for host in CORES),
    ]
    with machines(debian, tmp_path_factory.mktemp("city"), sites) as made:
        subprocess.run([*made.access.prefix, "nft", "-f", "-"], input=SHUT, text=True, check=True)
        yield made


def refused(hosts: list[Host], access: Access) -> Mapping[str, str]:
    with Session(hosts, access) as session:
        return dict(session.refused)


def another_key(access: Access, folder: Path, hop: Hop, key: str | None) -> Access:
    """The same way, with another key of a hop in known_hosts, or none."""
    place = hop.address if hop.port == 22 else f"[{hop.address}]:{hop.port}"
    lines = [
        line for line in access.known_hosts.read_text().splitlines() if line.split()[0] != place
    ]
    if key is not None:
        lines.append(f"{place} {key}")
    known = folder / "other_known_hosts"
    known.write_text("\n".join([*lines, ""]))
    return replace(access, known_hosts=known)


def test_nobody_is_reached_but_over_the_jump_hosts(city: Machines) -> None:
    straight = [replace(host, hops=()) for host in CORES[:3]]
    assert refused(straight, city.access) == {
        host.name: f"Could not connect: no answer from {host.address} port 22" for host in straight
    }


def test_hosts_behind_one_and_two_jump_hosts_answer(city: Machines) -> None:
    with Session(CORES[:3], city.access) as session:
        assert session.refused == {}
        answers = session.observe(["core-1", "core-2", "core-3"])
    assert answers.failures == answers.lost == {}
    assert {name: one["generation"] for name, one in answers.results.items()} == {
        "core-1": None,
        "core-2": None,
        "core-3": None,
    }


def test_all_that_lie_behind_a_jump_host_share_one_connection_to_it(city: Machines) -> None:
    def connections(address: str) -> int:
        command = ["ss", "-Htn", "state", "established", "dst", address]
        done = subprocess.run(
            [*city.access.prefix, *command], capture_output=True, text=True, check=True
        )
        return len(done.stdout.splitlines())

    with Session(CORES[:3], city.access) as session:
        assert session.refused == {}
        assert connections(OUTER.address) == 1
        assert connections(INNER.address) == 1
    until = time.monotonic() + 5
    while connections(OUTER.address):
        assert time.monotonic() < until, "the way was not closed with the session"
        time.sleep(0.1)


def test_each_host_has_its_own_reason_and_the_others_go_on(city: Machines) -> None:
    silent = core("silent", "127.0.0.9", OUTER)
    began = time.monotonic()
    reasons = refused([*CORES, NOWHERE, silent], city.access)
    assert time.monotonic() - began < 3 * city.access.patience
    assert reasons == {
        "core-4": "Could not connect: the jump host outer does not forward to 127.0.0.5 port 22: "
        "`komando prepare` it again, which lays the list of those that it may forward to",
        "nowhere": "Could not connect: the jump host outer cannot connect to 127.0.0.8 port 22: "
        "Connection refused",
        "silent": "Could not connect: no answer from 127.0.0.9 port 22 behind the jump host outer "
        f"in {city.access.patience} s",
    }


def test_a_jump_host_that_is_down_is_named(city: Machines) -> None:
    down = Hop("down", "127.0.0.12", 22, "deploy")
    hosts = [core("core-1", "127.0.0.2", down), core("core-3", "127.0.0.4", OUTER, down)]
    reasons = refused(hosts, city.access)
    assert reasons["core-1"] == (
        "Could not connect: the jump host down is away: refused by 127.0.0.12 port 22"
    )
    assert reasons["core-3"].startswith("Could not connect: the jump host outer does not forward")


@pytest.mark.parametrize("hop", [OUTER, INNER])
def test_a_jump_host_with_another_key_is_never_used(
    city: Machines, tmp_path: Path, hop: Hop
) -> None:
    key = " ".join((city.folder / "key-root.pub").read_text().split()[:2])
    access = another_key(city.access, tmp_path, hop, key)
    where = f"{hop.address} port {hop.port}"
    assert refused([CORES[2]], access)["core-3"] == (
        f"Could not connect: the jump host {hop.name} ({where}) shows another key than known_hosts "
        "has for it"
    )


@pytest.mark.parametrize("hop", [OUTER, INNER])
def test_an_unknown_jump_host_is_never_used_and_nobody_is_asked(
    city: Machines, tmp_path: Path, hop: Hop
) -> None:
    access = another_key(city.access, tmp_path, hop, None)
    assert refused([CORES[2]], access)["core-3"] == (
        f"Could not connect: known_hosts has no key for the jump host {hop.name} "
        f"({hop.address} port {hop.port})"
    )


def test_a_host_behind_a_jump_host_has_to_show_its_own_key(city: Machines, tmp_path: Path) -> None:
    key = " ".join((city.folder / "key-root.pub").read_text().split()[:2])
    access = another_key(city.access, tmp_path, Hop("core-1", "127.0.0.2", 22, "deploy"), key)
    reasons = refused(list(CORES[:2]), access)
    assert list(reasons) == ["core-1"]
    assert "127.0.0.2 port 22 shows another key than known_hosts has for it" in reasons["core-1"]


def test_a_key_that_a_jump_host_does_not_know(city: Machines) -> None:
    access = replace(city.access, identity=city.folder / "key-root")
    assert refused([CORES[0]], access)["core-1"] == (
        "Could not connect: the jump host outer does not let deploy in with this key"
    )


def test_a_jump_host_that_ends_while_hosts_are_connected(city: Machines) -> None:
    """The one connection to it is ended: each host behind it is told, and nobody waits."""
    with Session(CORES[:2], city.access) as session:
        assert session.refused == {}
        _end_connection(city)
        answers = session.observe(["core-1", "core-2"])
    # whether they were seen to be out before they were asked is a matter of milliseconds
    assert set(answers.lost | answers.failures) == {"core-1", "core-2"}
    assert answers.results == {}


def _end_connection(city: Machines) -> None:
    command = ["ss", "-K", "dst", OUTER.address, "dport", "=", "22"]
    subprocess.run([*city.access.prefix, *command], capture_output=True, check=True)


# --- OpenSSH, for `komando verify`, Ansible and people ------------------------------------------


def test_openssh_goes_the_same_ways(city: Machines, tmp_path: Path) -> None:
    config = tmp_path / "ssh"
    config.write_text(configuration(CORES, city.access, control=tmp_path))
    silent = _silent(CORES, city.access, config)
    assert list(silent) == ["core-4"]
    words = ("administratively prohibited", "stdio forwarding failed", "Connection closed")
    assert any(one in silent["core-4"] for one in words)


def test_ansible_asks_for_the_address_and_goes_the_same_way(city: Machines, tmp_path: Path) -> None:
    config = tmp_path / "ssh"
    config.write_text(configuration(CORES, city.access))
    done = subprocess.run(
        [*city.access.prefix, "ssh", "-F", str(config), "-o", "User=deploy", "127.0.0.4", "id"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert "(deploy)" in done.stdout, done.stderr


@pytest.mark.parametrize("hop", [OUTER, INNER])
def test_openssh_is_as_strict_with_each_jump_host(city: Machines, tmp_path: Path, hop: Hop) -> None:
    key = " ".join((city.folder / "key-root.pub").read_text().split()[:2])
    for known in (key, None):
        access = another_key(city.access, tmp_path, hop, known)
        config = tmp_path / "ssh"
        config.write_text(configuration(CORES, access))
        assert "Host key verification failed" in _silent((CORES[2],), access, config)["core-3"]


def test_a_jump_host_forwards_for_an_observer_too_and_runs_nothing(city: Machines) -> None:
    done = city.ssh("outer", user="observe", options=["-W", "127.0.0.2:22"])
    assert done.stdout.startswith("SSH-2.0-")
    assert "this key asks" in city.ssh("outer", "id", user="observe").stderr


@pytest.mark.parametrize("user", ["deploy", "observe", "root"])
@pytest.mark.parametrize("place", ["127.0.0.5:22", "127.0.0.2:80", "127.0.0.1:22", "core-1:22"])
def test_a_jump_host_forwards_to_the_listed_ports_alone(
    city: Machines, user: str, place: str
) -> None:
    done = city.ssh("outer", user=user, options=["-W", place])
    assert done.returncode != 0
    assert done.stdout == ""
