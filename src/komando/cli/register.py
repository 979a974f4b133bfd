"""Where the ledger is, by the options of a verb."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from komando.ledger import Ledger


@dataclass(frozen=True)
class Register:
    """Where the ledger is, by the options of a verb; `remote` None is the usual one."""

    repository: Path
    remote: str | None
    key: Path | None
    emergency: bool

    def open(self, environment: str, lab: Path | None) -> Ledger:
        """The ledger of an environment; that of a lab lies in its own folder.

        Raises LedgerError, with what is missing.
        """
        from komando.ledger import Ledger

        if lab is not None and self.repository.resolve() == lab.resolve() / "controller":
            return Ledger.open(self.repository, environment, "origin", key=self.key)
        if self.remote is None and lab is not None and lab.is_dir():
            forge, clone = lab / "forge.git", lab / "clone.git"
            if not clone.exists():  # a forge that goes away later stays away
                _make_bare(forge)
                _make_bare(clone)
            return Ledger.open(clone, environment, str(forge), key=self.key)
        return Ledger.open(self.repository, environment, self.remote or "origin", key=self.key)


def register_options(verb: Callable[..., None]) -> Callable[..., None]:
    """`--remote` and `--repository`, as the verb's `register`."""

    @wraps(verb)
    def registered(
        repository: Path,
        remote: str | None,
        *,
        ledger_key: Path | None = None,
        emergency: bool = False,
        **rest: Any,
    ) -> None:
        verb(register=Register(repository, remote, ledger_key, emergency), **rest)

    for option in (
        click.option("--repository", type=click.Path(path_type=Path), default=Path(),
                     show_default=True, help="A folder of the policies' repository."),
        click.option("--remote", default=None, envvar="KOMANDO_LEDGER_REMOTE", show_envvar=True,
                     help="Where the ledger's branch is: a remote's name, a URL or a path. "
                          "Default: origin, or a lab's own."),
    ):  # fmt: skip
        registered = option(registered)
    return registered


emergency_option = click.option(
    "--emergency",
    is_flag=True,
    help="Go on at once: without the forge (`komando ledger push` lands the record later), and "
    "without waiting for another machine whose turn it is.",
)
"""For verbs with `register_options` that change hosts."""

ledger_key_option = click.option(
    "--ledger-key",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    envvar="KOMANDO_LEDGER_KEY",
    show_envvar=True,
    help="The ssh key that signs the ledger's entries. Default: none.",
)
"""For verbs with `register_options` that write entries."""


def _make_bare(folder: Path) -> None:
    subprocess.run(
        ["git", "init", "--quiet", "--bare", str(folder)], stdin=subprocess.DEVNULL, check=True
    )
