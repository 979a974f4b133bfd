"""Which ids offices and points had that are gone now: git's history knows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from komando.cli.streams import tell
from komando.ledger.errors import LedgerError
from komando.ledger.git import Git


def used_before(policies: Path) -> Callable[[int], bool]:
    """Whether an office or a point had an id once.

    Outside of a repository it warns, and knows of none; a clone without the whole history ends the
    verb.
    """
    try:
        git = Git(policies)
    except LedgerError:
        tell(f"{policies} is in no git repository: an id may be one that was used before", err=True)
        return lambda _: False
    if git.run("rev-parse", "--is-shallow-repository").out.strip() == b"true":
        raise click.ClickException(
            "this clone is shallow, so nobody can tell which ids were used before: "
            "`git fetch --unshallow`, then again"
        )

    def used(number: int) -> bool:
        found = git.run("log", "--format=%H", "--max-count=1", f"-G^id: +{number}( |$)", "--", ".")
        return found.status == 0 and bool(found.out.strip())

    return used
