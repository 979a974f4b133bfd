"""A generation is brought into force on a real kernel: in place, and without a lost packet."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.host_bundle import City, Office, bundle_of
from tests.host_network import Probe, Router, loaded_by_hand
from tests.platforms.standing import DAY, NIGHT, router_by_day

pytestmark = pytest.mark.root


@pytest.fixture
def router(tmp_path: Path) -> Iterator[Router]:
    """A router on a rehearsed working day."""
    with router_by_day(tmp_path / "root") as one:
        yield one


def touched(said: list[str]) -> list[tuple[str, str, str]]:
    """What `tc monitor` saw: verb, class, device."""
    seen = []
    for line in said:
        words = line.split()
        verb = "deleted" if words[0] == "deleted" else "set"
        words = words[words[0] == "deleted" :]
        if words[:2] == ["class", "htb"]:
            seen.append((verb, words[2], words[words.index("dev") + 1]))
        elif words[0] == "qdisc":
            seen.append((verb, f"leaf {words[2]}", words[words.index("dev") + 1]))
        else:
            seen.append((verb, line, ""))
    return seen


def test_the_first_activation_builds_all(router: Router, tmp_path: Path) -> None:
    bundle = bundle_of(City())
    answer = router.activate(bundle)
    assert (answer.code, answer.words) == (0, "")
    assert answer.said["generation"] == bundle.digest
    assert answer.said["previous"] is None
    assert answer.said["profile"] == "day"
    assert answer.said["rebuilt"] is True
    assert router.shaping() == loaded_by_hand(bundle, "day", tmp_path / "yardstick")
    state = router.state()
    assert state.count("mirred (Egress Redirect to device ifb0)") == 2
    assert "10.20.3.0/24 via 172.21.0.2 dev lan1 proto 75" in state
    assert "blackhole 203.0.113.10 proto 75" in state
    assert "2001:db8:1002::/48 via 2001:db8:f000::2 dev lan0" in state
    assert "net.ipv4.ip_forward = 1" in state
    current = router.root / "var/lib/komando/current"
    assert (current / "etc/komando/calendar").read_bytes() == bundle.files["etc/komando/calendar"]
    observed = router.komando("observe").said
    assert observed["generation"] == bundle.digest
    assert (observed["profile"], observed["kernel"]) == ("day", "ok")


def test_again_changes_nothing(router: Router) -> None:
    bundle = bundle_of(City())
    router.activate(bundle)
    before = router.state()
    with router.monitored() as said:
        for answer in (
            router.activate(bundle),
            router.komando("activate", bundle.digest),
            router.komando("hours"),
            router.komando("observe"),
        ):
            assert answer.code == 0
            assert answer.said.get("changes", []) == []
            assert not answer.said.get("rebuilt")
            assert not answer.said.get("other")
    assert said == []
    assert router.state() == before


def test_the_hour_switch_touches_the_pools_and_shrinks_before_it_grows(
    router: Router, tmp_path: Path
) -> None:
    bundle = bundle_of(City())
    router.activate(bundle)
    router.settle()
    probes = [
        Probe(router, "inet", "seg0", "10.20.1.1", seconds=4, port=5001),
        Probe(router, "seg1", "inet", "198.51.100.1", seconds=4, port=5002),
    ]
    with router.monitored() as said:
        night = router.komando("clock", NIGHT)
    assert touched(said) == [
        ("set", "1:10", "ifb0"),
        ("set", "1:10", "wan0"),
        ("set", "1:20", "ifb0"),
        ("set", "1:20", "wan0"),
    ]
    assert night.said["profile"] == "night"
    assert [tuple(change.values()) for change in night.said["changes"]] == [
        ("ifb0", "1:10", "change"),
        ("ifb0", "1:20", "change"),
        ("wan0", "1:10", "change"),
        ("wan0", "1:20", "change"),
    ]
    assert router.shaping() == loaded_by_hand(bundle, "night", tmp_path / "yardstick")
    with router.monitored() as said:
        router.komando("clock", DAY)
    assert [one for _, one, _ in touched(said)] == ["1:20", "1:20", "1:10", "1:10"]
    assert all(probe.running() for probe in probes)
    assert [probe.lost() for probe in probes] == [0, 0]


def test_an_exception_touches_its_office_too(router: Router) -> None:
    router.activate(bundle_of(City(night={2: 30_000_000})))
    with router.monitored() as said:
        router.komando("clock", NIGHT)
    assert {one for _, one, _ in touched(said)} == {"1:10", "1:20", "1:408"}


CITY = City()
POOLS = [("set", "1:10"), ("set", "1:20")]


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        pytest.param(
            CITY.with_office(Office(2, guarantee=24_000_000, floor=2_000_000)),
            [*POOLS, ("set", "1:408")],
            id="change",
        ),
        pytest.param(
            CITY.with_office(Office(4)),
            [*POOLS, ("set", "1:410"), ("set", "leaf pfifo"), ("set", "leaf pfifo")],
            id="add",
        ),
        pytest.param(
            CITY.without(2),
            [*POOLS, ("deleted", "1:408"), ("deleted", "leaf pfifo")],
            id="remove",
        ),
        pytest.param(
            CITY.with_office(replace(CITY.offices[0], slot=2)),
            [
                ("set", "1:10"),
                ("set", "1:12"),
                ("set", "1:406"),
                ("set", "leaf pfifo"),
                ("deleted", "1:404"),
                ("deleted", "leaf pfifo"),
            ],
            id="move",
        ),
    ],
)
def test_a_new_generation_comes_without_a_lost_packet(
    router: Router, tmp_path: Path, new: City, expected: list[tuple[str, str]]
) -> None:
    router.activate(bundle_of(CITY))
    router.settle()
    probes = [
        Probe(router, "inet", "seg0", "10.20.1.1", seconds=4, port=5001),
        Probe(router, "inet", "seg0", "2001:db8:1001::1", seconds=4, port=5002),
        Probe(router, "inet", "seg1", "10.20.3.1", seconds=4, port=5003),
        Probe(router, "seg1", "inet", "198.51.100.1", seconds=4, port=5004),
    ]
    unmatched = {device: router.sent(device, "1:2") for device in ("ifb0", "wan0")}
    bundle = bundle_of(new)
    with router.monitored() as said:
        answer = router.activate(bundle)
    assert answer.code == 0, answer.words
    assert answer.said["rebuilt"] is False
    assert all(probe.running() for probe in probes)
    for device in ("ifb0", "wan0"):
        seen = {(verb, one) for verb, one, where in touched(said) if where == device}
        leaves = {item for item in seen if item[1].startswith("leaf")}
        assert seen - leaves == {item for item in expected if not item[1].startswith("leaf")}
    assert router.shaping() == loaded_by_hand(bundle, "day", tmp_path / "yardstick")
    assert [probe.lost() for probe in probes] == [0, 0, 0, 0]
    # nothing fell through the maps while they were changed
    assert {device: router.sent(device, "1:2") for device in unmatched} == unmatched
    assert router.komando("hours").said["changes"] == []
    assert router.komando("observe").said["kernel"] == "ok"


def test_routes_come_and_go_with_their_office(router: Router) -> None:
    router.activate(bundle_of(CITY))
    router.sh("ip route add 10.99.0.0/16 via 172.20.0.2")
    before = router.state()
    router.activate(bundle_of(CITY.with_office(Office(4)).without(2)))
    state = router.state()
    assert "10.20.4.0/24 via 172.20.0.2 dev lan0 proto 75" in state
    assert "2001:db8:1004::/48" in state
    assert "10.20.2.0/24" not in state
    assert "2001:db8:1002::/48" not in state
    assert "10.99.0.0/16 via 172.20.0.2" in state
    router.activate(bundle_of(CITY))
    assert router.state() == before


def test_addresses_that_left_go_and_those_of_others_stay(router: Router) -> None:
    plain = bundle_of(CITY).files["etc/komando/network"].decode()
    more = plain + "address replace 172.30.0.1/24 dev lan1\n"
    router.activate(bundle_of(City(extra={"etc/komando/network": more})))
    router.sh("ip address add 172.31.0.1/24 dev lan1")
    assert "172.30.0.1/24" in router.state()
    answer = router.activate(bundle_of(CITY))
    assert answer.said["other"] == ["address del 172.30.0.1/24 dev lan1"]
    assert "172.30.0.1/24" not in router.state()
    assert "172.31.0.1/24" in router.state()


def test_a_new_address_in_the_same_subnet_keeps_the_routes_over_it(router: Router) -> None:
    router.activate(bundle_of(CITY))
    plain = bundle_of(CITY).files["etc/komando/network"].decode()
    moved = plain.replace("172.20.0.1/24", "172.20.0.3/24")
    answer = router.activate(bundle_of(City(extra={"etc/komando/network": moved})))
    assert answer.code == 0, answer.words
    state = router.state()
    assert "172.20.0.3/24" in state
    assert "172.20.0.1/24" not in state
    assert "10.20.1.0/24 via 172.20.0.2" in state
    assert router.komando("observe").said["kernel"] == "ok"


@pytest.mark.parametrize("move", [True, False], ids=["moved", "removed"])
def test_a_class_that_leaves_is_drained_first(router: Router, move: bool) -> None:
    slow = Office(1, ceiling=2_000_000)
    router.activate(bundle_of(CITY.with_office(slow)))
    router.settle()
    # 100 packets of 242 bytes at 2 Mbit/s: some 100 ms of backlog at the moment of the flip
    probe = Probe(router, "inet", "seg0", "10.20.1.1", seconds=0.2, port=5001, pace=0.00001)
    after = CITY.with_office(replace(slow, slot=2)) if move else CITY.without(1)
    assert router.activate(bundle_of(after)).code == 0
    assert probe.lost() == 0
    assert "1:404" not in router.shaping()


def test_a_generation_can_be_gone_back_to_without_its_archive(router: Router) -> None:
    one, two = bundle_of(CITY), bundle_of(CITY.without(2))
    router.activate(one)
    before = router.state()
    router.activate(two)
    answer = router.komando("activate", one.digest)
    assert answer.said["previous"] == two.digest
    assert router.state() == before
    answer = router.komando("export", two.digest)
    assert base64.b64decode(answer.said) == two.archive()
    assert base64.b64decode(router.komando("export").said) == one.archive()


def test_another_root_or_uplink_is_built_anew_and_the_old_tree_goes(router: Router) -> None:
    router.activate(bundle_of(CITY))
    router.sh("ip link add wan1 type ifb; ip link set wan1 up")
    moved = {
        path: content.decode().replace("wan0", "wan1")
        for path, content in bundle_of(CITY).files.items()
        if path.rpartition("/")[2] in {"router.json", "upload.tc"} or path.endswith(".up.tc")
    }
    answer = router.activate(bundle_of(City(extra=moved)))
    assert answer.code == 0, answer.words
    assert answer.said["rebuilt"] is True
    assert "htb" not in router.sh("tc qdisc show dev wan0")
    assert "class htb 1:404" in router.sh("tc class show dev wan1")
    assert router.komando("observe").said["kernel"] == "ok"
