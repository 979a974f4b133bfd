"""`komando doctor`: each id appears where it should, with real files and a real git."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner, Result

from komando.cli import main
from komando.doctor.symptom import listed
from komando.policy.public_holidays import estimated_in
from tests.errors.cases import NOBODY, as_somebody
from tests.unit.edited import edit

ROOT = Path(__file__).parents[2]
TODAY = "2026-06-01"
DEPLOY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHd2FTPLCGGXvvRB747lSiFGakw79ei0hA5rf8rKiDUK"
SIGNED = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOaPhWbN2YnRl45zde96lBwHt9PV93L3rCcxz6X4+DOX"
PEOPLE = f"""people:
  approver-1:
    name: Head of networks
    office: dinas-kesehatan
    role: approver
    mails: [approver-1@diskominfo.example]
    keys: ["{DEPLOY}"]
    from: 2026-01-01
  approver-2:
    name: Head of applications
    office: dinas-kesehatan
    role: approver
    mails: [approver-2@diskominfo.example]
    keys: ["{SIGNED}"]
    from: 2026-01-01
    until: 2027-12-31
"""

Symptoms = dict[str, list[tuple[str, str]]]
"""Levels and sentences, by id."""


@pytest.fixture
def place(tmp_path: Path, policies: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository without a remote, with good policies and machines, and nobody to ask."""
    inventory = tmp_path / "inventories" / "production"
    shutil.copytree(ROOT / "tests/errors/base/inventory", inventory)
    edit(inventory / "hosts.yaml", "    management: [192.0.2.0/28]\n",
         f'    management: [192.0.2.0/28]\n    deploy_keys: ["{DEPLOY}"]\n')  # fmt: skip
    (policies / "people.yaml").write_text(PEOPLE)
    for name in ("KOMANDO_FORGE_TOKEN", "GITHUB_TOKEN", "GITHUB_REPOSITORY"):
        monkeypatch.delenv(name, raising=False)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["doctor", "--today", TODAY, *arguments])


def looked(*arguments: str) -> Symptoms:
    found: Symptoms = {}
    result = call("--format", "json", *(arguments or ("--offline",)))
    for one in json.loads(result.stdout)["symptoms"]:
        found.setdefault(one["id"], []).append((one["level"], one["what"]))
    return found


def only(found: Symptoms, name: str) -> tuple[str, str]:
    assert name in found, found.keys()
    (one,) = found[name]
    return one


def test_each_id_has_its_line_in_the_document() -> None:
    written = re.findall(r"^\| `([\w-]+)` \|", (ROOT / "docs/doctor.md").read_text(), re.MULTILINE)
    sources = [
        *(ROOT / "src/komando/doctor").glob("*.py"),
        ROOT / "src/komando/cli/doctor_looks.py",
    ]
    told = {
        name for path in sources for name in re.findall(r'Symptom\(\s*"([\w-]+)"', path.read_text())
    }
    assert set(written) == told
    assert len(written) == len(told)


def test_where_all_is_well_it_says_so_and_ends_with_zero(place: Path) -> None:
    edit(place / "policies/region.yaml", "until: 2027-12-31}", "until: 2026-12-31}")
    edit(place / "policies/people.yaml", "    until: 2027-12-31\n", "")
    result = call("--offline")
    assert result.exit_code == 0, result.output
    assert "All is well around the network: 2 notes\n" in result.stdout
    levels = {level for rows in looked().values() for level, _ in rows}
    assert levels == {"ok", "note"}, "a ledger that is empty, and a forge that was not asked"


def test_the_worst_is_last_on_a_terminal_and_first_in_an_issue(place: Path) -> None:
    edit(place / "policies/region.yaml", "until: 2027-12-31}", "until: 2026-06-20}")
    (place / "policies/people.yaml").unlink()
    text = call("--offline")
    lines = [
        line for line in text.stdout.splitlines() if re.match(r"(ok|note|warning|error) ", line)
    ]
    order = [line.split()[0] for line in lines]
    assert order == sorted(order, key=["ok", "note", "warning", "error"].index)
    assert text.stdout.splitlines()[-1] == "2 warnings, 2 notes"
    assert text.exit_code == 2
    markdown = call("--offline", "--format", "markdown").stdout
    assert markdown.startswith("**2 warnings, 2 notes**\n\n- **warning** `calendar-ends`: ")
    assert "  - policies/people.yaml, by a reviewed change; `komando new signer LOGIN` " in markdown
    assert markdown.rstrip().splitlines()[-1].startswith("In order: `deploy-keys`, ")


def test_markdown_in_a_name_is_shown_and_not_read(place: Path) -> None:
    edit(place / "policies/people.yaml", "name: Head of applications",
         'name: "@everybody <b>#1</b>"')  # fmt: skip
    edit(place / "policies/people.yaml", "until: 2027-12-31", "until: 2026-06-20")
    markdown = call("--offline", "--format", "markdown").stdout
    assert "`@everybody`" in markdown
    assert "`<b>#1</b>`" in markdown


# --- policies ------------------------------------------------------------------------------------


def test_policies_that_are_wrong_are_an_error(place: Path) -> None:
    edit(place / "policies/opd/bpbd.yaml", "id: 13", "id: 5")
    level, what = only(looked(), "policies")
    assert level == "error"
    assert "policies/opd/dinas-kesehatan.yaml:1:5: the id 5 a second time" in what
    assert call("--offline").exit_code == 1


@pytest.mark.parametrize(
    ("until", "level", "words"),
    [
        ("2026-05-31", "error", "ended on 2026-05-31, 1 day ago"),
        ("2026-08-30", "warning", "end on 2026-08-30, in 90 days"),
        ("2026-08-31", "ok", "complete until 2026-08-31"),
    ],
)
def test_calendars_that_end(place: Path, until: str, level: str, words: str) -> None:
    edit(place / "policies/region.yaml", "until: 2027-12-31}", f"until: {until}}}")
    found, what = only(looked(), "calendar-ends")
    assert found == level
    assert words in what


def test_a_ramadan_that_nobody_has_written(place: Path) -> None:
    level, what = only(looked(), "period-unwritten")
    assert (level, "Ramadan comes again about 2027-02-07" in what) == ("warning", True)
    edit(place / "policies/region.yaml", "until: 2027-12-31}", "until: 2027-02-06}")
    assert only(looked(), "period-unwritten")[0] == "ok"


def test_a_gap_between_two_years_is_told_and_what_comes_once_is_not(place: Path) -> None:
    edit(place / "policies/region.yaml", "until: 2027-12-31}", "until: 2028-12-31}")
    edit(place / "policies/region.yaml", "pools:\n",
         "  - {name: Ramadan 1449, from: 2028-01-28, until: 2028-02-26,\n"
         "     windows: {working-week: {mon-fri: [\"08:00-15:00\"]}}}\n"
         "  - {name: Election 2026, from: 2026-09-01, until: 2026-09-02,\n"
         "     windows: {working-week: {mon-fri: [\"08:00-15:00\"]}}}\n"
         "pools:\n")  # fmt: skip
    rows = looked()["period-unwritten"]
    assert [what[:35] for _, what in rows] == ["Ramadan comes again about 2027-02-1"]


def test_holidays_that_are_estimated_and_those_that_are_decided(place: Path) -> None:
    estimated = estimated_in("ID", ("public", "government"), (2026, 2027))
    assert date(2027, 3, 10) in estimated
    level, what = only(looked(), "holiday-estimated")
    assert level == "note"
    assert "2027-03-10 Hari Raya Idul Fitri (perkiraan)" in what
    days = ", ".join(f"{{date: {day}, name: Decided}}" for day in estimated)
    edit(place / "policies/region.yaml", "categories: [public, government]}",
         f"categories: [public, government], add: [{days}]}}")  # fmt: skip
    assert only(looked(), "holiday-estimated")[0] == "ok"


def test_where_no_covered_day_is_ahead_no_holiday_is_decided(place: Path) -> None:
    del place
    result = call("--offline", "--format", "json", "--today", "2028-02-01")
    assert "holiday-estimated" not in result.stdout


def test_a_day_that_no_calendar_has_is_refused(place: Path) -> None:
    del place
    said = call("--offline", "--today", "2026-11-31").stderr
    assert "'2026-11-31': a day that no calendar has" in said


def test_what_is_no_terminal_gets_whole_lines(place: Path) -> None:
    edit(place / "policies/people.yaml", "until: 2027-12-31", "until: 2026-06-20")
    lines = call("--offline").stdout.splitlines()
    assert not [line for line in lines if line != line.rstrip()]
    said = {line.split()[1]: line for line in lines if line and line[0] != " "}
    assert said["person-ends"].endswith("ends on 2026-06-20, in 19 days")


def test_of_many_names_two_at_least_are_left_out() -> None:
    assert listed("abcdef") == "a, b, c, d, e, f"
    assert listed("abcdefg") == "a, b, c, d, e and 2 more"


def test_an_estimated_holiday_that_is_near_is_a_warning(place: Path) -> None:
    result = call("--offline", "--format", "json", "--today", "2027-02-01")
    rows = {one["id"]: one for one in json.loads(result.stdout)["symptoms"]}
    assert rows["holiday-estimated"]["level"] == "warning"
    edit(place / "policies/region.yaml", "holidays: closed", "holidays: open")
    assert "holiday-estimated" not in looked(), "nobody closes on them"


def test_exceptions_and_acknowledgements_that_are_over_or_end_soon(place: Path) -> None:
    path = place / "policies/opd/bpbd.yaml"
    path.write_text(path.read_text() + "exceptions:\n"
        "  - {from: 2026-05-01, until: 2026-05-31, guarantee: 11 Mbit/s, reason: a}\n"
        "  - {from: 2026-06-01, until: 2026-06-08, guarantee: 11 Mbit/s, reason: b}\n"
        "  - {from: 2026-06-09, until: 2026-06-20, guarantee: 11 Mbit/s, reason: c}\n")  # fmt: skip
    folder = place / "policies/acknowledgements"
    folder.mkdir()
    for name, until in (("old", "2026-05-31"), ("new", "2026-06-02")):
        (folder / f"{name}.yaml").write_text(
            "finding: offices-removed\nhost: core-1\nbefore: 48 offices\nafter: without two\n"
            "reason: Both were merged into another office.\n"
            f"requested: {{by: Head of networks, date: 2026-05-20}}\nuntil: {until}\n"
        )
    found = looked()
    name = "Badan Penanggulangan Bencana Daerah"
    assert only(found, "exception-over") == (
        "note", f"exceptions are over: {name} (until 2026-05-31)")  # fmt: skip
    assert only(found, "exception-ends")[1].endswith("ends on 2026-06-08, in 7 days")
    assert only(found, "acknowledgement-over")[1].endswith("old (until 2026-05-31)")
    assert "new counts until 2026-06-02, in 1 day" in only(found, "acknowledgement-ends")[1]


# --- people --------------------------------------------------------------------------------------


def test_nobody_may_approve_or_one_alone(place: Path) -> None:
    assert only(looked(), "approvers") == ("ok", "2 people may approve")
    edit(place / "policies/people.yaml", "role: approver\n    mails: [approver-2",
         "role: requester\n    mails: [approver-2")  # fmt: skip
    level, what = only(looked(), "approvers")
    assert (level, what.startswith("approver-1 alone may approve")) == ("warning", True)
    edit(place / "policies/people.yaml", "from: 2026-01-01\n  approver-2",
         "from: 2026-06-02\n  approver-2")  # fmt: skip
    assert only(looked(), "approvers")[1].startswith("nobody may approve today")
    (place / "policies/people.yaml").unlink()
    assert only(looked(), "approvers")[0] == "warning"


def test_whose_time_ends_and_who_has_no_key(place: Path) -> None:
    assert only(looked(), "person-unsigned")[0] == "ok"
    edit(place / "policies/people.yaml", f'    keys: ["{SIGNED}"]\n', "")
    edit(place / "policies/people.yaml", "until: 2027-12-31", "until: 2026-07-31")
    found = looked()
    assert only(found, "person-unsigned")[1].startswith("approver-2 can sign no commit")
    level, what = only(found, "person-ends")
    assert level == "warning"
    assert "Head of applications (approver-2, approver of dinas-kesehatan)" in what
    assert what.endswith("2026-07-31, in 60 days")
    edit(place / "policies/people.yaml", "until: 2026-07-31", "until: 2026-08-01")
    assert "person-ends" not in looked()


def test_nobody_who_stands_there_is_to_be_written_anew(place: Path) -> None:
    edit(place / "policies/people.yaml", f'    keys: ["{SIGNED}"]\n', "")
    edit(place / "policies/people.yaml", "until: 2027-12-31", "until: 2026-07-31")
    rows = json.loads(call("--offline", "--format", "json").stdout)["symptoms"]
    mends = {one["id"]: one["mend"] for one in rows}
    assert mends["person-ends"].startswith("change `until` there by hand")
    assert mends["person-unsigned"].startswith("add a key there by hand")
    assert "komando new signer" not in mends["person-ends"] + mends["person-unsigned"]


def test_one_person_is_called_by_name(place: Path) -> None:
    path = place / "policies/people.yaml"
    path.write_text(path.read_text().partition("  approver-2:")[0])
    assert only(looked(), "person-unsigned") == ("ok", "approver-1 has a key to sign with")


# --- keys ----------------------------------------------------------------------------------------


def test_an_inventory_that_is_wrong_is_an_error(place: Path) -> None:
    edit(place / "inventories/production/hosts.yaml", "neighbour: core-1", "neighbour: core-9")
    level, what = only(looked(), "inventory")
    assert (level, "hosts.yaml:" in what) == ("error", True)


def test_a_line_of_known_hosts_that_is_none_is_an_error(place: Path) -> None:
    path = place / "inventories/production/known_hosts"
    path.write_text(path.read_text() + "core-1 ssh-ed25519 AAAA\n")
    assert only(looked(), "inventory")[1].startswith("known_hosts is wrong: ")


def test_nobody_may_deploy(place: Path) -> None:
    assert only(looked(), "deploy-keys") == ("ok", "1 key may deploy")
    hosts = place / "inventories/production/hosts.yaml"
    edit(hosts, f'deploy_keys: ["{DEPLOY}"]', "deploy_keys: []")
    level, what = only(looked(), "deploy-keys")
    assert (level, what) == (
        "warning", "no key may deploy to core-1, core-2: the list is empty")  # fmt: skip


def test_machines_whose_key_is_not_known(place: Path) -> None:
    assert only(looked(), "host-keys")[0] == "ok"
    path = place / "inventories/production/known_hosts"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(it for it in lines if not it.startswith("192.0.2.11 ")))
    level, what = only(looked(), "host-keys")
    assert (level, "the host keys of core-2 are not known" in what) == ("warning", True)


def test_who_opens_the_secrets(place: Path) -> None:
    pyrage = pytest.importorskip("pyrage")
    assert "secret-recipients" not in looked(), "no host has a secret"
    folder = place / "inventories/production"
    edit(folder / "hosts.yaml", "          interfaces: {uplink: eno1, metro: eno2}\n"
         "          leaf: fq_codel\n          jump",
         "          interfaces: {uplink: eno1, metro: eno2}\n          leaf: fq_codel\n"
         "          secrets: {vpn-key: {owner: root}}\n          jump")  # fmt: skip
    level, what = only(looked(), "secret-recipients")
    assert (level, "vpn-key" in what) == ("error", True)
    recipients = folder / "secrets/recipients"
    recipients.parent.mkdir()
    keys = [f"{pyrage.x25519.Identity.generate().to_public()}\n" for _ in range(2)]
    recipients.write_text(keys[0])
    assert only(looked(), "secret-recipients")[0] == "warning"
    recipients.write_text("".join(keys))
    assert only(looked(), "secret-recipients") == ("ok", "2 keys open the secrets")


# --- this clone ----------------------------------------------------------------------------------


def test_packages_that_are_other_ones_than_the_lock_asks_for(place: Path) -> None:
    assert "environment-lock" not in looked(), "there is no lock"
    shutil.copy(ROOT / "requirements.lock", place)
    assert only(looked(), "environment-lock")[0] == "ok"
    (place / "requirements.lock").write_text("click==1.0 \\\n    --hash=sha256:00\n")
    needed = place / "roles/controller/files/requirements.lock"
    needed.parent.mkdir(parents=True)
    needed.write_text("no-such-package==2 \\\n    --hash=sha256:00\n")
    level, what = only(looked(), "environment-lock")
    assert level == "warning"
    assert "no-such-package is missing, click " in what
    assert what.endswith(" in place of 1.0")


@pytest.mark.parametrize(
    ("script", "level", "words"),
    [
        ("echo git version 2.33.8", "warning", "git is 2.33, and signatures take 2.34 at least"),
        ("echo git version 2.34.1", "ok", "git is 2.34"),
        ("exit 1", "error", "there is no git here"),
    ],
)
def test_a_git_that_is_too_old(
    place: Path, monkeypatch: pytest.MonkeyPatch, script: str, level: str, words: str
) -> None:
    program = place / "bin/git"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    found, what = only(looked(), "git-old")
    assert (found, words in what) == (level, True)


def test_it_needs_no_root(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked()  # what it imports on demand may not be open to others
    with TemporaryDirectory() as folder:  # pytest's own is closed to others
        shutil.copytree(place, folder, dirs_exist_ok=True)
        for path in (Path(folder), *Path(folder).rglob("*")):
            if os.geteuid() == 0:
                os.chown(path, NOBODY, NOBODY)
        monkeypatch.chdir(folder)
        monkeypatch.setenv("HOME", folder)  # else git looks for the settings of root
        with as_somebody(Path(folder), []):
            found = looked()
        monkeypatch.undo()
    assert "ledger-empty" in found
    assert {level for rows in found.values() for level, _ in rows} <= {"ok", "note", "warning"}
