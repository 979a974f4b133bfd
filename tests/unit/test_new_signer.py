"""`komando new signer`: where somebody is put in, who cannot be, and what is said of keys."""

from __future__ import annotations

import subprocess
from datetime import date
from pathlib import Path

import pytest

from komando.documents.reader import read
from komando.policy import allowed_signers
from komando.policy.fresh import NoPlaceError
from komando.policy.fresh.people import FreshPerson, with_person
from tests.unit.test_new import files, loaded, new

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHd2FTPLCGGXvvRB747lSiFGakw79ei0hA5rf8rKiDUK"
SIGNER = ("--name", "Head of networks", "--office", "dinas-kesehatan", "--role", "approver",
          "--mail", "one@office.example", "--mail", "two@office.example", "--yes")  # fmt: skip
PERSON = FreshPerson("approver-1", "Head: networks", "diskominfo", "approver",
                     ("a@b.example",), (KEY,), date(2026, 1, 1))  # fmt: skip
OTHER = b"people:\n  requester-1:\n    name: x   # said\n\n    role: requester\n"


@pytest.mark.parametrize(
    "raw",
    [
        b"# who\npeople: {}\n",
        b"people: {}",
        b"people: {}   # nobody yet\n# the end\n",
        b"people:\n  {}\n",
        b"people: {}\r\n",
        b"\xef\xbb\xbfpeople: {}\n",
        OTHER,
        OTHER.rstrip(b"\n"),
        OTHER.replace(b"  ", b"    ") + b"\n# the end\n",
        OTHER + b"other: 1\n",
    ],
)
def test_a_person_is_put_in_and_every_other_line_stays(raw: bytes) -> None:
    made = with_person("people.yaml", raw, PERSON)
    kept = [line.replace(b"{}", b"").rstrip() for line in raw.splitlines()]
    lines = [line.rstrip() for line in made.splitlines()]
    assert [line for line in lines if line in kept] == [line for line in kept if line in lines]
    document = read("people.yaml", made).document
    assert document is not None
    assert document.data["people"]["approver-1"] == PERSON.data()
    assert b"# said" not in raw or b"# said" in made
    assert b"# nobody yet" not in raw or b"people:   # nobody yet" in made


@pytest.mark.parametrize("raw", [b"people: {x: {name: y}}\n", b"{people: {}}\n", b"people: 3\n"])
def test_where_nobody_can_be_put_in_it_says_what_to_write(raw: bytes) -> None:
    with pytest.raises(NoPlaceError, match='name: "Head: networks"'):
        with_person("people.yaml", raw, PERSON)


def test_a_signer_with_keys_is_one_that_git_and_the_check_know(
    policies: Path, tmp_path: Path
) -> None:
    (tmp_path / "id.pub").write_text(f"{KEY} somebody@desk\n")
    days = ("--from", "2026-01-01", "--until", "2027-12-31")
    done = new(policies, "signer", "approver-1", *SIGNER, *days, "--key-file",
               str(tmp_path / "id.pub"))  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "next: read it, name them in .github/CODEOWNERS, commit both\n" in done.stderr
    first = (policies / "people.yaml").read_text().partition("\n")[0]
    assert first == "# yaml-language-server: $schema=../docs/schemas/people.schema.json"
    policy = loaded(policies)
    assert policy.people["approver-1"].mails == ("one@office.example", "two@office.example")
    assert KEY in allowed_signers(policy.people, policy.region.zone)
    again = new(policies, "signer", "Approver-1", *SIGNER)
    assert "people.yaml has approver-1 already" in again.stderr
    other = (*SIGNER[:6], "--mail", "three@office.example", "--yes")
    assert new(policies, "signer", "approver-2", *other).exit_code == 0
    assert list(loaded(policies).people) == ["approver-1", "approver-2"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("x_y", *SIGNER), "expected 1 to 39 letters, digits and single `-`"),
        (("x", "--yes"), "missing --name, --office, --role, --mail"),
        (("x", *SIGNER, "--office", "dinas-kesehata"), "did you mean `dinas-kesehatan`?"),
        (
            ("x", *SIGNER, "--role", "chief"),
            "--role: no role is called 'chief': there are approver",
        ),
        (("x", *SIGNER, "--mail", "nobody"), "--mail: 'nobody': no mail address"),
        (("x", *SIGNER, "--key-file", "/none.pub"), "/none.pub: a file that cannot be read"),
        (("x", *SIGNER, "--from", "2026-02-02", "--until", "2026-02-01"), "error[dates-order]"),
    ],
)
def test_a_signer_that_cannot_be_is_refused(
    policies: Path, arguments: tuple[str, ...], words: str
) -> None:
    before = files(policies)
    done = new(policies, "signer", *arguments)
    assert done.exit_code == 1
    assert words in done.stderr
    assert files(policies) == before


def test_a_private_key_is_refused_and_not_shown(policies: Path, tmp_path: Path) -> None:
    secret = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(secret)], check=True)
    done = new(policies, "signer", "approver-1", *SIGNER, "--key-file", str(secret))
    assert done.exit_code == 1
    assert f"{secret}: that is the private key; the public one is id.pub. Nothing" in done.stderr
    assert "no longer" not in done.stderr, "it was read where it lies"
    assert secret.read_text().splitlines()[1] not in done.output
    assert not (policies / "people.yaml").exists()
