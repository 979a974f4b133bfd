"""Sealing to the public keys of the recipients, and opening with the one key of who applies."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from komando.bundle import Plaintexts
from komando.diagnostics import Diagnostic, Location
from komando.host.private import leave_no_core
from komando.host.secrets import LIMIT
from komando.secrets.files import FOLDER, RECIPIENTS, SecretError, secret_path

_SSH = "ssh-"
_PRIVATE = ("AGE-SECRET-KEY", "-----BEGIN")
_EXPECTED = "`age1...` or `ssh-ed25519 ...`, one a line; `#` begins a comment"


class KeyFileError(ValueError):
    """A key's file that cannot be used; the message says why and how to mend it."""


class Key:
    """The private key of one recipient; it shows where it came from, and nothing of itself."""

    def __init__(self, path: Path, identities: list[Any]) -> None:
        self.path = path
        self._identities = identities

    def __repr__(self) -> str:
        return f"Key({str(self.path)!r})"

    def open(self, path: Path, sealed: bytes) -> bytes:
        """The plaintext of one encrypted file; raises SecretError."""
        import pyrage

        leave_no_core()
        try:
            plain: bytes = pyrage.decrypt(sealed, self._identities)
        except pyrage.DecryptError as error:
            raise SecretError([_unopened(path, self.path, str(error))]) from None
        if len(plain) > LIMIT:
            raise SecretError([_unopened(path, self.path, f"it holds more than {LIMIT} bytes")])
        return plain


def read_key(path: Path) -> Key:
    """An age identity file, or an OpenSSH private key of kind ed25519 without a passphrase.

    Raises KeyFileError for one that others can read, or that is neither; OSError.
    """
    from pyrage import IdentityError, ssh, x25519

    leave_no_core()
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise KeyFileError(f"{path} is open to others: `chmod 600 {path}`, then try again")
    raw = path.read_bytes()
    try:
        if raw.lstrip().startswith(b"-----BEGIN"):
            return Key(path, [ssh.Identity.from_buffer(raw)])
        lines = [line.strip() for line in raw.decode(errors="replace").splitlines()]
        found = [line for line in lines if line and not line.startswith("#")]
        identities = [x25519.Identity.from_str(line) for line in found]
    except IdentityError as error:
        # pyrage's words name the kind of a key, never a part of it
        raise KeyFileError(
            f"{path} is no key that opens secrets ({error}): it takes a file with "
            "AGE-SECRET-KEY-..., as age-keygen writes it, or an ssh key of kind ed25519 without a "
            "passphrase"
        ) from None
    if not identities:
        raise KeyFileError(f"{path} holds no key, but comments at most")
    return Key(path, identities)


def read_recipients(inventory: Path) -> list[Any]:
    """The public keys of an inventory's recipients; raises SecretError for a line that is none."""
    from pyrage import RecipientError, ssh, x25519

    path = inventory / FOLDER / RECIPIENTS
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        lines = []
    found, diagnostics = [], []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        try:
            kind = ssh if text.startswith(_SSH) else x25519
            found.append(kind.Recipient.from_str(text))
        except RecipientError as error:
            at = Location(str(path), number, line.index(text) + 1)
            diagnostics.append(_no_recipient(at, text, str(error)))
    if not found and not diagnostics:
        at = Location(str(path), 1, 1)
        diagnostics.append(_no_recipient(at, "no public key", "there is none", whole=True))
    if diagnostics:
        raise SecretError(diagnostics)
    return found


def seal(plain: bytes, recipients: list[Any]) -> bytes:
    """A secret as an armored age file, another one each time; raises ValueError above 64 KiB."""
    import pyrage

    if len(plain) > LIMIT:
        raise ValueError(f"a secret has at most {LIMIT} bytes, and this one has {len(plain)}")
    sealed: bytes = pyrage.encrypt(plain, recipients, armored=True)
    return sealed if sealed.endswith(b"\n") else sealed + b"\n"


def open_all(inventory: Path, sealed: Mapping[str, bytes], key: Key) -> Plaintexts:
    """All these secrets in the clear; raises SecretError with every one that stays shut."""
    opened: dict[str, bytes] = {}
    diagnostics: list[Diagnostic] = []
    for name, content in sealed.items():
        try:
            opened[name] = key.open(secret_path(inventory, name), content)
        except SecretError as error:
            diagnostics += error.diagnostics
    if diagnostics:
        raise SecretError(diagnostics)
    return Plaintexts(opened)


def _unopened(path: Path, key: Path, why: str) -> Diagnostic:
    return Diagnostic(
        "secret-shut",
        "error",
        f"the secret `{path.stem}` cannot be opened",
        found=f"with the key {key}: {why}",
        expected=f"a file that was encrypted for this key, at most {LIMIT} bytes of it",
        remedy=(
            f"take the key of one of {path.parent}/{RECIPIENTS}; a new recipient opens nothing "
            "until somebody whose key does has run `komando secret rekey`"
        ),
        location=Location(str(path), 1, 1),
        whole=True,
    )


def _no_recipient(at: Location, text: str, why: str, *, whole: bool = False) -> Diagnostic:
    """A line is shown only where it begins as a public key: else it may be a private one's."""
    private = text.startswith(_PRIVATE)
    public = text.startswith((_SSH, "age1"))
    found = f"{text[:40]}: {why}" if public or whole else "a private key" if private else "a line"
    remedy = "put the public key there; `age-keygen -y` and `ssh-keygen -y` print it"
    if private:
        remedy += ". This private key is no longer one: make another, and change what it could open"
    return Diagnostic(
        "secret-recipient",
        "error",
        "no public key that a secret can be encrypted to",
        found=found,
        expected=_EXPECTED,
        remedy=remedy,
        location=at,
        whole=not public,
    )
