"""`komando apply` over two hosts: waves, what it tells of each, and its exit status."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from komando.inventory import Access
from tests.cases.plan.cases import HERE
from tests.rollout.played import PlayedHost
from tests.rollout.rolled import Komando, Play, command_line
from tests.unit.edited import edit

STAGES = ("activating", "armed", "reached", "confirmed")

UPLINK = """\
  branch:
    router: core-2
    addresses: [198.51.100.6/30, "2001:db8:fffe::2/64"]
    gateways: [198.51.100.5, "2001:db8:fffe::1"]
    nat: {offices: 203.0.113.12, public: 203.0.113.13}
    capacity: 200 Mbit/s
    usable: 90 %
    price: 20000000 IDR/month
    control: 1 Mbit/s
    unmatched: 1 Mbit/s
segments:
  branch:
    router: core-2
    description: Fibre of the branch offices
    addresses: [172.20.12.1/22, "2001:db8:f003::1/64"]
"""


@pytest.fixture
def pair(play: Play) -> list[PlayedHost]:
    """Two hosts, which run nothing yet; the second one is the canary."""
    hosts = [play("core-1"), play("core-2")]
    hosts[1].canary = True
    return hosts


@pytest.fixture
def komando(
    pair: list[PlayedHost], access: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Komando:
    """The command line in a folder whose policies have a second router, with one office."""
    policies = tmp_path / "policies"
    shutil.copytree(HERE / "base", policies)
    edit(str(policies / "region.yaml"), "segments:\n", UPLINK)
    office = str(policies / "opd/dinas-sosial.yaml")
    edit(office, "segment: metro", "segment: branch")
    edit(office, "172.20.1.6", "172.20.13.6")
    edit(office, "2001:db8:f000::1:6", "2001:db8:f003::1:6")
    return command_line(pair, access, tmp_path, monkeypatch)


def stages(stderr: str) -> list[str]:
    """The lines that tell where a host stands."""
    return [line for line in stderr.splitlines() if line.startswith(("core-1: ", "core-2: "))]


def test_each_host_is_told_stage_by_stage_in_the_order_of_the_waves(
    komando: Komando, pair: list[PlayedHost]
) -> None:
    result = komando("apply", "--no-verify")
    assert result.exit_code == 0, result.output
    assert stages(result.stderr) == [
        *(f"core-2: {stage}" for stage in STAGES),
        *(f"core-1: {stage}" for stage in STAGES),
    ]
    for host in pair:
        assert f"{host.name} runs {(host.digest or '')[:12]}: 1 classes" in result.stdout
    again = komando("apply", "--no-verify")
    assert (again.exit_code, stages(again.stderr)) == (0, [])
    assert "Nothing changes" in again.stdout


def test_at_once_the_stages_of_all_come_together(komando: Komando, pair: list[PlayedHost]) -> None:
    result = komando("apply", "--no-verify", "--at-once")
    assert result.exit_code == 0, result.output
    assert stages(result.stderr) == [f"{host.name}: {stage}" for stage in STAGES for host in pair]


@pytest.mark.parametrize("fault", ["refused", "lacking"])
def test_a_canary_that_fails_ends_the_apply_with_1(
    komando: Komando, pair: list[PlayedHost], fault: str
) -> None:
    getattr(pair[1], fault)["*"] = "table inet shaper is missing"
    result = komando("apply", "--no-verify")
    assert result.exit_code == 1
    assert "core-1 was not touched and runs nothing: wave 1 failed" in result.stderr
    assert "table inet shaper is missing" in result.stderr
    assert pair[0].verbs == ["observe"]
    assert [host.digest for host in pair] == [None, None]


def test_a_host_that_cuts_itself_off_comes_back_by_itself(
    komando: Komando, pair: list[PlayedHost], monkeypatch: pytest.MonkeyPatch
) -> None:
    del monkeypatch
    edit("inventories/production/hosts.yaml", "confirm_within: 60", "confirm_within: 3", times=2)
    pair[1].cutting.add("*")
    result = komando("apply", "--no-verify")
    assert result.exit_code == 1
    assert "core-2 was taken back and runs nothing again: it could not be reached: " in (
        result.stderr
    )
    assert "; the host says: nobody confirmed it in time" in result.stderr
    assert stages(result.stderr) == [
        f"core-2: {stage}"
        for stage in (
            *("activating", "armed", "taking back"),
            *("waiting for its window to close", "taken back"),
        )
    ]
    assert pair[1].events == ["armed", "reverted"]


def test_one_host_that_is_away_does_not_stop_the_other_and_is_listed(
    komando: Komando, pair: list[PlayedHost]
) -> None:
    pair[1].close()
    result = komando("apply", "--no-verify")
    assert result.exit_code == 3
    assert f"core-1 runs {(pair[0].digest or '')[:12]}" in result.stdout
    assert "core-2 was not reached: Could not connect: refused by 127.0.0.2" in result.stderr
    assert result.stderr.splitlines()[-1] == "not reached: core-2"
    assert pair[0].events == ["armed", "confirmed"]
    finished, _ = json.loads(komando("ledger", "show", "--format", "json").stdout)
    assert {name: one["result"] for name, one in finished["hosts"].items()} == {
        "core-1": "carried",
        "core-2": "unreached",
    }
    assert finished["result"] == "partial"


def test_a_host_that_is_away_does_not_hide_that_another_one_failed(
    komando: Komando, pair: list[PlayedHost]
) -> None:
    pair[1].close()
    pair[0].refused["*"] = "no space left on device"
    assert komando("apply", "--no-verify").exit_code == 1


def test_a_limit_touches_no_other_host_and_says_partial(
    komando: Komando, pair: list[PlayedHost]
) -> None:
    result = komando("apply", "--no-verify", "--limit", "core-1")
    assert result.exit_code == 0, result.output
    assert "PARTIAL: --limit left the other hosts out" in result.stdout
    assert pair[0].events == ["armed", "confirmed"]
    assert (pair[1].verbs, pair[1].digest) == ([], None)
    assert "PARTIAL" not in komando("apply", "--no-verify").output


def test_a_plan_of_more_hosts_than_stand_now_does_not_hold(
    komando: Komando, pair: list[PlayedHost]
) -> None:
    assert komando("plan", "--out", "plan.json").exit_code == 2
    shutil.rmtree("policies")
    shutil.copytree(HERE / "base", "policies")
    hosts = Path("inventories/production/hosts.yaml")
    machines = yaml.safe_load(hosts.read_text())
    del machines["all"]["children"]["router"]["hosts"]["core-2"]
    hosts.write_text(yaml.safe_dump(machines))
    result = komando("apply", "plan.json", "--no-verify")
    assert result.exit_code == 1
    assert "core-2: it is only in the plan that was made" in result.stderr
    assert [host.digest for host in pair] == [None, None]


def test_a_plan_holds_for_those_that_a_limit_leaves_and_for_those_that_answer(
    komando: Komando, pair: list[PlayedHost]
) -> None:
    komando("plan", "--out", "plan.json")
    limited = komando("apply", "plan.json", "--no-verify", "--limit", "core-1")
    assert limited.exit_code == 0, limited.output
    assert pair[1].digest is None
    komando("plan", "--out", "plan.json")
    pair[0].close()
    assert komando("apply", "plan.json", "--no-verify").exit_code == 3
    assert pair[1].events == ["armed", "confirmed"]


def test_no_word_of_a_host_steers_the_terminal(komando: Komando, pair: list[PlayedHost]) -> None:
    pair[1].refused["*"] = "\x1b]0;owned\x07\x1b[2Jall is well"
    result = komando("apply", "--no-verify")
    assert result.exit_code == 1
    assert "\ufffd]0;owned\ufffd\ufffd[2Jall is well" in result.stderr
    assert not {"\x1b", "\x07"} & set(result.output)


def test_records_that_could_not_be_had_are_named_and_end_verify_with_3(
    komando: Komando, pair: list[PlayedHost]
) -> None:
    assert komando("apply", "--no-verify").exit_code == 0
    whole = komando("ledger", "verify")
    assert (whole.exit_code, whole.stdout) == (0, "2 entries: all of it fits\n"), whole.output
    pair[1].close()
    partly = komando("ledger", "verify")
    assert partly.exit_code == 3
    assert partly.stdout == "2 entries: all of it fits, without core-2\n"
    assert "core-2: Could not connect" in partly.stderr


def test_a_limit_that_names_nobody_is_an_error(komando: Komando, pair: list[PlayedHost]) -> None:
    result = komando("apply", "--limit", "core-1,core-9")
    assert result.exit_code == 1
    assert "--limit names 'core-9', and the policies have core-1, core-2" in result.stderr
    assert [host.verbs for host in pair] == [[], []]


@pytest.fixture
def looked_at(pair: list[PlayedHost]) -> list[PlayedHost]:
    """The same, of which the first has the second as its neighbour."""
    pair[0].neighbour = pair[1].name
    return pair


@pytest.mark.usefixtures("looked_at")
def test_a_change_that_no_neighbour_looked_at_is_told_and_stands_so_in_the_ledger(
    pair: list[PlayedHost], komando: Komando
) -> None:
    pair[1].close()
    result = komando("apply", "--no-verify")
    assert result.exit_code == 3, result.output
    assert "core-1: reached; its neighbour core-2 is away" in result.stderr
    assert "core-1 was confirmed all the same: its neighbour core-2 is away\n" in result.stderr
    (finished,) = json.loads(komando("ledger", "show", "--format", "json", "-n", "1").stdout)
    said = finished["hosts"]["core-1"]
    assert (said["result"], said["reason"]) == ("carried", "its neighbour core-2 is away")
    assert said["time"] <= finished["time"]
    assert finished["hosts"]["core-2"]["time"] is None, "it was never asked"
