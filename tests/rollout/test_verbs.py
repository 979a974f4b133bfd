"""`komando plan` and `komando apply`, whole, against a played host over real ssh."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path

import pytest
import yaml

from komando.ledger.errors import GitError
from komando.ledger.turn import Turn
from komando.rollout.session import Session
from tests.rollout.played import PlayedHost
from tests.rollout.rolled import Komando, acknowledge, bundle, press_ctrl_c
from tests.unit.edited import edit

UNKNOWN = "is not known to run the one or the other; `komando plan` asks it"


def test_from_nothing_to_nothing_changes(komando: Komando, host: PlayedHost) -> None:
    first = komando("plan")
    assert first.exit_code == 2, first.output
    assert "3 offices and 2 public points will be shaped" in first.output
    applied = komando("apply", "--no-verify")
    assert applied.exit_code == 0, applied.output
    assert host.verbs == ["observe", "observe", "activate", "confirm"]

    host.verbs.clear()
    second = komando("apply", "--no-verify")
    assert second.exit_code == 0
    assert "Nothing changes" in second.output
    assert komando("plan").exit_code == 0
    assert host.verbs == ["observe", "observe"]


def test_an_edit_is_planned_by_office_line_and_rates(komando: Komando, host: PlayedHost) -> None:
    komando("apply", "--no-verify")
    edit("policies/opd/dinas-kesehatan.yaml", "guarantee: 20 Mbit/s", "guarantee: 25 Mbit/s")
    plan = komando("plan", "--no-diff")
    assert plan.exit_code == 2
    assert "Dinas Kesehatan (dinas-kesehatan)" in plan.output
    assert "20 Mbit/s -> 25 Mbit/s" in plan.output
    assert "policies/opd/dinas-kesehatan.yaml:6:12" in plan.output
    assert "export" not in host.verbs, "what was applied from here is in the cache"


def test_a_jump_host_is_asked_for_nothing(komando: Komando, host: PlayedHost) -> None:
    """Nobody listens at its address; no policy speaks of it, and it has no generations."""
    hosts = Path("inventories/production/hosts.yaml")
    written = yaml.safe_load(hosts.read_text())
    bastion = {"ansible_host": "127.0.0.9", "ansible_port": 1}
    written["all"]["children"]["jump"] = {"hosts": {"bastion": bastion}}
    hosts.write_text(yaml.safe_dump(written))
    plan = komando("plan")
    assert plan.exit_code == 2, plan.output
    assert "bastion" not in plan.output
    assert komando("apply", "--no-verify").exit_code == 0
    chain = komando("ledger", "verify")
    assert (chain.exit_code, chain.stderr) == (0, "")
    refused = komando("rollback", "bastion")
    assert refused.exit_code == 1
    assert "no router 'bastion': the inventory has core-1" in refused.stderr
    assert host.digest is not None


def test_what_could_not_be_written_down_is_no_success(
    komando: Komando, host: PlayedHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise GitError("No space left on device")

    monkeypatch.setattr(Turn, "finish", full)
    result = komando("apply", "--no-verify")
    assert result.exit_code == 1
    assert "core-1 runs " in result.stdout
    assert "NOT RECORDED: No space left on device" in result.stderr
    assert host.digest is not None


def test_policies_that_are_wrong_ask_no_host(komando: Komando, host: PlayedHost) -> None:
    edit("policies/opd/dinas-kesehatan.yaml", "20 Mbit/s", "20 Mbit")
    for verb in ("plan", "apply"):
        result = komando(verb)
        assert result.exit_code == 1
        assert "policies/opd/dinas-kesehatan.yaml:6:12" in result.output
    assert host.verbs == []


@pytest.mark.parametrize(("verb", "code"), [("plan", 1), ("apply", 3)])
def test_a_host_that_is_away_is_named(
    komando: Komando, host: PlayedHost, verb: str, code: int
) -> None:
    host.close()
    result = komando(verb)
    assert result.exit_code == code
    assert "core-1" in result.stderr
    assert f"Could not connect: refused by 127.0.0.1 port {host.port}" in result.stderr
    assert "Errno" not in result.stderr


def test_a_refusal_is_told_with_its_reason(komando: Komando, host: PlayedHost) -> None:
    host.refused["*"] = "nft: line 3: no such map"
    result = komando("apply", "--no-verify")
    assert result.exit_code == 1
    assert "core-1 was taken back and runs nothing again: nft: line 3: no such map" in (
        result.stderr
    )


@pytest.mark.parametrize(
    ("times", "words"),
    [
        (1, "core-1 was taken back and runs nothing again: interrupted\n"),
        (2, f"core-1 {UNKNOWN}: interrupted; unconfirmed, it reverts by itself within 60 s\n"),
    ],
)
def test_ctrl_c_tells_where_the_host_stands(
    komando: Komando, host: PlayedHost, times: int, words: str
) -> None:
    host.hold = threading.Event()
    press_ctrl_c(times, host.begun, host.hold)
    result = komando("apply")
    assert result.exit_code == 1
    assert words in result.stderr


def test_files_that_are_damaged_on_the_host_are_given_again(
    komando: Komando, host: PlayedHost
) -> None:
    komando("apply", "--no-verify")
    host.damage()
    plan = komando("plan")
    assert plan.exit_code == 2
    assert "to be repaired; the host says: missing: generation " in plan.output
    assert "is damaged on disk: its files differ" in plan.output
    assert komando("apply", "--no-verify").exit_code == 0
    assert host.program().standing.observe()["kernel"] == "ok"


def test_an_edit_reaches_a_host_whose_files_are_damaged(
    komando: Komando, host: PlayedHost, tmp_path: Path
) -> None:
    komando("apply", "--no-verify")
    host.damage()
    shutil.rmtree(tmp_path / "cache")
    edit("policies/opd/dinas-kesehatan.yaml", "guarantee: 20 Mbit/s", "guarantee: 25 Mbit/s")
    plan = komando("plan", "--acknowledge")
    assert plan.exit_code == 2, plan.output
    assert "what it runs is not known, so the whole bundle is the change: 3 offices" in plan.output
    assert "note  core-1 gave no files: generation " in plan.output
    acknowledge("unread")
    applied = komando("apply", "--no-verify")
    assert applied.exit_code == 0, applied.output
    assert "core-1 runs " in applied.output


def test_another_apply_in_between_is_refused(komando: Komando, host: PlayedHost) -> None:
    hold = host.hold = threading.Event()
    meanwhile = bundle("core-1", "another's")

    def another() -> None:
        host.begun.wait(30)
        host.run(meanwhile)
        hold.set()

    threading.Thread(target=another, daemon=True).start()
    result = komando("apply", "--no-verify")
    assert result.exit_code == 1
    assert f"generation {meanwhile.digest} runs here, where the plan saw none: plan again" in (
        result.stderr
    )
    assert host.digest == meanwhile.digest


def test_a_change_that_waits_is_waited_for_and_not_by_a_plan(
    komando: Komando, host: PlayedHost
) -> None:
    assert komando("apply", "--no-verify").exit_code == 0
    edit("policies/opd/rsud.yaml", "ceiling: 80 Mbit/s", "ceiling: 85 Mbit/s")
    host.arm(bundle("core-1"), within=6, sequence=1)
    begun = time.monotonic()
    assert komando("plan", "--no-diff").exit_code == 2
    assert host.armed, f"a plan took {time.monotonic() - begun:.0f} s"
    result = komando("apply", "--no-verify")
    assert result.exit_code == 0, result.output
    assert host.events == ["armed", "confirmed", "armed", "reverted", "armed", "confirmed"]
    assert host.words[-2][5:8] == ["60", "--sequence", "2"]


def test_a_change_that_nobody_confirmed_is_told_until_another_one_has_come(
    komando: Komando, host: PlayedHost
) -> None:
    assert komando("apply", "--no-verify").exit_code == 0
    lost = bundle("core-1")
    host.arm(lost, within=1, sequence=1)  # and its controller dies
    while host.armed:
        time.sleep(0.1)
    words = f"core-1: its last change {lost.digest[:12]} was taken back at "
    for verb in (("plan",), ("plan", "--format", "markdown"), ("apply", "--no-verify")):
        told = komando(*verb)
        assert told.exit_code == 0, told.output
        assert words in told.stdout.replace("`", "")  # in Markdown a digest is code
        assert "Z: nobody confirmed it in time" in told.stdout
    host.bypassed()
    assert words in komando("plan").stdout, "what is done at the console is no other change"
    edit("policies/opd/rsud.yaml", "ceiling: 80 Mbit/s", "ceiling: 85 Mbit/s")
    applied = komando("apply", "--no-verify")
    assert applied.exit_code == 0
    assert words in applied.stdout
    assert "was taken back" not in komando("plan").stdout


@pytest.mark.parametrize(
    ("spoken", "older"), [(1, "its program is older"), (3, "this controller is older")]
)
def test_a_host_that_speaks_another_protocol_is_left_alone(
    komando: Komando, host: PlayedHost, spoken: int, older: str
) -> None:
    host.protocol = spoken
    for verb in ("plan", "apply"):
        result = komando(verb)
        assert result.exit_code in (1, 3)
        assert f"it speaks protocol {spoken}, and 2 is spoken here: {older}" in result.stderr
    assert host.verbs == ["observe", "observe"]


def test_ctrl_c_at_the_end_of_an_apply_does_not_say_that_nothing_changed(
    komando: Komando, host: PlayedHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = Session._end

    def interrupted(self: Session, *, kill: bool) -> None:
        end(self, kill=kill)
        raise KeyboardInterrupt

    monkeypatch.setattr(Session, "_end", interrupted)
    result = komando("apply", "--no-verify")
    assert result.exit_code == 1
    assert (
        "interrupted; a change that was not confirmed reverts by itself, and `komando plan` asks "
        "the hosts what they run"
    ) in result.stderr
    assert "no host was changed" not in result.output
    assert "interrupted; no host was changed" in komando("plan").stderr
    assert host.digest is not None


def test_a_plan_holds_only_as_long_as_it_is_true(komando: Komando, host: PlayedHost) -> None:
    komando("plan", "--out", "plan.json")
    edit("policies/opd/dinas-kesehatan.yaml", "guarantee: 20 Mbit/s", "guarantee: 25 Mbit/s")
    stale = komando("apply", "plan.json", "--no-verify")
    assert stale.exit_code == 1
    assert "core-1: it shall run " in stale.stderr
    assert "activate" not in host.verbs
    komando("plan", "--out", "plan.json")
    applied = komando("apply", "plan.json", "--no-verify")
    assert applied.exit_code == 0
    assert "dinas-kesehatan" not in applied.output, "it was read before"
    komando("plan", "--out", "plan.json")
    assert "Nothing changes" in komando("apply", "plan.json", "--no-verify").output


def test_a_plan_that_changes_nothing_does_not_hold_for_a_repair(
    komando: Komando, host: PlayedHost
) -> None:
    komando("apply", "--no-verify")
    assert komando("plan", "--out", "plan.json").exit_code == 0
    host.kernel = "missing: table inet shaper"
    host.verbs.clear()
    stale = komando("apply", "plan.json", "--no-verify")
    assert stale.exit_code == 1
    assert "core-1: it is in another state (repair, and not same)" in stale.stderr
    assert host.verbs == ["observe"]


def test_what_is_no_plan_is_told_before_any_host_is_asked(
    komando: Komando, host: PlayedHost
) -> None:
    Path("plan.json").write_text('{"hosts": []}')
    result = komando("apply", "plan.json")
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: plan.json is no plan of `komando plan --out`: it has no `format`\n"
    )
    assert host.verbs == []


def test_a_key_that_does_not_stand_is_named_with_its_option(
    komando: Komando, host: PlayedHost
) -> None:
    result = komando("plan", "--identity", "/nonexistent")
    assert result.exit_code == 1
    assert "Invalid value for '--identity'" in result.stderr
    assert "File '/nonexistent' does not exist." in result.stderr
    assert "KOMANDO_IDENTITY" in komando("plan", "--help").stdout
    assert host.verbs == []


def test_without_known_hosts_nobody_is_asked(komando: Komando, host: PlayedHost) -> None:
    Path("inventories/production/known_hosts").unlink()
    result = komando("plan")
    assert result.exit_code == 1
    assert "inventories/production/known_hosts does not stand" in result.output
    assert host.verbs == []


def test_an_unknown_inventory_names_those_that_there_are(komando: Komando) -> None:
    result = komando("plan", "--inventory", "productoin")
    assert result.exit_code == 1
    assert "inventories/ has production" in result.output


def test_from_another_folder_it_says_where_to_run_it(
    komando: Komando, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path / "policies")
    assert komando("plan").stderr == (
        "Error: no inventory 'production', as there is no folder inventories/ here: run it in "
        "the repository's folder, or name the inventory's own folder with --inventory\n"
    )


def test_files_that_cannot_be_written_are_one_sentence(komando: Komando) -> None:
    result = komando("render", "--out", "policies/region.yaml/rendered")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("Error: policies/region.yaml/rendered/")
    assert result.stderr.endswith(": not a directory\n")
