"""The secrets of the hosts that an apply changes, in the clear: only now, and only theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from komando.bundle import Plaintexts
    from komando.cli.desired import Desired
    from komando.secrets import Key

ENVIRONMENT = "KOMANDO_SECRETS_KEY"

Verb = TypeVar("Verb", bound=Callable[..., Any])

TO_CHANGE = "that opens the hosts' secrets; needed only where a host with secrets changes"
"""Which key is asked for by a verb that changes hosts."""


def secrets_key_option(which: str) -> Callable[[Verb], Verb]:
    """`--secrets-key`: the name of a file. A key itself has no place on a command line."""
    return click.option(
        "--secrets-key",
        metavar="FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar=ENVIRONMENT,
        show_envvar=True,
        expose_value=False,
        callback=_keep,
        help=f"The file of the private key {which}.",
    )


def _keep(context: click.Context, _: click.Parameter, path: Path | None) -> None:
    context.meta[__name__] = path


def key_file() -> Path | None:
    """What `--secrets-key` of the verb that runs names, or its variable."""
    found: Path | None = click.get_current_context().meta.get(__name__)
    return found


def opened(wanted: Desired, hosts: Iterable[str]) -> dict[str, Plaintexts]:
    """The secrets of those of `hosts` that have some, decrypted in memory.

    Nothing is read where none of them has. Ends the verb with exit status 1, before any host is
    changed, when the key is missing or does not open one of them.
    """
    needy = {name: wanted.bundles[name].secrets for name in hosts if wanted.bundles[name].secrets}
    if not needy:
        return {}
    path = key_file()
    if path is None:
        names = "; ".join(f"{host}: {', '.join(secrets)}" for host, secrets in needy.items())
        raise click.ClickException(
            f"no host was changed: some of them have secrets ({names}), and there is no key to "
            f"open these. Name its file with --secrets-key or {ENVIRONMENT}"
        )
    from komando.cli.checked import refused
    from komando.secrets import open_all
    from komando.secrets.files import SecretError

    key = key_of(path)

    try:
        return {
            host: open_all(wanted.folder, {name: wanted.sealed[name] for name in secrets}, key)
            for host, secrets in needy.items()
        }
    except SecretError as error:
        raise refused(error.diagnostics) from error


def key_of(path: Path) -> Key:
    """The key in a file; one that cannot be used ends the verb with exit status 1."""
    from komando.secrets import KeyFileError, read_key

    try:
        return read_key(path)
    except FileNotFoundError:
        raise click.ClickException(f"{path}, the key of the secrets, does not stand") from None
    except KeyFileError as error:
        raise click.ClickException(str(error)) from error
