"""Public keys: real ones of OpenSSH are read as it reads them, and a secret is never shown."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest

from komando.documents.keys import read_public_key
from komando.inventory import InventoryError, load_inventory
from komando.units import Unfit

HOSTS = """\
all:
  vars:
    management: [10.255.0.0/24]
    deploy_keys:
      - {key}
  children:
    router:
      hosts:
        core-1:
          ansible_host: 10.255.0.2
          interfaces: {{uplink: eno1, metro: eno2}}
          leaf: fq_codel
"""


def made(folder: Path, kind: str, bits: int | None = None) -> Path:
    """The private half of a new key; the public one lies beside it."""
    path = folder / f"{kind}-{bits}"
    size = ["-b", str(bits)] if bits else []
    command = ["ssh-keygen", "-q", "-t", kind, *size, "-N", "", "-C", "siti of here", "-f"]
    subprocess.run([*command, str(path)], check=True)
    return path


def public(private: Path) -> str:
    return private.with_name(f"{private.name}.pub").read_text().strip()


def told(folder: Path, key: str) -> tuple[str, list[tuple[str, str]]]:
    """All that is said of a deploy key, and the places and ids of the diagnostics."""
    (folder / "hosts.yaml").write_text(HOSTS.format(key=key))
    with pytest.raises(InventoryError) as caught:
        load_inventory(folder)
    places = [
        (f"{at.location.line}:{at.location.column}", at.id) for at in caught.value.diagnostics
    ]
    return str(caught.value), places


@pytest.mark.parametrize(
    ("kind", "bits"),
    [("ed25519", None), ("rsa", 3072), ("ecdsa", 256), ("ecdsa", 384), ("ecdsa", 521)],
)
def test_fingerprints_are_those_of_openssh(kind: str, bits: int | None, tmp_path: Path) -> None:
    path = made(tmp_path, kind, bits)
    listed = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(path)], capture_output=True, text=True, check=True
    ).stdout
    key = read_public_key(public(path))
    assert listed.split()[1] == key.fingerprint
    assert public(path) == f"{key} siti of here"


def test_a_good_key_is_known_by_the_inventory(tmp_path: Path) -> None:
    line = public(made(tmp_path, "ed25519"))
    (tmp_path / "hosts.yaml").write_text(HOSTS.format(key=line))
    assert load_inventory(tmp_path).deploy_keys == (line,)


def test_a_key_that_sits_in_a_token_is_taken() -> None:
    """Its blob as PROTOCOL.u2f of OpenSSH has it: a point, and the application."""
    parts = [b"sk-ssh-ed25519@openssh.com", bytes(32), b"ssh:"]
    blob = b"".join(len(part).to_bytes(4) + part for part in parts)
    line = f"{parts[0].decode()} {base64.b64encode(blob).decode()}"
    assert str(read_public_key(line)) == line


def test_a_short_rsa_key_is_refused(tmp_path: Path) -> None:
    text, places = told(tmp_path, public(made(tmp_path, "rsa", 2048)))
    assert places == [("5:9", "public-key-weak")]
    assert "an RSA key of 2048 bits" in text
    assert "help:     make another one: `ssh-keygen -t ed25519`" in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda line: f'from="10.0.0.0/8" {line}', "a public key with options before it"),
        (lambda line: line.replace("ssh-ed25519", "ssh-rsa"), "of another kind inside"),
        (lambda line: line.split()[0], "no public key"),
        (lambda line: line.split()[1], "no public key"),
        (lambda line: line.replace(" AAAA", " AAAB"), "a public key that is damaged"),
        (lambda line: " ".join([line.split()[0], line.split()[1][:-8]]), "damaged"),
        (lambda line: f'"{line}\\n{line}"', "more than one line"),
        (lambda line: f"[{line}]", "not text"),
        (lambda _: "ssh-dss AAAAB3NzaC1kc3MAAAA= old", "a key of a kind that is broken"),
    ],
)
def test_what_is_no_public_key_is_refused(change, message, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    text, [(place, _)] = told(tmp_path, change(public(made(tmp_path, "ed25519"))))
    assert place.startswith("5:9")
    assert message in text


@pytest.mark.parametrize("shape", ["block", "flow", "bare", "body"])
@pytest.mark.parametrize("form", ["RFC4716", "PEM"])
def test_a_private_key_is_refused_and_never_shown(shape: str, form: str, tmp_path: Path) -> None:
    """Also where its lines are no YAML: the reader would show the first that it does not know."""
    path = made(tmp_path, "rsa", 3072)
    if form == "PEM":
        subprocess.run(
            ["ssh-keygen", "-q", "-p", "-N", "", "-m", "PEM", "-f", str(path)],
            check=True,
            capture_output=True,
        )
    lines = path.read_text().splitlines()
    body = lines[1:-1]
    key = {
        "block": "|\n" + "\n".join(f"        {line}" for line in lines),
        "flow": '"' + "\\n".join(lines) + '"',
        "bare": "\n".join(lines),
        "body": "".join(body),
    }[shape]
    text, [(_, check)] = told(tmp_path, key)
    assert check == ("public-key" if (shape, form) == ("body", "PEM") else "private-key")
    assert not any(line[:16] in text for line in body)
    assert "|" not in text, "a line of the file is shown"


def test_a_private_key_of_age_is_refused_even_in_a_comment(tmp_path: Path) -> None:
    line = public(made(tmp_path, "ed25519"))
    text, places = told(tmp_path, f"{line}  # AGE-SECRET-KEY-1QQQQ")
    assert places == [(f"5:{len(line) + 13}", "private-key")]
    assert "QQQQ" not in text
    assert "make another, and withdraw it wherever it was trusted" in text


def test_a_key_is_read_without_its_private_half() -> None:
    with pytest.raises(Unfit) as caught:
        read_public_key("ssh-ed25519 b3BlbnNzaC1rZXktdjEAAAAABG5vbmU=")
    assert caught.value.secret
