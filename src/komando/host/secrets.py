"""The secrets of a generation: files of one owner beside those that the digest covers.

`secrets.json` is an ordinary file of the bundle and says what there is: each secret's name, owner,
and the SHA-256 of its encrypted file. The secret itself is in no digest and in no export.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from .errors import HostError
from .frozen import Frozen
from .layout import SECRET_FOLDER, SECRETS
from .typed import Any

MEMBER = "secrets/"
"""Before a secret's name in an archive."""

LIMIT = 64 * 2**10
"""Bytes of one secret: a key or a password, not a file of data."""

SEAL = "secrets.seal"
"""In a generation's own folder, mode 0600: how to know its secrets again."""

_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_OWNER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_HASH = re.compile(r"[0-9a-f]{64}")


class Secret(Frozen):
    """One secret by reference: `ciphertext` is the SHA-256 (hex) of its encrypted file."""

    name: str
    owner: str
    ciphertext: str


def parse_secrets(text: str) -> tuple[Secret, ...]:
    """Reads `secrets.json`; raises HostError for what is not as `secrets_text` writes it."""
    try:
        found = [_secret(entry) for entry in json.loads(text)["secrets"]]
    except (ValueError, KeyError, TypeError):
        raise HostError(f"{SECRETS}: not what was expected of a list of secrets") from None
    if [one.name for one in found] != sorted({one.name for one in found}):
        raise HostError(f"{SECRETS}: the names are not in order, or one stands twice")
    return tuple(found)


def stated(files: Mapping[str, bytes]) -> tuple[Secret, ...]:
    """The secrets that belong to a bundle's files; raises HostError as `parse_secrets` does."""
    return parse_secrets(files[SECRETS].decode(errors="replace")) if SECRETS in files else ()


def member_name(path: str) -> str | None:
    """The secret that a member of an archive holds; None for an ordinary file."""
    name = path.removeprefix(MEMBER)
    return name if name != path and len(name) <= 60 and _NAME.fullmatch(name) else None


def agree(wanted: tuple[Secret, ...], came: Mapping[str, bytes]) -> None:
    """Raises HostError unless exactly the stated secrets came, each within LIMIT."""
    if strange := sorted(came.keys() - {one.name for one in wanted}):
        raise HostError(f"secret {', '.join(strange)} came, which {SECRETS} does not name")
    if missing := [one.name for one in wanted if one.name not in came]:
        raise HostError(f"secret {', '.join(missing)} did not come with the archive")
    if large := sorted(name for name, content in came.items() if len(content) > LIMIT):
        raise HostError(f"secret {', '.join(large)} has more than {LIMIT} bytes")


def lay(folder: Path, digest: str, wanted: tuple[Secret, ...], came: Mapping[str, bytes]) -> None:
    """Writes the secrets into a generation that is being staged, and the seal beside them.

    Raises HostError for an owner that this machine does not have, and OSError.
    """
    if not wanted:
        return
    # no one may list the names; their owners may pass to what is theirs
    (folder / SECRET_FOLDER).mkdir(mode=0o711)
    (folder / SECRET_FOLDER).chmod(0o711)
    key = os.urandom(32)
    for one in wanted:
        _write(folder / SECRET_FOLDER / one.name, came[one.name], _user(one))
    marks = {one.name: _mark(key, digest, one.name, came[one.name]) for one in wanted}
    seal = json.dumps({"key": key.hex(), "marks": marks}) + "\n"
    _write(folder / SEAL, seal.encode(), os.geteuid())


def ailing(folder: Path, digest: str, wanted: tuple[Secret, ...]) -> list[str]:
    """What is wrong with a generation's secrets, in words; empty when all are as they were laid."""
    if not wanted:
        return []
    from .private import leave_no_core  # most generations have no secret

    leave_no_core()
    try:
        seal: dict[str, Any] = json.loads((folder / SEAL).read_bytes())
        key, marks = bytes.fromhex(seal["key"]), dict(seal["marks"])
    except (OSError, ValueError, KeyError, TypeError):
        return ["what the secrets are known by is gone"]
    found = (
        (one.name, _fault(folder / SECRET_FOLDER / one.name, one, key, digest, marks))
        for one in wanted
    )
    return [f"secret {name} {fault}" for name, fault in found if fault]


def held(folder: Path, wanted: tuple[Secret, ...]) -> dict[str, bytes]:
    """The secrets that lie in a generation; nothing else may read them."""
    return {one.name: (folder / SECRET_FOLDER / one.name).read_bytes() for one in wanted}


def _secret(entry: Mapping[str, Any]) -> Secret:
    one = Secret(entry["name"], entry["owner"], entry["sha256"])
    fits = _NAME.fullmatch(one.name) and len(one.name) <= 60
    if not (fits and _OWNER.fullmatch(one.owner) and _HASH.fullmatch(one.ciphertext)):
        raise ValueError
    return one


def _user(one: Secret) -> int:
    try:
        return pwd.getpwnam(one.owner).pw_uid
    except KeyError:
        raise HostError(
            f"secret {one.name} belongs to {one.owner}, and there is no such user here"
        ) from None


def _write(path: Path, content: bytes, owner: int) -> None:
    """Nobody else's from its first byte on: made with 0600, given away, and only then filled."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    before = os.umask(0o077)
    try:
        descriptor = os.open(path, flags, 0o600)
    finally:
        os.umask(before)
    with os.fdopen(descriptor, "wb") as stream:
        os.fchmod(descriptor, 0o600)
        os.fchown(descriptor, owner, -1)
        stream.write(content)
        stream.flush()
        os.fsync(descriptor)


def _mark(key: bytes, digest: str, name: str, content: bytes) -> str:
    """Keyed: the plain hash of a short password would be as good as the password."""
    import hmac  # it loads OpenSSL

    return hmac.digest(key, f"{digest} {name}\n".encode() + content, "sha256").hex()


def _fault(path: Path, one: Secret, key: bytes, digest: str, marks: Mapping[str, Any]) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return "is gone"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    from hmac import compare_digest

    with os.fdopen(descriptor, "rb") as stream:
        if fault := _exposed(os.fstat(descriptor), one.owner):
            return fault
        mark = _mark(key, digest, one.name, stream.read(LIMIT + 1))
    return "" if compare_digest(mark, str(marks.get(one.name))) else "was changed"


def _exposed(state: os.stat_result, owner: str) -> str:
    if not stat.S_ISREG(state.st_mode):
        return "is no file"
    if state.st_mode & 0o044:
        return "is readable by others"
    if stat.S_IMODE(state.st_mode) != 0o600:
        return f"has the mode {stat.S_IMODE(state.st_mode):04o}, not 0600"
    return "" if state.st_uid == _uid(owner) else f"does not belong to {owner}"


def _uid(owner: str) -> int | None:
    try:
        return pwd.getpwnam(owner).pw_uid
    except KeyError:
        return None
