"""What somebody or something took away comes back; what nobody touched stays untouched."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.host_bundle import City, bundle_of
from tests.host_network import Probe, Router, loaded_by_hand
from tests.platforms.standing import DAY, NIGHT, router_in_force

pytestmark = pytest.mark.root

BUNDLE = bundle_of(City())

TREE_BY_HAND = (
    "tc class change dev wan0 parent 1:10 classid 1:404"
    " htb rate 1000000bit ceil 100000000bit burst 90000b cburst 90000b quantum 9000 prio 1"
)
FILTER_BY_HAND = (
    "tc filter replace dev lan0 egress protocol all prio 1 handle 1"
    " bpf bytecode '1,6 0 0 0' action mirred egress redirect dev ifb0"
)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    """One router for all: every test leaves it as it was, or fails."""
    with router_in_force(tmp_path_factory.mktemp("hours") / "root", BUNDLE) as one:
        yield one


@pytest.fixture
def router(standing: Router) -> Router:
    assert standing.komando("clock", DAY).code == 0
    return standing


@pytest.mark.parametrize(
    ("damage", "missing", "rebuilt"),
    [
        ("tc qdisc del dev ifb0 root", "tree on ifb0: no root qdisc", True),
        ("tc qdisc replace dev wan0 root pfifo", "tree on wan0: no root qdisc", True),
        ("tc qdisc del dev wan0 root", "tree on wan0: no root qdisc", True),
        ("tc class del dev ifb0 classid 1:404", "tree on ifb0: class 1:404 is gone", True),
        (
            "tc class add dev ifb0 parent 1:1 classid 1:777 htb rate 1mbit",
            "tree on ifb0: class 1:777 is not ours",
            True,
        ),
        (
            "tc class change dev ifb0 parent 1:10 classid 1:404 htb rate 5mbit ceil 5mbit",
            "tree on ifb0: 1 classes differ",
            False,
        ),
        ("tc qdisc del dev ifb0 parent 1:404", "tree on ifb0: 1 classes differ", False),
        (
            TREE_BY_HAND,
            "tree on wan0: 1 classes differ",
            False,
        ),
        ("tc qdisc change dev ifb0 parent 1:404 pfifo limit 1", "1 classes differ", False),
        (
            FILTER_BY_HAND,
            "steering: filter del dev lan0 egress prio 1",
            False,
        ),
        ("ethtool -K lan1 gro on tso on", "offloads on lan1: tso, gro", False),
        ("ip link del ifb0", "ifb0 is missing", True),
        ("tc qdisc del dev lan0 clsact", "steering: qdisc add dev lan0 clsact", False),
        ("tc filter del dev lan1 egress", "steering: filter add dev lan1 egress", False),
        ("nft delete table inet shaper", "table shaper is missing", False),
        ("nft flush map inet shaper c4", "table shaper differs", False),
        ("nft flush ruleset", "table komando_nat is missing", False),
        ("nft flush chain ip komando_nat post", "table komando_nat differs", False),
        ("ip route del 10.20.1.0/24", "route replace 10.20.1.0/24 via 172.20.0.2", False),
        ("ip route replace 10.20.1.0/24 via 172.20.0.9 proto 75", "via 172.20.0.2", False),
        ("ip route add 10.77.0.0/16 via 172.20.0.9 proto 75", "route del 10.77.0.0/16", False),
        ("ip -6 route flush proto 75", "route replace ::/0 via 2001:db8:ffff::1", False),
        ("ip address del 172.21.0.1/24 dev lan1", "address replace 172.21.0.1/24", False),
        ("ip link set lan0 down", "link set lan0 up", False),
        ("ip link set ifb0 down", "ifb0 is down", False),
        ("sysctl -qw net.ipv4.ip_forward=0", "setting net.ipv4.ip_forward", False),
    ],
)
def test_what_was_taken_away_comes_back(
    router: Router, damage: str, missing: str, rebuilt: bool
) -> None:
    before = router.state()
    router.sh(damage)
    observed = router.komando("observe").said
    assert observed["kernel"].startswith("missing: ")
    assert missing in observed["kernel"]
    answer = router.komando("hours")
    assert (answer.code, answer.words) == (0, "")
    assert answer.said["rebuilt"] is rebuilt
    assert router.state() == before
    assert router.komando("observe").said["kernel"] == "ok"
    again = router.komando("hours").said
    assert (again["changes"], again["rebuilt"], again["other"]) == ([], False, [])


def test_after_a_reboot_all_is_built_from_nothing(router: Router, tmp_path: Path) -> None:
    before = router.state()
    router.sh(
        f"rm -r {router.root}/run; nft flush ruleset; ip link del ifb0; ip route flush proto 75"
    )
    router.sh("tc qdisc del dev wan0 root; tc qdisc del dev lan0 clsact")
    answer = router.komando("clock", DAY)
    assert answer.code == 0, answer.words
    assert answer.said["rebuilt"] is True
    assert router.state() == before
    assert router.shaping() == loaded_by_hand(BUNDLE, "day", tmp_path / "yardstick")


def test_lost_records_alone_are_mended_too(router: Router) -> None:
    # a container's restart keeps the kernel's state and loses /run
    before = router.state()
    router.sh(f"rm -r {router.root}/run/komando/applied")
    assert router.komando("hours").said["rebuilt"] is True
    assert router.state() == before
    assert router.komando("hours").said["rebuilt"] is False


@pytest.mark.parametrize("name", ["tree-ifb0", "table-shaper", "steering", "settings", "applied"])
def test_a_record_that_cannot_be_read_counts_as_none(router: Router, name: str) -> None:
    before = router.state()
    record = router.root / f"run/komando/applied/{name}.json"
    for text in ("", "{", "[]", '{"tree": "nonsense"}'):
        record.write_text(text)
        answer = router.komando("hours")
        assert answer.code == 0, answer.words
        assert router.state() == before


@pytest.mark.parametrize(
    ("moment", "profile", "calendar"),
    [
        ("2025-06-01T00:00:00Z", "night", "ok"),
        ("2026-11-24T00:29:50Z", "night", "ok"),
        ("2026-11-24T00:30:00Z", "day", "ok"),
        ("2026-11-24T15:29:50+07:00", "day", "ok"),
        ("2026-11-24T15:30:00+07:00", "night", "ok"),
        (
            "2031-01-01T12:00:00+07:00",
            "day",
            "ended: no hours are known after 2027-12-31T17:00:00Z",
        ),
    ],
)
def test_the_profile_is_that_of_the_moment(
    router: Router, tmp_path: Path, moment: str, profile: str, calendar: str
) -> None:
    answer = router.komando("clock", moment)
    assert answer.said["profile"] == profile
    assert router.shaping() == loaded_by_hand(BUNDLE, profile, tmp_path / "yardstick")
    observed = router.komando("observe").said
    assert (observed["profile"], observed["calendar"]) == (profile, calendar)
    assert observed["kernel"] == "ok"
    passed = datetime.fromisoformat(observed["clock"]) - datetime.fromisoformat(moment)
    assert timedelta(seconds=-1) < passed < timedelta(seconds=60)


def test_the_boundary_passes_by_itself(router: Router) -> None:
    router.komando("clock", "2026-11-24T08:29:57Z")
    assert router.komando("hours").said["profile"] == "day"
    router.sh("sleep 4")
    assert router.komando("hours").said["profile"] == "night"


def test_a_switch_that_did_not_come_is_observed(router: Router) -> None:
    clock = router.root / "run/komando/clock"
    offset = float(clock.read_text())
    clock.write_text(f"{offset + 12 * 3600}\n")
    observed = router.komando("observe").said
    assert observed["profile"] == "day"
    assert observed["kernel"] == "missing: profile night since 2026-11-24T08:30:00Z"


def test_a_moment_without_a_zone_changes_nothing(router: Router) -> None:
    clock = router.root / "run/komando/clock"
    before = clock.read_text()
    answer = router.komando("clock", "2026-11-24T08:00:00")
    assert answer.code == 1
    assert "names no zone" in answer.words
    assert clock.read_text() == before


def test_the_real_clock_comes_back(router: Router) -> None:
    assert router.komando("clock", "off").code == 0
    assert router.komando("observe").said["clock"] is None


@pytest.mark.parametrize("lost", ["lan1", "wan0"])
def test_an_interface_that_is_away_stops_nothing_else(router: Router, lost: str) -> None:
    before = router.state()
    router.sh(f"ip link set {lost} down; ip link set {lost} name away")
    evening = router.komando("clock", NIGHT)
    assert evening.code == 1
    assert f"interface {lost} is away; all else is in force" in evening.words
    assert "rate 20Mbit" in router.sh("tc class show dev ifb0 | grep 1:10")
    observed = router.komando("observe").said
    assert observed["kernel"] == f"missing: interface {lost} is away"
    assert observed["profile"] == "night"
    with router.monitored() as said:
        assert router.komando("hours").code == 1
    assert said == []
    router.sh(f"ip link set away name {lost}")
    assert router.komando("clock", DAY).code == 0
    assert router.state() == before


def test_with_a_lan_away_a_machine_that_starts_lays_all_else(router: Router) -> None:
    before = router.state()
    router.sh(
        f"rm -r {router.root}/run; nft flush ruleset; ip link del ifb0; ip route flush proto 75;"
        " tc qdisc del dev wan0 root; tc qdisc del dev lan0 clsact; ip link set lan1 down;"
        " ip link set lan1 name away"
    )
    assert "is away" in router.komando("hours").words
    assert router.komando("observe").said["kernel"] == "missing: interface lan1 is away"
    assert "10.20.1.0/24 via 172.20.0.2" in router.sh("ip route")
    router.sh("ip link set away name lan1")
    assert router.komando("clock", DAY).code == 0
    assert router.state() == before


def test_an_ifb_that_the_module_itself_has_made_is_taken(
    router: Router, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ip = shutil.which("ip")
    stand_in = tmp_path / "ip"
    stand_in.write_text(
        f'#!/bin/sh\n[ "$*" = "link add ifb0 type ifb" ] && {ip} "$@"\nexec {ip} "$@"\n'
    )
    stand_in.chmod(0o755)
    before = router.state()
    router.sh("ip link del ifb0")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    answer = router.komando("hours")
    assert (answer.code, answer.words) == (0, "")
    assert router.state() == before
    assert router.komando("observe").said["kernel"] == "ok"


def test_hours_under_traffic_lose_nothing(router: Router) -> None:
    router.settle()
    probes = [
        Probe(router, "inet", "seg0", "10.20.1.1", seconds=3, port=5001),
        Probe(router, "seg1", "inet", "198.51.100.1", seconds=3, port=5002),
    ]
    while all(probe.running() for probe in probes):
        router.sh("nft flush map inet shaper c4")
        assert router.komando("hours").code == 0
    assert [probe.lost() for probe in probes] == [0, 0]
