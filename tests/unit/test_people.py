"""people.yaml: who is in it and when, by itself and with the rest; and what git makes of it."""

from __future__ import annotations

import os
import subprocess
from datetime import date
from pathlib import Path

import pytest

from komando.policy import Person, allowed_signers, find, load_policy, read_people
from tests.unit.edited import BASE

ROOT = Path(__file__).parents[2]
ZONE = "Asia/Pontianak"

TWO = """\
people:
  Requester-1:
    name: Secretary
    office: dinas-kesehatan
    role: requester
    mails: [requester-1@office.example]
    from: 2026-01-01
    until: 2026-12-31
  approver-1:
    name: Head of networks
    office: bpbd
    role: approver
    mails: [approver-1@office.example, a@home.example]
    from: 2026-02-01
"""


def test_a_tree_without_the_file_has_nobody() -> None:
    policy = load_policy(BASE).policy
    assert policy is not None
    assert policy.people == {}


def test_the_office_has_not_entered_its_people_yet() -> None:
    policy = load_policy(ROOT / "policies").policy
    assert policy is not None
    assert policy.people == {}
    raw = (ROOT / "policies/people.yaml").read_bytes()
    assert read_people(raw, "people.yaml") == ({}, [])


def test_the_entry_in_the_comment_is_a_good_one(policies: Path) -> None:
    """Who takes the marks of the comment away has a file that is good, but for its made-up key."""
    text = (ROOT / "policies/people.yaml").read_text()
    lines = [line.removeprefix("#   ") for line in text.splitlines() if line.startswith("#   ")]
    shown = "\n".join(line for line in lines if "keys:" not in line).replace(
        "diskominfo  ", "bpbd  "
    )
    (policies / "people.yaml").write_text(shown)
    loaded = load_policy(policies)
    assert loaded.diagnostics == []
    assert loaded.policy is not None
    assert loaded.policy.people["their-login"].office == "bpbd"


def test_people_by_login_with_their_days(policies: Path) -> None:
    (policies / "people.yaml").write_text(TWO)
    loaded = load_policy(policies)
    assert loaded.diagnostics == []
    policy = loaded.policy
    assert policy is not None
    assert list(policy.people) == ["approver-1", "Requester-1"]
    assert policy.people["approver-1"] == Person(
        login="approver-1",
        name="Head of networks",
        office="bpbd",
        role="approver",
        mails=("approver-1@office.example", "a@home.example"),
        start=date(2026, 2, 1),
    )
    person = find(policy.people, "requester-1")
    assert person is not None
    assert person.login == "Requester-1"
    assert find(policy.people, "requester") is None
    days = [date(2025, 12, 31), date(2026, 1, 1), date(2026, 12, 31), date(2027, 1, 1)]
    assert [person.serves(day) for day in days] == [False, True, True, False]
    assert policy.people["approver-1"].serves(date(2999, 1, 1))
    assert str(policy.where("people", "", "people", "approver-1", "role")).endswith(":12:11")
    assert read_people(TWO.encode(), "people.yaml") == (policy.people, [])


@pytest.mark.parametrize(
    ("raw", "ids"),
    [
        (b"", ["file-empty"]),
        (b"\xff", ["file-encoding"]),
        (b"people: {}\nslug: x\n", ["key-unknown"]),
        (b"people: [a]\n", ["value-type"]),
        (b"- a\n", ["value-type"]),
        (TWO.replace("a@home.example", "a at home").encode(), ["mail"]),
        (TWO.replace("a@home.example", "REQUESTER-1@office.example").encode(), ["mail-twice"]),
        (TWO.replace("2026-12-31", "2025-12-31").encode(), ["dates-order"]),
        (TWO.replace("approver-1:", "requester-1:").encode(), ["login-twice"]),
        (TWO.replace("approver-1:", "Requester-1:").encode(), ["yaml-duplicate-key"]),
        (TWO.replace("approver-1:", "-approver:").encode(), ["login"]),
        (TWO.replace("approver-1:", f"{'a' * 40}:").encode(), ["login"]),
        (TWO.replace("role: approver", "role: owner").encode(), ["value-choice"]),
        (TWO.encode() + b"# -----BEGIN OPENSSH PRIVATE KEY-----\n", ["private-key"]),
        (TWO.replace("bpbd", "an-office-of-another-commit").encode(), []),
    ],
)
def test_one_file_alone_says_what_is_wrong_and_then_has_nobody(raw: bytes, ids: list[str]) -> None:
    people, diagnostics = read_people(raw, "people.yaml")
    assert [one.id for one in diagnostics] == ids
    assert bool(people) == (not ids)


def test_days_that_are_only_stand_ins_are_not_judged(policies: Path) -> None:
    """`from` is refused, and what stands in for it may be after `until`."""
    text = TWO.replace("from: 2026-01-01", "from: soon").replace("2026-12-31", "2020-12-31")
    (policies / "people.yaml").write_text(text)
    assert [one.id for one in load_policy(policies).diagnostics] == ["date"]


# --- signatures ----------------------------------------------------------------------------------


def key(folder: Path, name: str) -> Path:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"{name} of here"]
    subprocess.run([*command, "-f", str(folder / name)], check=True, stdin=subprocess.DEVNULL)
    return folder / name


class Signed:
    """A repository whose commits are signed, and the file by which git looks at that."""

    def __init__(self, folder: Path, person: Person) -> None:
        self.folder = folder / "repository"
        self.allowed = folder / "allowed"
        self.allowed.write_text(allowed_signers({person.login: person}, ZONE))
        self.folder.mkdir()
        self.git("init", "-q")

    def git(self, *words: str, at: str = "") -> subprocess.CompletedProcess[str]:
        settings = {
            "user.name": "x",
            "user.email": "x@office.example",
            "gpg.format": "ssh",
            "gpg.ssh.allowedSignersFile": str(self.allowed),
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        dates = {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at} if at else {}
        return subprocess.run(
            ["git", *options, *words],
            cwd=self.folder,
            env={**os.environ, "TZ": "America/New_York", "LC_ALL": "C", **dates},
            capture_output=True,
            text=True,
            check=False,
        )

    def verified(self, private: Path, at: str) -> bool:
        """Whether git takes a commit of a moment that this key signed."""
        signing = ("-c", f"user.signingkey={private}")
        words = ("commit", "-q", "-S", "--allow-empty", "-m", "x")
        made = self.git(*signing, *words, at=at)
        assert made.returncode == 0, made.stderr
        said = self.git("verify-commit", "HEAD")
        good = 'Good "git" signature for approver-1' in said.stderr
        assert good == (said.returncode == 0), said.stderr
        return good


def signer(private: Path, end: date | None = date(2026, 12, 31)) -> Person:
    return Person(
        "approver-1", "x", "diskominfo", "approver", ("x@office.example",), date(2026, 1, 1), end,
        keys=(private.with_suffix(".pub").read_text().strip(),),
    )  # fmt: skip


def test_git_takes_a_signature_inside_of_the_days_of_the_region(tmp_path: Path) -> None:
    ours = key(tmp_path, "ours")
    signed = Signed(tmp_path, signer(ours))
    moments = {
        "2025-12-31T23:59:59+07:00": False,
        "2026-01-01T00:00:00+07:00": True,
        "2026-06-01T12:00:00+07:00": True,
        "2026-12-31T23:59:59+07:00": True,
        "2027-01-01T00:00:00+07:00": False,
    }
    assert {at: signed.verified(ours, at) for at in moments} == moments


def test_git_takes_no_other_key_and_no_other_namespace(tmp_path: Path) -> None:
    ours, theirs = key(tmp_path, "ours"), key(tmp_path, "theirs")
    signed = Signed(tmp_path, signer(ours))
    assert not signed.verified(theirs, "2026-06-01T12:00:00+07:00")
    (tmp_path / "letter").write_text("x")
    for space in ("file", "git"):
        subprocess.run(
            ["ssh-keygen", "-q", "-Y", "sign", "-f", ours, "-n", space, tmp_path / "letter"],
            check=True, capture_output=True, input=b"y\n",
        )  # fmt: skip
        checked = subprocess.run(
            ["ssh-keygen", "-Y", "verify", "-f", signed.allowed, "-I", "approver-1", "-n", space,
             "-O", "verify-time=20260601120000", "-s", tmp_path / "letter.sig"],
            input=b"x", capture_output=True, check=False,
        )  # fmt: skip
        (tmp_path / "letter.sig").unlink()
        assert (checked.returncode == 0) == (space == "git"), checked.stderr


def test_an_end_that_is_not_known_and_days_beyond_all_clocks(tmp_path: Path) -> None:
    ours = key(tmp_path, "ours")
    person = signer(ours, None)
    assert "valid-before" not in allowed_signers({"approver-1": person}, ZONE)
    far = Person(
        "approver-1", "x", "x", "approver", ("x@y.example",), date.min, date.max, person.keys
    )
    for zone in (ZONE, "America/New_York", "Pacific/Kiritimati"):
        (line,) = allowed_signers({"approver-1": far}, zone).splitlines()
        assert 'valid-after="19700' in line
        assert 'valid-before="9999123' in line
    signed = Signed(tmp_path, far)
    assert signed.verified(ours, "2026-06-01T12:00:00+07:00")


def test_the_lines_are_as_ssh_keygen_has_them(tmp_path: Path) -> None:
    ours = key(tmp_path, "ours")
    people = {"approver-1": signer(ours), "requester-1": Person(
        "requester-1", "x", "x", "requester", ("x@y.example",), date(2026, 1, 1)
    )}  # fmt: skip
    kind, blob = ours.with_suffix(".pub").read_text().split()[:2]
    assert allowed_signers(people, ZONE) == (
        'approver-1 namespaces="git",valid-after="20251231170000Z",'
        f'valid-before="20261231165959Z" {kind} {blob}\n'
    )
