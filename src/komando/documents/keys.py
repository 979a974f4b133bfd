"""Public keys of people and of machines, as OpenSSH writes them in one line."""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final

from komando.diagnostics import Diagnostic, Location
from komando.documents.explain import UNSHOWN
from komando.units import Spelling, Unfit

KEY_KINDS: Final = (
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
)
"""The kinds of keys that are taken, the best first."""

RSA_BITS: Final = 3072
"""The least length of an RSA key: 128 bits of security (NIST SP 800-57 part 1, table 2)."""

_PRIVATE = re.compile(
    rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY|PuTTY-User-Key-File|AGE-SECRET-KEY-|b3BlbnNzaC1rZXktdj"
)
"""How private keys begin: PEM and OpenSSH's own, PuTTY's, age's, and OpenSSH's without its head."""

_ANEW = "copy the line anew: a part of it is missing or was changed"
_EXPECTED = "`ssh-ed25519 AAAA... whose-it-is`, as the file that ends with `.pub` has it"


@dataclass(frozen=True)
class PublicKey:
    """A public key: its kind, and its bytes as RFC 4253 (6.6) has them."""

    kind: str
    blob: bytes

    def __str__(self) -> str:
        return f"{self.kind} {b64encode(self.blob).decode()}"

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` shows it, `SHA256:` and 43 characters of base64."""
        digest = b64encode(hashlib.sha256(self.blob).digest()).decode()
        return f"SHA256:{digest.rstrip('=')}"


def private_key_of(file: str, raw: bytes) -> Diagnostic | None:
    """That a private key stands in a file that belongs into git, where one does."""
    found = _PRIVATE.search(raw)
    if found is None:
        return None
    return Diagnostic(
        "private-key",
        "error",
        "a private key",
        found=UNSHOWN,
        expected=_EXPECTED,
        remedy=_MAKE_ANOTHER,
        location=_place_in(file, raw, found.start()),
        whole=True,
    )


def _place_in(file: str, raw: bytes, at: int) -> Location:
    """The place of a byte of a file."""
    start = raw.rfind(b"\n", 0, at) + 1
    column = len(raw[start:at].decode(errors="replace")) + 1
    return Location(file, raw.count(b"\n", 0, at) + 1, column)


def read_public_key(text: str) -> PublicKey:
    """The key of a line `kind base64 comment`; raises Unfit, which never shows what may be secret.

    The base64 has to name the same kind inside, and to hold what that kind consists of.
    """
    words = text.split()
    if len(words) < 2 or words[0] not in KEY_KINDS:
        raise _other_kind(words)
    secret = not words[1].startswith("AAAA")  # so begins the length of the kind's name
    try:
        blob = b64decode(words[1], validate=True)
        parts = list(_parts(blob))
    except (Error, ValueError):
        raise _unfit("public-key", "a public key that is damaged", _ANEW, secret=secret) from None
    inner = parts[0].decode("ascii", "replace") if parts else ""
    if inner != words[0]:
        raise _unfit("public-key", "a public key of another kind inside", _ANEW, secret=secret)
    _strong(words[0], parts)
    return PublicKey(words[0], blob)


_MAKE_ANOTHER = (
    "remove it, and put the line of the file that ends with `.pub` there. This private key is no "
    "longer one: make another, and withdraw it wherever it was trusted"
)


def _other_kind(words: list[str]) -> Unfit:
    kinds = ", ".join(KEY_KINDS)
    if any(word in KEY_KINDS for word in words[1:]):
        message = "a public key with options before it"
        return _unfit("public-key", message, "remove what stands before the kind of the key")
    if words[:1] == ["ssh-dss"]:
        return _unfit("public-key-weak", "a key of a kind that is broken", f"take one of {kinds}")
    known = words[:1] and words[0] in KEY_KINDS
    remedy = "add its second word" if known else f"begin with the kind of the key: {kinds}"
    return _unfit("public-key", "no public key", remedy, secret=not known)


def _unfit(check: str, message: str, remedy: str, *, secret: bool = False) -> Unfit:
    return Unfit(check, message, expected=_EXPECTED, remedy=remedy, secret=secret)


def _parts(blob: bytes) -> Iterator[bytes]:
    """The strings and numbers that a key consists of, each behind its length (RFC 4251, 5)."""
    while blob:
        end = 4 + int.from_bytes(blob[:4])
        if len(blob) < max(end, 4):
            raise ValueError("it ends too early")
        yield blob[4:end]
        blob = blob[end:]


def _strong(kind: str, parts: list[bytes]) -> None:
    """Refuse a key that has not what its kind consists of, or that is too short."""
    name, _, curve = kind.rpartition("-")
    if "ed25519" in kind:
        whole = len(parts) == 2 + kind.startswith("sk-") and len(parts[1]) == 32
    elif name == "ecdsa-sha2":
        whole = len(parts) == 3 and parts[1] == curve.encode() and len(parts[2]) > 64
    else:
        whole = len(parts) == 3
    if not whole:
        raise _unfit("public-key", "a public key that is damaged", _ANEW)
    if kind == "ssh-rsa" and (bits := int.from_bytes(parts[2]).bit_length()) < RSA_BITS:
        raise Unfit(
            "public-key-weak",
            f"an RSA key of {bits} bits",
            expected=f"at least {RSA_BITS} bits, or a key of another kind",
            remedy="make another one: `ssh-keygen -t ed25519`",
        )


def _line(value: Any) -> str:
    if not isinstance(value, str):
        raise Unfit("value-type", "not text", expected=_EXPECTED, remedy="put it in double quotes")
    read_public_key(value)
    if not value.isprintable():  # a second line would be a second key
        raise _unfit("public-key", "more than one line", "write one key for each item", secret=True)
    return value


PublicKeyField = Annotated[
    str,
    Spelling(
        _line,
        "A public key in one line, without options.",
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNarH4TRpNePnAS siti",),
        f"^(?:{'|'.join(re.escape(kind) for kind in KEY_KINDS)}) AAAA\\S+( .*)?$",
    ),
]
