"""`komando people`: who may what, on which days, and as git takes it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from komando.cli import main
from komando.policy import allowed_signers
from tests.unit.edited import edit
from tests.unit.test_people import TWO, ZONE, key, signer


@pytest.fixture
def entered(policies: Path) -> Path:
    (policies / "people.yaml").write_text(TWO)
    return policies


def people(policies: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["people", "--policies", str(policies), *arguments])


def test_it_lists_who_may_what_and_when(entered: Path) -> None:
    shown = people(entered)
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert (
        shown.stdout
        == """\
LOGIN        ROLE       FROM        UNTIL       KEYS  OFFICE           NAME
approver-1   approver   2026-02-01  -           0     bpbd             Head of networks
Requester-1  requester  2026-01-01  2026-12-31  0     dinas-kesehatan  Secretary
"""
    )


@pytest.mark.parametrize(
    ("day", "logins", "warned"),
    [
        ("2025-12-31", [], True),
        ("2026-01-31", ["Requester-1"], True),
        ("2026-12-31", ["approver-1", "Requester-1"], False),
        ("2027-01-01", ["approver-1"], False),
    ],
)
def test_on_a_day_it_lists_those_of_that_day(
    entered: Path, day: str, logins: list[str], warned: bool
) -> None:
    shown = people(entered, "--on", day, "--format", "json")
    assert [one["login"] for one in json.loads(shown.stdout)] == logins
    words = f"nobody may approve anything on {day}: no merge applies by itself\n"
    assert shown.stderr == (words if warned else "")


def test_a_day_that_is_none_is_refused_as_in_a_file(policies: Path) -> None:
    assert (
        "'foo': not a date; expected a day, as `2026-11-24`"
        in people(policies, "--on", "foo").stderr
    )


def test_json_has_all_of_a_person(entered: Path) -> None:
    assert json.loads(people(entered, "--format", "json").stdout)[1] == {
        "login": "Requester-1",
        "name": "Secretary",
        "office": "dinas-kesehatan",
        "role": "requester",
        "mails": ["requester-1@office.example"],
        "keys": [],
        "from": "2026-01-01",
        "until": "2026-12-31",
    }


def test_allowed_signers_are_those_that_git_takes(entered: Path, tmp_path: Path) -> None:
    person = signer(key(tmp_path, "ours"))
    edit(entered / "people.yaml", "2026-02-01\n",
         f'2026-01-01\n    until: 2026-12-31\n    keys: ["{person.keys[0]}"]\n')  # fmt: skip
    shown = people(entered, "--format", "allowed-signers")
    assert shown.stdout == allowed_signers({"approver-1": person}, ZONE)
    assert people(entered, "--format", "allowed-signers", "--on", "2027-01-01").stdout == ""


def test_where_nobody_is_entered_it_says_what_that_means(policies: Path) -> None:
    shown = people(policies)
    assert (shown.exit_code, shown.stdout) == (0, "")
    assert shown.stderr == "nobody may approve anything: no merge applies by itself\n"


def test_bad_policies_are_told_and_end_it(entered: Path) -> None:
    edit(entered / "people.yaml", "role: approver", "role: boss")
    shown = people(entered)
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert "people.yaml:12:11: error[value-choice]" in shown.stderr
