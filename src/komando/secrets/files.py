"""The encrypted files as they lie in the repository: what can be said of them without a key."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from komando.diagnostics import Diagnostic, Location, Sources, as_text, in_order
from komando.documents.fields import SLUG_EXPECTED, is_slug
from komando.documents.near import nearest
from komando.inventory import SecretReference

FOLDER = "secrets"
"""In an inventory's folder; holds one `<name>.age` a secret, and RECIPIENTS."""

RECIPIENTS = "recipients"
"""The public keys that secrets are encrypted to, one a line."""

SUFFIX = ".age"

LIMIT = 128 * 2**10
"""Bytes of an encrypted file: a secret of 64 KiB in base64, and the header of many recipients."""

_BEGINNINGS = (b"age-encryption.org/v1\n", b"-----BEGIN AGE ENCRYPTED FILE-----")
"""How a file of age begins, binary or armored (https://age-encryption.org/v1)."""


class SecretError(ValueError):
    """Secrets that cannot be used; `diagnostics` says where and why, and never what they hold."""

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        sources = Sources()
        super().__init__("\n\n".join(as_text(one, sources) for one in diagnostics))
        self.diagnostics = diagnostics


def secret_path(inventory: Path, name: str) -> Path:
    """Where a secret of an inventory's folder lies."""
    return inventory / FOLDER / f"{name}{SUFFIX}"


def sealed_secrets(inventory: Path, stated: Iterable[SecretReference]) -> dict[str, bytes]:
    """The encrypted files of the secrets that hosts state, by name.

    Raises SecretError with all that is wrong: a file that is missing, one that is not encrypted,
    and whatever else lies in the folder: it may be a secret that somebody forgot to encrypt.
    """
    found: dict[str, bytes] = {}
    diagnostics = _strays(inventory / FOLDER)
    strays = {one.location.file for one in diagnostics}
    for one in stated:
        path = secret_path(inventory, one.name)
        if one.name in found or str(path) in strays:
            continue
        try:
            found[one.name] = path.read_bytes()
        except OSError as error:
            diagnostics.append(_missing(one, path, error))
    if diagnostics:
        raise SecretError(in_order(diagnostics))
    return found


def _missing(one: SecretReference, path: Path, error: OSError) -> Diagnostic:
    known = sorted(each.stem for each in path.parent.glob(f"*{SUFFIX}"))
    near = nearest(one.name, known)
    make = f"make it with `komando secret set {one.name} --inventory {path.parents[1]}`"
    return Diagnostic(
        "secret-missing",
        "error",
        f"the secret `{one.name}` has no encrypted file",
        found=f"{path}: {error.strerror}",
        expected="a file that age has encrypted",
        remedy=f"did you mean `{near}`? Or {make}" if near else make,
        location=one.where or Location(str(path), 1, 1),
        whole=one.where is None,
    )


def _strays(folder: Path) -> list[Diagnostic]:
    """What lies there and is not encrypted. Nothing of a file's content is ever shown."""
    if not folder.is_dir():
        return []
    faults = ((path, _fault(path)) for path in sorted(folder.iterdir()) if path.name != RECIPIENTS)
    return [
        Diagnostic(
            "secret-plain",
            "error",
            "a file among the secrets that age has not encrypted",
            found=fault,
            expected=f"<name>{SUFFIX}, encrypted, with {SLUG_EXPECTED}",
            remedy=(
                "if it holds a secret that was committed, change that secret where it is used: "
                "git keeps it; then encrypt it with `komando secret set`, and remove this file"
            ),
            location=Location(str(path), 1, 1),
            whole=True,
        )
        for path, fault in faults
        if fault
    ]


def _fault(path: Path) -> str:
    if path.is_symlink() or not path.is_file():
        return "something that is no plain file"
    if path.suffix != SUFFIX or not is_slug(path.stem):
        return "a name that no secret has"
    if path.stat().st_size > LIMIT:
        return f"more than {LIMIT} bytes"
    with path.open("rb") as stream:
        begins = stream.read(64)
    return "" if begins.startswith(_BEGINNINGS) else "a file that does not begin as those of age do"
