"""`komando secret`: encrypted files beside the inventory, made and made anew."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from komando.cli.checked import refused
from komando.cli.desired import sealed_of
from komando.cli.machines import folder_of, machines_of
from komando.cli.opened import key_file, key_of, secrets_key_option
from komando.cli.options import inventory_option
from komando.documents.fields import SLUG_EXPECTED, is_slug
from komando.documents.files import write_whole
from komando.host.private import leave_no_core
from komando.secrets.files import FOLDER, RECIPIENTS, SUFFIX, SecretError, secret_path


@click.group()
def secret() -> None:
    """Passwords and keys that hosts need, encrypted in the repository with age.

    A secret is a file inventories/<environment>/secrets/<name>.age, which only the holders of the
    keys in secrets/recipients can open. A host that shall have it states so in hosts.yaml:

    \b
        core-1:
          secrets:
            vpn-key: {owner: root}

    and finds it after the next apply in /etc/komando/secrets/vpn-key, for that owner alone.
    """  # noqa: D301 - click's mark of a paragraph that keeps its lines


@secret.command("set")
@click.argument("name")
@inventory_option
def set_secret(name: str, inventory: str) -> None:
    """Encrypt a secret to all recipients; it needs no private key.

    The secret is asked for twice, without being shown. From a pipe it is taken byte for byte:

    \b
        komando secret set vpn-key < the-file
        printf %s "$(openssl rand -hex 16)" | komando secret set radius-password

    It is never an argument: those are seen by everybody on the machine, and kept by the shell.
    """  # noqa: D301 - click's mark
    if not is_slug(name):
        raise click.UsageError(f"{name!r} is no name of a secret: {SLUG_EXPECTED}")
    leave_no_core()
    folder = folder_of(inventory)
    recipients = _recipients(folder)
    plain = _asked(name)
    path = secret_path(folder, name)
    _write(path, plain, recipients)
    click.echo(f"{path} is encrypted for {_count(recipients)}; commit it", err=True)
    if plain.endswith(b"\n"):
        click.echo("the secret ends with a line feed, which belongs to it", err=True)
    if not any(one.name == name for _, one in _stated(folder)):
        click.echo(f"no host has it yet: state it in {folder}/hosts.yaml", err=True)


@secret.command("list", short_help="Each secret, and who has it.")
@inventory_option
def list_secrets(inventory: str) -> None:
    """Name each secret, the start of its encrypted file's SHA-256, and who has it as whose file.

    It needs no key, and shows what every bundle says of a secret.
    """
    folder = folder_of(inventory)
    stated = _stated(folder)
    sealed_of(folder, machines_of(folder))
    for path in _files(folder):
        hosts = ", ".join(f"{host} ({one.owner})" for host, one in stated if one.name == path.stem)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        click.echo(f"{path.stem}  {digest[:12]}  {hosts or 'no host'}")


@secret.command("rekey")
@inventory_option
@secrets_key_option("that opens them now")
def rekey(inventory: str) -> None:
    """Encrypt all secrets anew, after secrets/recipients has changed.

    It needs the key of somebody who can open them now. Either all are encrypted anew or none.
    Every host that has one of them changes at the next apply, as its encrypted file did.

    Who is no longer a recipient still has what git keeps: change such secrets, too, with
    `komando secret set`.
    """
    path_of_key = key_file()
    if path_of_key is None:
        raise click.UsageError("name the file of a key that opens them now, with --secrets-key")
    folder = folder_of(inventory)
    recipients = _recipients(folder)
    key = key_of(path_of_key)
    sealed_of(folder, machines_of(folder))
    try:
        opened = [(path, key.open(path, path.read_bytes())) for path in _files(folder)]
    except SecretError as error:
        raise refused(error.diagnostics) from error
    for path, plain in opened:
        _write(path, plain, recipients)
    click.echo(
        f"{len(opened)} secrets are encrypted for {_count(recipients)}; commit them", err=True
    )


def _files(folder: Path) -> list[Path]:
    return sorted((folder / FOLDER).glob(f"*{SUFFIX}"))


def _stated(folder: Path) -> list[tuple[str, Any]]:
    hosts = machines_of(folder).hosts
    return [(name, one) for name, host in sorted(hosts.items()) for one in host.secrets]


def _recipients(folder: Path) -> list[Any]:
    from komando.secrets import read_recipients

    try:
        return read_recipients(folder)
    except SecretError as error:
        raise refused(error.diagnostics) from error


def _asked(name: str) -> bytes:
    if sys.stdin.isatty():
        text: str = click.prompt(name, hide_input=True, confirmation_prompt=True, err=True)
        return text.encode()
    plain = sys.stdin.buffer.read()
    if not plain:
        raise click.ClickException("nothing came on standard input: a secret is not empty")
    return plain


def _write(path: Path, plain: bytes, recipients: Sequence[Any]) -> None:
    from komando.secrets import seal

    try:
        write_whole(path, seal(plain, list(recipients)))
    except ValueError as error:
        raise click.ClickException(str(error)) from None


def _count(recipients: Sequence[Any]) -> str:
    return f"the {len(recipients)} keys of {RECIPIENTS}" if len(recipients) > 1 else "the one key"
