"""Secrets in the repository: found, sealed, opened, and never shown by what goes wrong."""

from __future__ import annotations

import copy
import json
import os
import pickle
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pyrage import x25519

from komando.bundle import Plaintexts
from komando.cli import main
from komando.diagnostics import Location
from komando.inventory import SecretReference
from komando.rollout.protocol import Cargo
from komando.secrets import (
    Key,
    KeyFileError,
    SecretError,
    open_all,
    read_key,
    read_recipients,
    seal,
    sealed_secrets,
    secret_path,
)
from tests.cases.plan.cases import HERE

SECRET = b"not to be seen"
HOSTS = """\
all:
  vars:
    management: [10.255.0.0/24]
    secrets: {vpn-key: {owner: root}}
  children:
    router:
      hosts:
        core-1:
          ansible_host: 10.255.0.2
          interfaces: {uplink: wan0, metro: lan0, public: lan1}
          leaf: pfifo
"""


def new_key(path: Path) -> str:
    """Write an identity file; its public key."""
    identity = x25519.Identity.generate()
    path.touch(0o600)
    path.write_text(f"# made for a test\n{identity}\n")
    return str(identity.to_public())


@pytest.fixture
def inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository's inventory with one recipient, whose key is the file `key`."""
    folder = tmp_path / "inventories/production"
    (folder / "secrets").mkdir(parents=True)
    (folder / "hosts.yaml").write_text(HOSTS)
    (folder / "secrets/recipients").write_text(f"# ops\n{new_key(tmp_path / 'key')}  \n")
    shutil.copytree(HERE / "base", tmp_path / "policies")
    monkeypatch.chdir(tmp_path)
    return folder


def komando(*words: str, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(main, words, input=stdin)


def test_set_and_open_again(inventory: Path, tmp_path: Path) -> None:
    done = komando("secret", "set", "vpn-key", stdin=SECRET)
    assert done.exit_code == 0, done.output
    sealed = sealed_secrets(inventory, [SecretReference("vpn-key")])
    assert sealed["vpn-key"].startswith(b"-----BEGIN AGE ENCRYPTED FILE-----\n")
    assert SECRET not in sealed["vpn-key"]
    opened = open_all(inventory, sealed, read_key(tmp_path / "key"))
    assert opened.members() == {"secrets/vpn-key": SECRET}


def test_a_key_of_ssh_opens_too(inventory: Path, tmp_path: Path) -> None:
    for name, passphrase in (("id", ""), ("locked", "a passphrase")):
        words = ["ssh-keygen", "-qt", "ed25519", "-N", passphrase, "-f", str(tmp_path / name)]
        subprocess.run(words, check=True)
    (inventory / "secrets/recipients").write_text((tmp_path / "id.pub").read_text())
    path = secret_path(inventory, "x")
    sealed = seal(SECRET, read_recipients(inventory))
    assert read_key(tmp_path / "id").open(path, sealed) == SECRET
    with pytest.raises(KeyFileError, match="without a passphrase"):
        read_key(tmp_path / "locked")


def test_a_missing_file_is_told_where_it_is_stated(inventory: Path) -> None:
    seal_one(inventory, "vpn-kay")
    done = komando("render")
    assert done.exit_code == 1
    assert f"{inventory.relative_to(Path.cwd())}/hosts.yaml:4:15: error[secret-missing]" in (
        done.stderr
    )
    assert "did you mean `vpn-kay`?" in done.stderr


def seal_one(inventory: Path, name: str, content: bytes = SECRET) -> Path:
    path = secret_path(inventory, name)
    path.write_bytes(seal(content, read_recipients(inventory)))
    return path


@pytest.mark.parametrize("name", ["vpn-key.age", "vpn-key.txt", "Vpn.age", "vpn-key.age.bak"])
def test_what_is_not_encrypted_is_told_and_not_shown(inventory: Path, name: str) -> None:
    (inventory / "secrets" / name).write_bytes(SECRET)
    done = komando("render")
    assert done.exit_code == 1
    assert f"secrets/{name}:1:1: error[secret-plain]" in done.stderr
    assert SECRET.decode() not in done.output


def test_a_link_or_a_large_file_is_no_secret(inventory: Path) -> None:
    folder = inventory / "secrets"
    (folder / "a.age").symlink_to("/etc/passwd")
    (folder / "b.age").write_bytes(b"age-encryption.org/v1\n" + bytes(1 << 18))
    with pytest.raises(SecretError) as caught:
        sealed_secrets(inventory, [])
    assert [one.found for one in caught.value.diagnostics] == [
        "something that is no plain file",
        "more than 131072 bytes",
    ]


def test_the_same_secret_encrypted_anew_is_another_digest(inventory: Path) -> None:
    def digest() -> str:
        seal_one(inventory, "vpn-key")
        done = komando("render")
        assert done.exit_code == 0, done.output
        return done.stdout.split()[0]

    first = digest()
    stated = json.loads(Path("rendered/core-1/etc/komando/secrets.json").read_text())
    assert [*stated["secrets"][0]] == ["name", "owner", "sha256"]
    assert komando("render").stdout.split()[0] == first
    assert digest() != first


@pytest.mark.parametrize(
    ("line", "place", "shown"),
    [
        ("ecdsa-sha2-nistp256 AAAA ops", "2:1", False),
        ("ssh-dss AAAA", "2:1", True),
        ("  age1nothing", "2:3", True),
        ("AGE-SECRET-KEY-1QQQ", "2:1", False),
        ("c2VjcmV0IGtleQ==", "2:1", False),
    ],
)
def test_a_recipient_that_is_none_is_told_and_shown_only_if_public(
    inventory: Path, line: str, place: str, shown: bool
) -> None:
    (inventory / "secrets/recipients").write_text(f"# keys\n{line}\n")
    done = komando("secret", "set", "vpn-key", stdin=SECRET)
    assert done.exit_code == 1
    assert f"recipients:{place}: error[secret-recipient]" in done.stderr
    assert (line.strip() in done.stderr) is shown
    assert not secret_path(inventory, "vpn-key").exists()


def test_no_recipient_encrypts_nothing(inventory: Path) -> None:
    (inventory / "secrets/recipients").unlink()
    done = komando("secret", "set", "vpn-key", stdin=SECRET)
    assert done.exit_code == 1
    assert "there is none" in done.stderr


def damaged(path: Path) -> None:
    raw = path.read_bytes()
    path.write_bytes(raw[:-80] + raw[-79:])


@pytest.mark.parametrize(
    ("harm", "words"),
    [(damaged, "armor"), (lambda path: path.write_bytes(path.read_bytes()[:200]), "armor")],
)
def test_a_damaged_file_stays_shut(
    inventory: Path, tmp_path: Path, harm: Callable[[Path], None], words: str
) -> None:
    path = seal_one(inventory, "vpn-key")
    harm(path)
    with pytest.raises(SecretError, match=words) as caught:
        open_all(inventory, {"vpn-key": path.read_bytes()}, read_key(tmp_path / "key"))
    [one] = caught.value.diagnostics
    assert (one.id, one.location) == ("secret-shut", Location(str(path), 1, 1))
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ("AGE-SECRET-KEY-1QQQ", 0o600, "is no key that opens secrets"),
        ("# nothing", 0o600, "holds no key"),
        ("rubbish", 0o600, "is no key that opens secrets"),
        ("rubbish", 0o640, "is open to others: `chmod 600 "),
    ],
)
def test_a_key_that_is_none_is_told_and_not_shown(
    tmp_path: Path, text: str, mode: int, words: str
) -> None:
    path = tmp_path / "k"
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=words) as caught:
        read_key(path)
    assert text not in str(caught.value)


def test_rekey_is_for_those_who_are_recipients_now(inventory: Path, tmp_path: Path) -> None:
    paths = [seal_one(inventory, "vpn-key"), seal_one(inventory, "snmp")]
    (inventory / "secrets/recipients").write_text(new_key(tmp_path / "fresh"))
    assert komando("secret", "rekey").exit_code == 1
    before = [path.read_bytes() for path in paths]
    shut = komando("secret", "rekey", "--secrets-key", str(tmp_path / "fresh"))
    assert shut.exit_code == 1
    assert shut.stderr.count("error[secret-shut]") == 1
    assert [path.read_bytes() for path in paths] == before
    done = komando("secret", "rekey", "--secrets-key", str(tmp_path / "key"))
    assert done.exit_code == 0, done.output
    for path in paths:
        assert read_key(tmp_path / "fresh").open(path, path.read_bytes()) == SECRET
        with pytest.raises(SecretError):
            read_key(tmp_path / "key").open(path, path.read_bytes())


def test_list_tells_who_has_it(inventory: Path) -> None:
    seal_one(inventory, "vpn-key")
    seal_one(inventory, "spare")
    lines = komando("secret", "list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["spare", "vpn-key"]
    assert lines[0].endswith("no host")
    assert lines[1].endswith("core-1 (root)")


def test_set_says_what_is_easily_overlooked(inventory: Path) -> None:
    done = komando("secret", "set", "spare", stdin=SECRET + b"\n")
    assert "ends with a line feed" in done.stderr
    assert "no host has it yet" in done.stderr
    assert komando("secret", "set", "Spare", stdin=SECRET).exit_code == 1
    assert komando("secret", "set", "vpn-key").exit_code == 1
    large = komando("secret", "set", "vpn-key", stdin=bytes(65537))
    assert "at most 65536 bytes" in large.stderr
    assert not secret_path(inventory, "vpn-key").exists()


def test_at_a_terminal_it_is_asked_for_twice_and_not_shown(inventory: Path, tmp_path: Path) -> None:
    seen = b""
    terminal, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", "from komando.cli import main; main()", "secret", "set", "vpn-key"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        start_new_session=True,
    )
    os.close(theirs)
    answers = {b"vpn-key: ": SECRET + b"\n", b"confirmation: ": SECRET + b"\n"}
    with suppress(OSError):  # the terminal's end
        while said := os.read(terminal, 1024):
            seen += said
            for question in [one for one in answers if seen.endswith(one)]:
                os.write(terminal, answers.pop(question))
    os.close(terminal)
    assert (child.wait(30), answers) == (0, {}), seen
    assert SECRET not in seen
    path = secret_path(inventory, "vpn-key")
    assert read_key(tmp_path / "key").open(path, path.read_bytes()) == SECRET


def test_plaintexts_show_their_names_alone(tmp_path: Path) -> None:
    plain = Plaintexts({"vpn-key": SECRET})
    assert repr(plain) == str(plain) == "Plaintexts(vpn-key)"
    for way in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="not to be copied"):
            way(plain)
    new_key(tmp_path / "key")
    key: Key = read_key(tmp_path / "key")
    assert repr(key) == f"Key('{tmp_path}/key')"
    assert SECRET.decode() not in repr(Cargo("0" * 64, SECRET.decode(), "none", 60.0, 1))
