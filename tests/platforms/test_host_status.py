"""What is on an office's line, seen on a real kernel: trees, queues, neighbours, connections."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from komando.status import judge, read_status
from tests.host_bundle import City, Office
from tests.host_network import Probe, Router, sh
from tests.platforms.standing import router_in_force
from tests.platforms.stated import stated

pytestmark = pytest.mark.root

SLOW = 2_000_000
"""The ceiling of office 2, in bit/s."""

CITY = City().with_office(Office(2, guarantee=SLOW // 2, floor=SLOW // 4, ceiling=SLOW))

FLOOD = """\
import socket, sys, time
one = socket.socket(socket.AF_INET6 if ":" in sys.argv[2] else socket.AF_INET, socket.SOCK_DGRAM)
one.bind((sys.argv[1], 0))
due = time.monotonic()
end = due + 120
while due < end:
    one.sendto(bytes(1200), (sys.argv[2], 9))
    due += float(sys.argv[3])  # whatever this machine's load: what was late is made up for
    time.sleep(max(0, due - time.monotonic()))
"""


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    with router_in_force(tmp_path_factory.mktemp("status") / "root", stated(CITY)) as one:
        one.sh("sysctl -qw net.netfilter.nf_conntrack_acct=1")
        # IPv6 connections are followed once a rule asks for them, as that of a machine's guard
        one.sh(
            "nft 'table inet asks { chain c { type filter hook input priority 0; "
            "ct state established accept; } ; }'"
        )
        yield one


@contextmanager
def sending(router: Router, where: str, source: str, to: str, rate: int) -> Iterator[None]:
    """UDP at so many bit/s from one namespace to an address, until the block ends."""
    pace = str(1250 * 8 / rate)
    inside = ["nsenter", f"--net=/run/netns/{router.name}-{where}", "--"]
    with subprocess.Popen([*inside, sys.executable, "-Ic", FLOOD, source, to, pace]) as flood:
        time.sleep(0.7)
        try:
            yield
        finally:
            flood.kill()


def asked(router: Router, *words: str) -> dict[str, Any]:
    answer = router.komando("status", *words)
    assert answer.code == 0, answer.words
    found: dict[str, Any] = answer.said
    return found


def verdict(said: dict[str, Any], slug: str) -> str:
    status = read_status("core-1", said)
    (office,) = (one for one in status.offices if one.slug == slug)
    return judge(status, office).sentence


def test_an_idle_office_has_nothing_and_its_gateway_answers(router: Router) -> None:
    said = asked(router, "office-1")
    (office,) = said["leaves"]
    assert (office["down"]["rate"], office["up"]["dropped"]) == (0, 0)
    assert office["promised"] == {"down": 10_000_000, "up": 10_000_000}
    assert office["gateways"] == {"172.20.0.2": "answers", "2001:db8:f000::2": "answers"}
    assert (office["device"], office["carrier"]) == ("lan0", True)
    assert said["uplink"]["gateways"] == {"198.51.100.1": "answers", "2001:db8:ffff::1": "answers"}
    assert (said["profile"], said["due"], said["top"]["hosts"]) == ("day", "day", [])
    assert 1 <= said["seconds"] < 1.5
    assert (
        verdict(said, "office-1") == "nothing comes from it, though its gateway 172.20.0.2 answers"
    )


def test_an_office_at_its_ceiling_has_a_queue_and_its_host_is_named(router: Router) -> None:
    with sending(router, "seg0", "10.20.2.1", "198.51.100.1", 2 * SLOW):
        said = asked(router, "office-2", "--seconds", "2")
    (office,) = said["leaves"]
    assert office["up"]["rate"] == pytest.approx(SLOW, rel=0.05)
    (pool,) = (one for one in said["pools"] if one["slug"] == office["pool"])
    assert pool["rate"]["up"] == pytest.approx(SLOW, rel=0.05)
    assert office["up"]["dropped"] > 50
    assert office["up"]["backlog"] > 10_000
    assert office["up"]["queued"] == 1
    assert office["down"]["rate"] < 10_000
    (host,) = said["top"]["hosts"]
    assert host["address"] == "10.20.2.1"
    assert host["up"] == pytest.approx(2 * SLOW, rel=0.2), "what it sends, not what gets through"
    assert (host["connections"], said["top"]["others"]) == (1, 0)
    assert verdict(said, "office-2") == "it uses all of its ceiling: 2 Mbit/s (upload)"


def test_who_is_called_from_outside_over_ipv6_is_named_too(router: Router) -> None:
    with sending(router, "inet", "2001:db8:ffff::1", "2001:db8:1003::1", 800_000):
        said = asked(router, "office-3")
        (host,) = said["top"]["hosts"]
    assert host["address"] == "2001:db8:1003::1"
    assert host["down"] == pytest.approx(800_000, rel=0.2)
    assert said["leaves"][0]["down"]["rate"] == pytest.approx(800_000, rel=0.2)
    assert verdict(said, "office-3") == "it gets all that it asks for"


def test_what_offices_send_each_other_is_not_on_the_line(router: Router) -> None:
    with sending(router, "seg0", "10.20.1.1", "10.20.3.1", 800_000):
        said = asked(router, "office-1")
    assert said["leaves"][0]["up"]["rate"] < 10_000
    assert said["top"]["hosts"] == []


def test_connections_that_are_not_counted_are_told_as_such(router: Router) -> None:
    router.sh("sysctl -qw net.netfilter.nf_conntrack_acct=0")
    try:
        top = asked(router, "office-1")["top"]
    finally:
        router.sh("sysctl -qw net.netfilter.nf_conntrack_acct=1")
    assert top["hosts"] == []
    assert "net.netfilter.nf_conntrack_acct" in top["why"]


def test_a_gateway_that_went_away_is_known_within_the_second(router: Router) -> None:
    seg = f"/run/netns/{router.name}-seg1"
    asked(router, "office-3")  # its neighbour is known, and good for half a minute
    sh("ip address del 172.21.0.2/24 dev eth0", seg)
    try:
        half = asked(router, "office-3")
        sh("ip -6 address del 2001:db8:f001::2/64 dev eth0", seg)
        said = asked(router, "office-3")
    finally:
        sh(
            "ip address add 172.21.0.2/24 dev eth0; ip address add 2001:db8:f001::2/64 dev eth0 "
            "nodad; ip route replace default via 172.21.0.1 src 10.20.3.1; "
            "ip -6 route replace default via 2001:db8:f001::1",
            seg,
        )
        router.sh("ip neigh flush all")
    assert half["leaves"][0]["gateways"]["172.21.0.2"] == "silent"
    assert half["leaves"][0]["gateways"]["2001:db8:f001::2"] == "answers"
    assert verdict(said, "office-3") == (
        "nothing comes from it: the gateways 172.21.0.2 and 2001:db8:f001::2 do not answer"
    )


def test_a_cable_that_is_out_is_told_of_all_behind_it(router: Router) -> None:
    sh("ip link set eth0 down", f"/run/netns/{router.name}-seg1")
    try:
        said = asked(router)
    finally:
        sh("ip link set eth0 up", f"/run/netns/{router.name}-seg1")
        sh("ip -6 route replace default via 2001:db8:f001::1 || true; "
           "ip route replace default via 172.21.0.1 src 10.20.3.1",
           f"/run/netns/{router.name}-seg1")  # fmt: skip
    assert verdict(said, "office-3") == "the cable of segment segment-1 is out: lan1 has no signal"
    assert "cable" not in verdict(said, "office-1")


def test_all_are_told_without_their_hosts(router: Router) -> None:
    said = asked(router)
    assert [one["slug"] for one in said["leaves"]] == ["office-1", "office-2", "office-3"]
    assert said["top"] is None
    assert {one["slug"] for one in said["pools"]} == {
        "working-week",
        "around-the-clock",
        "public",
    }


def test_an_unknown_office_is_answered_with_those_that_there_are(router: Router) -> None:
    said = asked(router, "office-9")
    assert (said["leaves"], said["known"]) == ([], ["opd/office-1", "opd/office-2", "opd/office-3"])


def test_a_bypass_is_told_and_no_class_is_made_up(router: Router) -> None:
    assert router.komando("bypass", "on").code == 0
    try:
        said = asked(router, "office-1")
    finally:
        assert router.komando("bypass", "off").code == 0
    assert said["leaves"][0]["down"] is None
    assert "the policy is bypassed since" in verdict(said, "office-1")


def test_the_hours_do_not_wait_while_it_looks(router: Router) -> None:
    answers: list[Any] = []
    looking = threading.Thread(
        target=lambda: answers.append(router.komando("status", "office-1", "--seconds", "6"))
    )
    looking.start()
    time.sleep(1.5)
    begun = time.monotonic()
    assert router.komando("hours").code == 0
    took = time.monotonic() - begun
    assert looking.is_alive()
    looking.join()
    assert took < 3
    assert answers[0].code == 0


@pytest.mark.parametrize("seconds", ["0", "31"])
def test_it_looks_for_a_second_to_half_a_minute(router: Router, seconds: str) -> None:
    answer = router.komando("status", "--seconds", seconds)
    assert answer.code == 1
    assert "1 to 30" in answer.words


def test_a_host_without_a_generation_says_so(router: Router) -> None:
    where = router.root / "var/lib/komando/current"
    link = where.readlink()
    record = router.root / "var/lib/komando/record"
    text = record.read_bytes()
    where.unlink()
    try:
        said = asked(router, "office-1")
    finally:
        where.symlink_to(link)
        assert record.read_bytes() == text
    assert (said["generation"], said["leaves"]) == (None, [])
    assert json.dumps(said)
    assert read_status("core-1", said).generation is None


def test_paced_packets_are_none_that_want_more(router: Router) -> None:
    probe = Probe(router, "seg0", "inet", "198.51.100.1", port=5021, seconds=3)
    said = asked(router, "office-1")
    assert probe.lost() == 0
    assert verdict(said, "office-1") == "it gets all that it asks for"
    assert said["leaves"][0]["up"]["rate"] == pytest.approx(500 * (204 + 42) * 8, rel=0.1)
