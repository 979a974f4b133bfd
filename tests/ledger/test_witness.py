"""A second party of the ledger, and what the doctor says of both."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from komando.cli import main
from komando.ledger import HostResult, LedgerError, UnreachedError
from komando.ledger.witness import RefusedWitnessError, heads, witness
from tests.ledger.conftest import OLD, Clone, carried, change, git, ledger_of
from tests.unit.edited import BASE

MACHINES = BASE.parent / "inventory"


def call(folder: Path, *arguments: str) -> Result:
    given = ("--environment", "lab", "--repository", str(folder))
    return CliRunner().invoke(main, ["ledger", "witness", *arguments, *given])


def looked(folder: Path, *arguments: str) -> dict[str, list[tuple[str, str]]]:
    """What the doctor says in a clone, of an environment that has the ledger's name."""
    place = folder / "inventories" / "lab"
    place.mkdir(parents=True, exist_ok=True)
    (place / "hosts.yaml").write_bytes((MACHINES / "hosts.yaml").read_bytes())
    result = CliRunner().invoke(
        main,
        ["doctor", "--format", "json", "--policies", str(BASE), "--inventory", str(place),
         "--repository", str(folder), "--remote", "origin", *arguments],
    )  # fmt: skip
    found: dict[str, list[tuple[str, str]]] = {}
    for one in json.loads(result.stdout)["symptoms"]:
        found.setdefault(one["id"], []).append((one["level"], one["what"]))
    return found


def applied(folder: Path, result: str = "done", **outcome: HostResult) -> None:
    ledger_of(folder).begin(change()).finish(
        {name.replace("_", "-"): it for name, it in outcome.items()} or carried(),
        result,  # type: ignore[arg-type]
    )


def on_forge(forge: Path, name: str) -> str:
    return git(forge, "rev-parse", f"refs/heads/{name}")


# --- the witness ---------------------------------------------------------------------------------


def test_a_witness_goes_on_with_the_ledger(clone: Clone, forge: Path) -> None:
    controller, auditor = clone("controller"), clone("auditor")
    applied(controller)
    said = call(auditor, "inspektorat")
    assert said.exit_code == 0, said.output
    assert said.stdout == "witnesses/lab/inspektorat has seen 2 entries, 2 of them now\n"
    assert on_forge(forge, "witnesses/lab/inspektorat") == on_forge(forge, "deployments/lab")
    assert call(auditor, "inspektorat").stdout.endswith("0 of them now\n")
    applied(controller)
    assert call(auditor, "inspektorat").stdout.endswith("has seen 4 entries, 2 of them now\n")
    assert on_forge(forge, "witnesses/lab/inspektorat") == on_forge(forge, "deployments/lab")


def rewritten(forge: Path, tmp_path: Path) -> None:
    """Somebody who has the forge puts another whole ledger in the place of the one that was."""
    git(forge, "update-ref", "-d", "refs/heads/deployments/lab")
    git(tmp_path, "clone", "--quiet", forge.as_uri(), "liar")
    applied(tmp_path / "liar")


def test_a_ledger_that_was_rewritten_is_the_alarm(
    clone: Clone, forge: Path, tmp_path: Path
) -> None:
    controller, auditor = clone("controller"), clone("auditor")
    applied(controller)
    assert call(auditor, "inspektorat").exit_code == 0
    seen = on_forge(forge, "witnesses/lab/inspektorat")
    rewritten(forge, tmp_path)
    said = call(auditor, "inspektorat")
    assert said.exit_code == 1
    assert "does not go on from what this clone knew" in said.stdout
    assert "was not witnessed" in said.stderr
    assert on_forge(forge, "witnesses/lab/inspektorat") == seen, "the evidence stays"


def test_a_witness_whose_clone_is_fresh_is_warned_by_its_own_branch(
    clone: Clone, forge: Path, tmp_path: Path
) -> None:
    controller, auditor = clone("controller"), clone("auditor")
    applied(controller)
    assert call(auditor, "inspektorat").exit_code == 0
    rewritten(forge, tmp_path)
    git(tmp_path, "clone", "--quiet", "--single-branch", forge.as_uri(), "fresh")
    said = call(tmp_path / "fresh", "inspektorat")
    assert said.exit_code == 1
    assert "(on the forge), which the ledger's" in said.stderr
    assert "see docs/runbooks/lost-ledger.md" in said.stderr


def test_a_witness_whose_branch_was_taken_back_is_warned_by_its_clone(
    clone: Clone, forge: Path, tmp_path: Path
) -> None:
    controller, auditor = clone("controller"), clone("auditor")
    applied(controller)
    assert call(auditor, "inspektorat").exit_code == 0
    git(forge, "update-ref", "-d", "refs/heads/witnesses/lab/inspektorat")
    rewritten(forge, tmp_path)
    git(auditor, "update-ref", "-d", "refs/komando/known/lab")  # misled once, by hand
    with pytest.raises(RefusedWitnessError, match=r"\(in this clone\)"):
        witness(ledger_of(auditor), "inspektorat")


def test_a_branch_that_was_deleted_is_pushed_again(clone: Clone, forge: Path) -> None:
    controller, auditor = clone("controller"), clone("auditor")
    applied(controller)
    assert call(auditor, "inspektorat").exit_code == 0
    git(forge, "update-ref", "-d", "refs/heads/witnesses/lab/inspektorat")
    assert call(auditor, "inspektorat").exit_code == 0
    assert on_forge(forge, "witnesses/lab/inspektorat") == on_forge(forge, "deployments/lab")


def test_nothing_is_witnessed_without_the_forge_an_entry_or_a_name(
    clone: Clone, forge: Path
) -> None:
    auditor = clone("auditor")
    with pytest.raises(LedgerError, match="there is nothing to witness"):
        witness(ledger_of(auditor), "inspektorat")
    applied(clone("controller"))
    with pytest.raises(LedgerError, match="cannot name a witness"):
        witness(ledger_of(auditor), "../main")
    assert heads(ledger_of(auditor), offline=False) == {}
    forge.rename(forge.with_name("gone.git"))
    with pytest.raises(UnreachedError):
        witness(ledger_of(auditor), "inspektorat")
    with pytest.raises(UnreachedError):
        heads(ledger_of(auditor), offline=False)


def test_a_name_is_looked_at_before_anything_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # no repository, and no inventory
    said = CliRunner().invoke(main, ["ledger", "witness", "Bad Name"]).stderr
    assert "'Bad Name' cannot name a witness" in said


def test_entries_that_nobody_signed_are_not_witnessed(clone: Clone, tmp_path: Path) -> None:
    controller, auditor = clone("controller"), clone("auditor")
    applied(controller)
    signers = tmp_path / "signers"
    signers.write_text("")
    said = call(auditor, "inspektorat", "--allowed-signers", str(signers))
    assert said.exit_code == 1
    assert "not signed" in said.stdout


# --- the doctor ----------------------------------------------------------------------------------


def test_the_doctor_without_an_apply_and_after_one(clone: Clone) -> None:
    controller = clone("controller")
    assert looked(controller)["ledger-empty"] == [("note", "nobody has applied yet")]
    applied(controller)
    found = looked(controller)
    assert found["ledger-last"][0][0] == "ok"
    assert found["ledger-witness"][0][0] == "warning"
    assert "no second party has fetched the ledger" in found["ledger-witness"][0][1]


def test_the_doctor_tells_how_far_behind_the_witnesses_are(clone: Clone) -> None:
    controller, auditor = clone("controller"), clone("auditor")
    applied(controller)
    assert call(auditor, "inspektorat").exit_code == 0
    level, what = looked(controller)["ledger-witness"][0]
    assert (level, what) == ("ok", "the witness inspektorat is 0 entries and 0 days behind")
    for days in (35, 36):
        later = ledger_of(controller)
        now = later.clock()
        later.clock = lambda now=now, days=days: now + timedelta(days=days)  # type: ignore[misc]
        later.begin(change()).finish(carried(), "done")
        level, what = looked(controller)["ledger-witness"][0]
        assert f"{days} days behind" in what
        assert level == ("note" if days == 35 else "warning")
    assert "inspektorat is 4 entries and 36 days behind" in what


def test_the_doctor_sees_that_a_witness_knows_another_ledger(
    clone: Clone, forge: Path, tmp_path: Path
) -> None:
    controller, auditor = clone("controller"), clone("auditor")
    applied(controller)
    assert call(auditor, "inspektorat").exit_code == 0
    rewritten(forge, tmp_path)
    fresh = clone("fresh")
    level, what = looked(fresh)["ledger-witness"][0]
    assert level == "error"
    assert "which the ledger does not have" in what
    level, what = looked(controller)["ledger-broken"][0]
    assert level == "error"
    assert "does not go on from" in what


def test_the_doctor_tells_an_apply_that_failed_and_one_that_stands_open(clone: Clone) -> None:
    controller = clone("controller")
    back = HostResult(before=OLD, after=OLD, result="reverted", reason="no answer")
    applied(controller, "failed", core_1=back)
    level, what = looked(controller)["ledger-last"][0]
    assert (level, what.startswith("the last apply ended failed at ")) == ("warning", True)
    assert what.endswith(": core-1 reverted")
    ledger_of(controller).begin(change(lease=timedelta(minutes=15)))
    assert looked(controller)["ledger-open"][0][0] == "note"
    assert looked(controller, "--today", "2099-01-01")["ledger-open"][0][0] == "warning"


def test_the_doctor_tells_what_waits_and_that_the_forge_is_away(clone: Clone, forge: Path) -> None:
    controller = clone("controller")
    forge.rename(forge.with_name("gone.git"))
    ledger_of(controller).begin(change(), emergency=True).finish(carried(), "done", pauses=())
    found = looked(controller)
    assert found["ledger-spool"] == [("warning", "2 entries wait in this clone alone")]
    assert found["ledger-away"][0][0] == "warning"
    assert found["ledger-empty"] == [("note", "this clone knows of no apply")]
    assert "ledger-away" not in looked(controller, "--offline"), "nobody was asked"


def test_outside_of_a_repository_the_rest_is_told(tmp_path: Path) -> None:
    (tmp_path / "no-clone").mkdir()
    found = looked(tmp_path / "no-clone")
    assert "is in no git repository" in found["ledger-away"][0][1]
    assert "calendar-ends" in found
