"""The console's bypass on a real kernel: what goes, what stays, and what cannot stop it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.host_bundle import City, bundle_of, cargo_of
from tests.host_network import Probe, Router
from tests.platforms.standing import DAY, full_disk, router_in_force

pytestmark = pytest.mark.root

GUARD = """\
table inet komando_guard
delete table inet komando_guard
table inet komando_guard {
  chain input {
    type filter hook input priority filter; policy accept;
    tcp dport 22 jump management
  }
  chain management {
    ip saddr { 192.0.2.0/28 } accept
    drop
  }
}
"""
CITY = City(extra={"etc/komando/nft/guard.nft": GUARD})
BUNDLE = bundle_of(CITY)
SHAPING = ("htb", "clsact", "table inet shaper", "table inet komando_guard")


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    with router_in_force(tmp_path_factory.mktemp("bypass") / "root", BUNDLE) as one:
        yield one


@pytest.fixture
def router(standing: Router) -> Iterator[Router]:
    yield standing
    assert standing.komando("bypass", "off").code == 0
    assert standing.komando("observe").said["kernel"] == "ok"


def shaping(router: Router) -> list[str]:
    """What of the policy limits or guards."""
    text = router.sh("tc qdisc show; nft list tables")
    return [word for word in SHAPING if word in text]


def around(router: Router) -> str:
    text = router.sh(
        "ip -br address | grep -v ifb0; ip route; ip -6 route show proto 75; "
        "nft -s list table ip komando_nat; "
        "sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding"
    )
    return re.sub(r"fe80:\S+|@\S+", "", text)


def events(router: Router) -> list[str]:
    lines = (router.root / "var/lib/komando/record").read_text().splitlines()
    return [json.loads(line)["event"] for line in lines]


def test_what_limits_goes_and_what_routes_stays_and_all_comes_back(router: Router) -> None:
    assert shaping(router) == list(SHAPING)
    before, stood = router.state(), around(router)
    done = router.komando("bypass", "on")
    assert (done.code, done.words) == (0, "")
    assert (done.said["other"], done.said["changes"]) == ([], []), "the translation was not touched"
    assert shaping(router) == []
    assert around(router) == stood
    router.settle()  # everybody is reached, both ways and through the translation
    observed = router.komando("observe").said
    assert observed["kernel"].startswith("missing: the policy is bypassed since 20")
    assert observed["bypass"] in observed["kernel"]
    off = router.komando("bypass", "off")
    assert (off.code, off.words) == (0, "")
    assert router.state() == before
    assert events(router)[-2:] == ["bypassed", "restored"]


def test_twice_is_harmless_both_ways(router: Router) -> None:
    before = router.state()
    router.komando("bypass", "on")
    since = router.komando("observe").said["bypass"]
    noted = len(events(router))
    with router.monitored() as said:
        again = router.komando("bypass", "on")
    assert (again.code, said) == (0, [])
    assert router.komando("observe").said["bypass"] == since
    assert len(events(router)) == noted
    assert [router.komando("bypass", "off").code for _ in range(2)] == [0, 0]
    assert router.state() == before
    assert len(events(router)) == noted + 1


def test_limits_are_really_gone(router: Router) -> None:
    evening = bundle_of(CITY.with_office(replace(CITY.offices[0], ceiling=1_000_000)))
    assert router.activate(evening).code == 0
    try:
        probe = Probe(router, "inet", "seg0", "10.20.1.1", seconds=1, port=5003, pace=0.0005)
        assert probe.lost() > 50, "with 1 Mbit/s a stream of 3.9 does not pass"
        router.komando("bypass", "on")
        probe = Probe(router, "inet", "seg0", "10.20.1.1", seconds=1, port=5004, pace=0.0005)
        assert probe.lost() == 0
    finally:
        router.komando("bypass", "off")
        assert router.activate(BUNDLE).code == 0


def test_nothing_is_activated_meanwhile_and_the_words_say_why(router: Router) -> None:
    router.komando("bypass", "on")
    other = bundle_of(CITY.without(2))
    for words in ([], ["--within", "5", "--sequence", "1", "--protocol", "2"]):
        done = router.komando("activate", other.digest, *words, stdin=cargo_of(other))
        assert done.code == 1
        assert "bypass is on: a person at the console took the policy out" in done.words
        assert "`komando-host bypass off` there ends that" in done.words
    assert shaping(router) == []


def test_it_outlives_a_restart_which_lays_addresses_routes_and_translation(router: Router) -> None:
    router.komando("bypass", "on")
    stood = around(router)
    router.sh(
        f"rm -r {router.root}/run; nft flush ruleset; ip link del ifb0; ip route flush proto 75; "
        "ip -6 route flush proto 75; ip address del 172.20.0.1/24 dev lan0; "
        "sysctl -qw net.ipv4.ip_forward=0"
    )
    assert router.komando("boot").code == 0
    assert router.komando("hours").code == 0
    assert shaping(router) == []
    assert around(router) == stood
    router.settle()
    assert router.komando("clock", DAY).code == 0


@pytest.mark.parametrize("lost", ["applied", "applied/tree-wan0.json", "applied/steering.json"])
def test_what_is_on_no_record_goes_too(router: Router, lost: str) -> None:
    gone = router.root / "run/komando" / lost
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    assert router.komando("bypass", "on").code == 0
    assert shaping(router) == []


def test_a_damaged_generation_does_not_stop_it(router: Router) -> None:
    file = router.root / "var/lib/komando/current/etc/komando/calendar"
    text = file.read_bytes()
    file.write_bytes(b"nonsense\n")
    try:
        router.komando("bypass", "on")
        assert shaping(router) == []
    finally:
        file.write_bytes(text)


@pytest.mark.parametrize("steps", [1, 2, 4, 5, 8, 12])
def test_a_kill_in_the_middle_is_made_up_for_by_the_next_minute(router: Router, steps: int) -> None:
    done = subprocess.run(
        router.argv("bypass", "on", dies_at=steps), capture_output=True, check=False
    )
    assert done.returncode == -9
    assert router.komando("hours").code == 0
    assert shaping(router) == []
    before = around(router)
    subprocess.run(router.argv("bypass", "off", dies_at=steps), capture_output=True, check=False)
    assert router.komando("hours").code == 0
    assert shaping(router) == list(SHAPING)
    assert around(router) == before


def test_a_killed_bypass_limits_until_the_next_minute_alone(router: Router) -> None:
    (router.root / "var/lib/komando/bypass").write_text("2026-11-24T01:00:00Z\n")
    assert shaping(router) == list(SHAPING)
    assert router.komando("hours").code == 0
    assert shaping(router) == []


def test_on_a_full_disk_it_holds_until_a_restart_and_says_so(router: Router) -> None:
    state = router.root / "var/lib/komando"
    with full_disk(state):
        done = router.komando("bypass", "on")
        assert done.code == 1
        assert "bypass is on until this machine restarts, as the disk took no note" in done.words
        assert shaping(router) == []
        assert router.komando("hours").code == 0
        assert shaping(router) == []
        assert router.komando("observe").said["bypass"]
        assert router.komando("bypass", "off").code == 0
        assert shaping(router) == list(SHAPING)


def test_a_run_that_hangs_in_the_lock_does_not_keep_a_person_waiting(router: Router) -> None:
    lock = router.root / "run/komando/lock"
    hold = (
        "import fcntl, os, sys, time; os.setpgid(0, 0); f = open(sys.argv[1], 'r+'); "
        "fcntl.flock(f, fcntl.LOCK_EX); f.truncate(); f.write(str(os.getpgid(0))); f.flush(); "
        "print('held', flush=True); time.sleep(300)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(lock)], stdout=subprocess.PIPE, text=True
    ) as hung:
        assert hung.stdout is not None
        assert hung.stdout.readline() == "held\n"
        begun = time.monotonic()
        assert router.komando("bypass", "on").code == 0
        assert 4 < time.monotonic() - begun < 15
        assert hung.wait(5) < 0
    assert shaping(router) == []


def test_a_change_that_waits_is_taken_back_while_it_is_on(router: Router) -> None:
    other = bundle_of(CITY.without(2))
    words = ["--within", "4", "--sequence", "3", "--protocol", "2"]
    done = router.komando("activate", other.digest, *words, stdin=cargo_of(other))
    assert done.code == 0, done.words
    assert router.komando("bypass", "on").code == 0
    refused = router.komando("confirm", other.digest)
    assert refused.code == 1
    assert "the policy is bypassed since" in refused.words
    deadline = time.monotonic() + 15
    while router.komando("observe").said["pending"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert shaping(router) == []
    assert "10.20.2.0/24" in router.sh("ip route"), "the routes are those of the generation before"
