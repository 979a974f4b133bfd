"""`komando ledger` as it is called."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from komando.cli import main
from komando.ledger import HostResult
from tests.ledger.conftest import NEW, OLD, Clone, carried, change, git, ledger_of
from tests.ledger.test_verify import key
from tests.unit.edited import BASE


def call(verb: str, folder: Path, *arguments: str) -> Result:
    given = ("--environment", "lab", "--repository", str(folder), *arguments)
    return CliRunner().invoke(main, ["ledger", verb, *given])


def test_it_shows_who_did_what_the_newest_first(clone: Clone) -> None:
    folder = clone("one")
    ledger = ledger_of(folder)
    ledger.begin(change()).finish(carried(), "done")
    result = HostResult(before=OLD, after=OLD, result="reverted", reason="no answer\x1b[31m\nmore")
    timed = result.model_copy(update={"time": datetime(2026, 11, 24, 8, 0, 7, tzinfo=UTC)})
    ledger.begin(change()).finish({"core-1": result, "core-2": timed}, "failed")
    shown = call("show", folder)
    assert shown.exit_code == 0, shown.output
    heads = [line for line in shown.stdout.splitlines() if not line.startswith("      ")]
    assert [line.split()[0] for line in heads] == ["4", "3", "2", "1"]
    assert "2 failed" in heads[0]
    assert "core-1: reverted aaaaaaaaaaaa -> aaaaaaaaaaaa: no answer\ufffd[31m\n" in shown.stdout
    assert "core-2: reverted aaaaaaaaaaaa -> aaaaaaaaaaaa at 08:00:07: no answer" in shown.stdout
    rows = json.loads(call("show", folder, "--format", "json", "-n", "1").stdout)
    assert [(row["number"], row["entry"], row["waits"]) for row in rows] == [(4, "finished", False)]
    assert rows[0]["commit"] == git(folder, "rev-parse", "refs/komando/known/lab")


def test_the_environment_is_named_after_the_inventorys_folder(clone: Clone) -> None:
    folder = clone("one")
    ledger_of(folder).begin(change()).finish(carried(), "done")
    inventory = folder / "inventories" / "lab"
    inventory.mkdir(parents=True)
    (inventory / "hosts.yaml").write_text("all: {}\n")
    result = CliRunner().invoke(
        main, ["ledger", "show", "--inventory", str(inventory), "--repository", str(folder)]
    )
    assert "1 done" in result.stdout


def test_what_waits_is_shown_as_such_and_push_lands_it(clone: Clone, forge: Path) -> None:
    folder = clone("one")
    gone = forge.rename(forge.with_name("gone.git"))
    ledger_of(folder).begin(change(), emergency=True).finish(carried(), "done", pauses=())
    shown = call("show", folder)
    assert shown.exit_code == 0
    assert shown.stdout.count("not pushed yet") == 2
    assert "cannot be reached" in shown.stderr
    pushed = call("push", folder)
    assert pushed.exit_code == 1
    assert "cannot be reached" in pushed.stderr
    gone.rename(forge)
    assert call("push", folder).stdout == "2 entries landed\n"
    assert call("show", folder).stdout.count("landed later") == 2
    assert call("push", folder).stdout == "nothing waits in this clone\n"


def test_verify_compares_with_records_and_ends_with_one_where_they_differ(
    clone: Clone, tmp_path: Path
) -> None:
    folder = clone("one")
    line = json.dumps(
        {"number": 1, "time": "2026-11-24T08:00:00Z", "event": "confirmed", "generation": NEW,
         "previous": OLD, "sequence": 1, "reason": "", "before": ""}
    )  # fmt: skip
    result = HostResult(
        before=OLD, after=NEW, result="carried", head=hashlib.sha256(line.encode()).hexdigest()
    )
    ledger_of(folder).begin(change()).finish({"core-1": result}, "done")
    records = tmp_path / "records"
    assert "is no folder" in call("verify", folder, "--records", str(records)).stderr
    records.mkdir()
    assert "has no HOST.jsonl" in call("verify", folder, "--records", str(records)).stderr
    (records / "core-1.jsonl").write_text(line + "\n")
    good = call("verify", folder, "--records", str(records))
    assert (good.exit_code, good.stdout) == (0, "2 entries: all of it fits\n")
    (records / "core-1.jsonl").write_text(line.replace("confirmed", "reverted") + "\n")
    bad = call("verify", folder, "--records", str(records))
    assert bad.exit_code == 1
    assert "host core-1: its record ends sequence 1 with another generation" in bad.stdout
    as_json = json.loads(
        call("verify", folder, "--records", str(records), "--format", "json").stdout
    )
    assert {row["host"] for row in as_json["disagreements"]} == {"core-1"}


def test_signers_may_be_the_people_of_the_policies(clone: Clone, tmp_path: Path) -> None:
    policies = tmp_path / "kotim"
    shutil.copytree(BASE, policies)
    private = key(tmp_path, "ours")
    folder = clone("one")
    ledger_of(folder, key=private).begin(change()).finish(carried(), "done")
    entry = (
        "people:\n  approver-1: {name: x, office: bpbd, role: approver, mails: [a@b.example], "
        f'from: 2020-01-01, keys: ["{private.with_suffix(".pub").read_text().strip()}"]'
    )
    people = policies / "people.yaml"

    def verified(last: str) -> Result:
        people.write_text(f"{entry}{last}}}\n")
        return call("verify", folder, "--allowed-signers", str(people))

    assert verified("").exit_code == 0
    over = verified(", until: 2020-12-31")
    assert over.exit_code == 1
    assert over.stdout.count("expected: a signature of a key in people.yaml") == 2
    bad = verified(", until: 2019-12-31")
    assert "error[dates-order]" in bad.stderr
    people.unlink()
    missing = call("verify", folder, "--allowed-signers", str(people))
    assert "people.yaml does not stand" in missing.stderr


def test_restore_brings_a_lost_branch_back(clone: Clone, forge: Path) -> None:
    folder = clone("one")
    ledger_of(folder).begin(change()).finish(carried(), "done")
    git(forge, "update-ref", "-d", "refs/heads/deployments/lab")
    lost = call("verify", folder)
    assert lost.exit_code == 1
    assert "docs/runbooks/lost-ledger.md" in lost.stderr
    assert call("restore", folder).stdout == "2 entries pushed to deployments/lab\n"
    assert call("restore", folder).stdout == "deployments/lab lacks nothing\n"
    assert call("verify", folder).exit_code == 0


@pytest.mark.parametrize("verb", ["show", "verify", "push", "restore"])
def test_outside_of_a_repository_it_says_what_is_missing(tmp_path: Path, verb: str) -> None:
    result = call(verb, tmp_path)
    assert result.exit_code == 1
    assert "is in no git repository" in result.stderr
