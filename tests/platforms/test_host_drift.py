"""Whatever a person changes by hand on a router is seen, with the words and the lines of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from komando.host.steer import parse_steering
from tests.host_bundle import City, Office, bundle_of
from tests.host_network import Router
from tests.platforms.drifting import (
    BUNDLE,
    drift,
    findings,
    only,
    repaired,
    repaired_after,
    router_with_links,
)
from tests.platforms.standing import DAY, NIGHT

pytestmark = pytest.mark.root

STATE = "var/lib/komando"
FOLDER = f"{STATE}/generations/{BUNDLE.digest}"
DOWNLOAD = "etc/komando/tc/download.tc"


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    with router_with_links(tmp_path_factory.mktemp("drift") / "root", "hdrift") as one:
        yield one


@pytest.fixture
def router(standing: Router) -> Iterator[Router]:
    with repaired_after(standing) as one:
        yield one


def test_a_clean_router_has_no_drift_and_tells_what_observe_tells(router: Router) -> None:
    said, observed = drift(router), router.komando("observe").said
    assert said.pop("findings") == []
    assert said.pop("mended") == []
    program = said.pop("program")
    assert len(program["digest"]) == 64
    assert set(program["laid"].values()) == {None}, "nothing is laid below the scratch root"
    del observed["calendar"], said["calendar"], observed["clock"], said["clock"]
    assert said == observed


def test_looking_for_drift_touches_nothing(router: Router) -> None:
    router.sh("tc qdisc del dev ifb0 root; ip route del default")
    before = router.state()
    with router.monitored() as said:
        assert len(findings(router)) == 2
    assert said == []
    assert router.state() == before


def test_a_file_that_was_edited_is_shown_as_a_diff_and_mended(router: Router) -> None:
    path = router.root / FOLDER / DOWNLOAD
    text = path.read_text()
    path.write_text(text.replace("rate 1000000bit ceil 1000000bit", "rate 9000000bit ceil 1bit"))
    one = only(router)
    assert (one["kind"], one["where"], one["found"]) == ("file", DOWNLOAD, "changed by hand")
    assert "\n-class add dev ifb0 parent 1:1 classid 1:2 htb rate 1000000bit" in one["diff"]
    assert (
        "\n+class add dev ifb0 parent 1:1 classid 1:2 htb rate 9000000bit ceil 1bit"
        in (one["diff"])
    )
    repaired(router)
    assert path.read_text() == text


def test_files_that_are_missing_and_files_beside_are_told_and_mended(router: Router) -> None:
    folder = router.root / FOLDER / "etc/komando"
    (folder / "intent.json").unlink()
    (folder / "network~").write_text("secret of an editor")
    (folder / "tc/profiles/noon.down.tc").write_text("")
    (folder / "router.json").chmod(0o666)
    found = {one["where"]: one for one in findings(router)}
    assert found["etc/komando/intent.json"]["found"] == "it is missing"
    beside = found["etc/komando/network~"]
    assert beside["found"] == "19 bytes, which are not of the generation"
    assert beside["diff"] == ""
    assert found["etc/komando/tc/profiles/noon.down.tc"]["expected"] == "no such file"
    assert found["etc/komando/router.json"]["found"] == "owner 0, mode 0666"
    assert len(found) == 4
    repaired(router)


def test_folders_that_others_may_write_are_told_and_mended(router: Router) -> None:
    folder = router.root / FOLDER
    places = [folder.parent.parent, folder.parent, folder, folder / "etc", folder / "etc/sysctl.d"]
    for place in places:
        place.chmod(0o777)
    (folder / "bundle.tar.gz").chmod(0o644)
    found = [(one["where"], one["found"]) for one in findings(router)]
    assert found == [
        *((f"/{name}", "owner 0, mode 0777") for name in (STATE, f"{STATE}/generations", FOLDER)),
        *((name, "owner 0, mode 0777") for name in ("etc", "etc/sysctl.d")),
        ("bundle.tar.gz", "owner 0, mode 0644"),
    ]
    repaired(router)
    assert {place.stat().st_mode & 0o7777 for place in places} == {0o755}


def test_a_generation_of_which_nothing_is_whole_is_told_as_lost(router: Router) -> None:
    (router.root / FOLDER / "bundle.tar.gz").unlink()
    one = only(router)
    assert (one["where"], one["found"]) == ("bundle.tar.gz", "it is missing")
    (router.root / FOLDER / DOWNLOAD).write_text("# gone\n")
    assert "what was there is lost" in only(router)["found"]
    assert router.activate(BUNDLE).code == 0
    assert findings(router) == []


def test_links_that_lead_elsewhere_are_told(router: Router) -> None:
    link, current = router.root / "etc/komando", router.root / "var/lib/komando/current"
    target = link.readlink()
    link.unlink()
    link.symlink_to("/tmp/mine")  # noqa: S108  # it is never followed
    assert (only(router)["kind"], only(router)["found"]) == ("link", "-> /tmp/mine")
    link.unlink()
    assert only(router)["found"] == "it is missing"
    link.mkdir()
    assert only(router)["found"] == "something else than a link"
    link.rmdir()
    link.symlink_to(target)
    leads = current.readlink()
    current.unlink()
    said = drift(router)
    assert said["generation"] is None
    where = [(one["where"], one["found"], one["mend"]) for one in said["findings"]]
    assert ("/var/lib/komando/current", "it is missing", "apply") in where
    current.symlink_to(leads)


def test_a_link_past_the_generations_is_told_and_led_back(router: Router) -> None:
    current = router.root / "var/lib/komando/current"
    for target in (f"/nowhere/{BUNDLE.digest}", "/nowhere"):
        current.unlink()
        current.symlink_to(target)
        one = only(router)
        assert (one["where"], one["found"], one["mend"]) == (
            *("/var/lib/komando/current", f"-> {target}", "repair"),
        )
        router.sh("nft delete table inet shaper")
        assert router.komando("hours").code == 0
        assert (only(router)["kind"], router.komando("observe").said["kernel"]) == ("link", "ok")
        repaired(router)
        assert str(current.readlink()) == f"generations/{BUNDLE.digest}"


def test_a_record_that_ends_in_something_else_is_told_and_stops_nothing(router: Router) -> None:
    record = router.root / STATE / "record"
    before = record.read_bytes()
    router.sh("tc qdisc del dev ifb0 root")
    record.write_bytes(before + b"something else\n")
    assert router.komando("hours").code == 0
    one = only(router)
    assert (one["kind"], one["where"], one["mend"]) == ("record", f"/{STATE}/record", "console")
    assert router.komando("observe").said["kernel"] == "ok"
    record.write_bytes(before)
    assert findings(router) == []


def test_a_rule_in_our_table_is_shown(router: Router) -> None:
    router.sh("nft insert rule inet shaper post ip saddr 10.20.1.0/24 drop")
    one = only(router)
    assert (one["kind"], one["where"]) == ("table", "inet shaper")
    assert one["found"] == "changed by hand: 1 lines more, 0 less"
    assert "\n+\t\tip saddr 10.20.1.0/24 drop" in one["diff"]
    router.sh("nft delete table inet shaper")
    assert only(router)["found"] == "it is missing"
    repaired(router)


@pytest.mark.parametrize("table", ["inet shaper", "ip komando_nat"])
def test_a_chain_in_our_table_is_told_and_goes_by_itself(router: Router, table: str) -> None:
    before = router.shaping()
    router.sh(
        f"nft add chain {table} mine '{{ type filter hook forward priority 0; }}'; "
        f"nft add rule {table} mine ip saddr 10.20.1.0/24 drop"
    )
    one = only(router)
    assert (one["kind"], one["where"], one["mend"]) == ("table", table, "repair")
    assert "+\tchain mine {" in one["diff"].splitlines()
    answer = router.komando("hours")
    assert (answer.code, answer.words) == (0, "")
    assert router.shaping() == before
    assert findings(router) == []


def test_a_chain_in_our_table_goes_when_another_generation_comes(router: Router) -> None:
    router.sh("nft add chain inet shaper mine '{ type filter hook forward priority 0; }'")
    other = bundle_of(City().without(1))
    assert router.activate(other).code == 0
    assert "chain mine" not in router.shaping()
    assert findings(router) == []


def test_our_own_changes_leave_the_table_in_its_place(router: Router) -> None:
    named = "nft -a list table inet shaper | head -n 1"
    before = router.sh(named)
    for moment in (NIGHT, DAY):
        assert router.komando("clock", moment).code == 0
    assert router.activate(bundle_of(City().without(1))).code == 0
    assert "10.20.1.0/24" not in router.shaping()
    assert router.activate(BUNDLE).code == 0
    assert router.sh(named) == before


def test_an_element_of_a_map_that_was_changed_is_shown(router: Router) -> None:
    router.sh(
        "nft delete element inet shaper c4 { 10.20.1.0/24 }; "
        "nft add element inet shaper c4 { 10.20.1.0/24 : 1:2 }"
    )
    one = only(router)
    assert "10.20.1.0/24 : 1:404" in one["diff"]
    assert "10.20.1.0/24 : 1:2" in one["diff"]
    repaired(router)


def test_classes_are_compared_one_by_one(router: Router) -> None:
    router.sh(
        "tc class change dev ifb0 parent 1:10 classid 1:404 htb rate 3mbit ceil 5mbit; "
        "tc qdisc del dev ifb0 parent 1:408; tc class del dev ifb0 classid 1:408; "
        "tc class add dev ifb0 parent 1:1 classid 1:777 htb rate 1mbit; "
        "tc qdisc replace dev ifb0 parent 1:20 handle 20: pfifo limit 7"
    )
    one = only(router)
    assert (one["kind"], one["where"]) == ("tree", "ifb0")
    assert one["found"] == "2 changed, 2 missing, 1 strange"
    lines = one["diff"].splitlines()
    assert any(line.startswith("-class htb 1:404 parent 1:10") for line in lines)
    assert any(
        line.startswith("+class htb 1:404 parent 1:10") and "rate 3Mbit ceil 5Mbit" in line
        for line in lines
    )
    assert any(line.startswith("-class htb 1:408 ") for line in lines)
    assert any(line.startswith("+class htb 1:777 ") for line in lines)
    assert "-qdisc pfifo 20: parent 1:20 limit 100" in lines
    assert "+qdisc pfifo 20: parent 1:20 limit 7" in lines
    repaired(router)


def test_a_tree_that_is_away_or_another_one_is_told(router: Router) -> None:
    router.sh("tc qdisc del dev wan0 root; tc qdisc add dev wan0 root handle 5: pfifo")
    one = only(router)
    assert (one["where"], one["found"]) == ("wan0", "another qdisc is at its root")
    assert one["diff"].splitlines()[1] == "+qdisc pfifo 5: root"
    router.sh("ip link set ifb0 down")
    assert {one["found"] for one in findings(router)} >= {"it is down"}
    repaired(router)


def test_steering_that_is_away_or_changed_is_told(router: Router) -> None:
    router.sh("tc qdisc del dev lan0 clsact; tc filter del dev lan1 egress prio 1")
    one, other = findings(router)
    assert (one["kind"], one["where"], one["found"]) == ("steering", "lan0", "it is missing")
    assert one["diff"].splitlines()[0] == "-qdisc dev lan0 clsact"
    assert other["where"] == "lan1"
    assert "mirred egress redirect dev ifb0" in other["diff"]
    repaired(router)


def test_a_second_filter_in_the_place_of_ours_is_told_and_goes_by_itself(router: Router) -> None:
    before = router.state()
    router.sh(
        "tc filter add dev lan0 egress protocol all prio 1 handle 9 "
        "bpf bytecode '1,6 0 0 262144' action mirred egress mirror dev lan1"
    )
    one = only(router)
    assert (one["kind"], one["where"], one["found"]) == ("steering", "lan0", "it is changed")
    words = "filter dev lan0 egress prio 1 protocol all bpf handle"
    added = [line for line in one["diff"].splitlines() if line.startswith("+")]
    assert added == [f"+{words} 0x9: mirred mirror lan1", f"+{words} 0x1: mirred redirect ifb0"]
    assert "steering: filter del dev lan0" in router.komando("observe").said["kernel"]
    answer = router.komando("hours")
    assert (answer.code, answer.words) == (0, "")
    assert router.state() == before
    assert findings(router) == []


def test_a_filter_that_does_more_than_ours_in_its_place_is_told_and_mended(router: Router) -> None:
    program = (
        parse_steering(BUNDLE.text("etc/komando/tc/steer.tc"), ("lan0", "lan1"), "ifb0")
        .filters[0]
        .redirect.bytecode
    )
    router.sh(
        f"tc filter replace dev lan0 egress protocol all prio 1 handle 1 bpf bytecode '{program}' "
        "action mirred egress mirror dev lan1 action mirred egress redirect dev ifb0"
    )
    one = only(router)
    assert "0x1: mirred mirror lan1, mirred redirect ifb0" in one["diff"]
    repaired(router)


def test_routes_and_addresses_are_told(router: Router) -> None:
    router.sh(
        "ip route del default; ip route replace 10.20.1.0/24 via 172.21.0.2 proto 75; "
        "ip route add 192.0.2.0/24 via 172.20.0.2 proto 75; "
        "ip -6 address del 2001:db8:f001::1/64 dev lan1"
    )
    address, route = sorted(findings(router), key=lambda one: one["kind"])
    assert (address["kind"], address["where"]) == ("address", "lan1")
    assert address["diff"] == "-2001:db8:f001::1/64 dev lan1"
    assert "1 strange" in route["found"]
    lines = route["diff"].splitlines()
    assert "-0.0.0.0/0 via 198.51.100.1 dev wan0" in lines
    assert "+192.0.2.0/24 via 172.20.0.2 dev lan0" in lines
    assert "-10.20.1.0/24 via 172.20.0.2 dev lan0" in lines
    assert "+10.20.1.0/24 via 172.21.0.2 dev lan1" in lines
    repaired(router)


def test_an_interface_that_is_down_or_away_is_told(router: Router) -> None:
    router.sh("ip link set lan1 down")
    kinds = {(one["kind"], one["where"], one["found"]) for one in findings(router)}
    assert ("address", "lan1", "it is down") in kinds
    router.sh("ip link set lan1 name away")
    kinds = {(one["kind"], one["where"], one["found"]) for one in findings(router)}
    assert ("address", "lan1", "it is away") in kinds
    router.sh("ip link set away name lan1; ip link set lan1 up")


def test_settings_and_offloads_are_told(router: Router) -> None:
    router.sh("sysctl -qw net.ipv4.ip_forward=0; ethtool -K lan0 gso on")
    one, other = sorted(findings(router), key=lambda one: one["kind"])
    assert (one["kind"], one["where"], one["found"]) == ("offload", "lan0", "gso on")
    assert other["where"] == "net.ipv4.ip_forward"
    assert other["diff"] == "-net.ipv4.ip_forward = 1\n+net.ipv4.ip_forward = 0"
    repaired(router)


def test_what_the_hours_mend_is_written_down_and_counted(router: Router) -> None:
    for _ in range(2):
        router.sh("tc class change dev ifb0 parent 1:10 classid 1:404 htb rate 3mbit ceil 5mbit")
        answer = router.komando("hours")
        assert (answer.code, answer.words) == (0, "")
    said = drift(router)
    assert said["findings"] == []
    (entry,) = said["mended"]
    assert entry["words"] == ["tree ifb0: 1 changed"]
    assert entry["times"] == 2
    assert "+class htb 1:404 parent 1:10" in entry["diff"]
    assert entry["generation"] == BUNDLE.digest
    router.sh("nft delete table inet shaper")
    router.komando("hours")
    assert [one["times"] for one in drift(router)["mended"]] == [2, 1]


def test_an_hour_switch_and_a_change_of_ours_are_not_written_down(router: Router) -> None:
    router.komando("clock", NIGHT)
    router.komando("clock", DAY)
    other = bundle_of(City().with_office(Office(1, guarantee=11_000_000)))
    assert router.activate(other).code == 0
    assert router.activate(BUNDLE).code == 0
    router.komando("hours")
    assert not (router.root / "var/lib/komando/mended").exists()


def test_what_was_mended_before_the_last_change_is_told_no_more(router: Router) -> None:
    router.sh("nft delete table inet shaper")
    router.komando("hours")
    assert len(drift(router)["mended"]) == 1
    path = router.root / "var/lib/komando/mended"
    entries = json.loads(path.read_text())
    entries[0]["last"] = "2020-01-01T00:00:00Z"
    path.write_text(json.dumps(entries))
    assert drift(router)["mended"] == []


def test_a_bypass_is_drift_and_hides_what_it_took_away(router: Router) -> None:
    assert router.komando("bypass", "on").code == 0
    try:
        router.sh("sysctl -qw net.ipv4.ip_forward=0")
        setting, bypass = findings(router)
        assert setting["kind"] == "setting"
        assert bypass["kind"] == "bypass"
        assert bypass["found"].endswith("by a person at the console")
    finally:
        assert router.komando("bypass", "off").code == 0
    assert findings(router) == []


def test_a_late_hour_switch_is_told(router: Router) -> None:
    evening = datetime.fromisoformat(NIGHT)
    ahead = (evening - datetime.now(UTC)).total_seconds()
    (router.root / "run/komando/clock").write_text(str(ahead))
    one = only(router)
    assert (one["where"], one["expected"]) == ("the profile", "night since 2026-11-24T08:30:00Z")
    assert one["found"] == "day"
    assert router.komando("clock", DAY).code == 0
