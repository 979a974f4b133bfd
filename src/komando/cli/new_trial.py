"""A new or changed policy file, checked with the whole tree before it comes to its place."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import click

from komando.cli.check import examine
from komando.cli.checked import refused
from komando.cli.options import POLICIES, policies_option
from komando.cli.streams import tell
from komando.diagnostics import (
    Diagnostic,
    Location,
    Source,
    Sources,
    as_text,
    errors_in,
    printable,
)
from komando.documents.files import write_whole
from komando.intent.room import TOO_MUCH
from komando.policy import load_policy
from komando.policy.model import Policy

Verb = Callable[..., Any]

BY_REQUEST: Final = "read it, commit it on a branch, then `komando ci plan`"


def trial_options(verb: Verb) -> Verb:
    """`--policies`, and how a new file is tried: `--dry-run` as `dry`, `--yes`."""
    for option in (
        policies_option,
        click.option("--yes", is_flag=True, help="Ask nothing: flags and defaults alone."),
        click.option("--dry-run", "dry", is_flag=True, help="Print the file, and write nothing."),
    ):
        verb = option(verb)
    return verb


def request_options(verb: Verb) -> Verb:
    """`--letter` and `--date`: what asks for it."""
    for option in (
        click.option("--date", metavar="DATE", help="The date of that letter."),
        click.option("--letter", metavar="NUMBER", help="The letter that asks for it."),
    ):
        verb = option(verb)
    return verb


@dataclass(frozen=True)
class Trial:
    """What the check says of the tree with a file in it, told of the file's own place."""

    diagnostics: Sequence[Diagnostic]
    sources: Sources


def standing(policies: Path) -> tuple[Policy, Sequence[Diagnostic]]:
    """The policies as they stand, and their warnings; wrong ones end the verb with status 1."""
    if not policies.is_dir():
        raise click.ClickException(
            f"no folder {policies}/ here: run it in the repository's folder"
            if policies == POLICIES
            else f"no folder {policies}: --policies names that of the policies"
        )
    loaded = load_policy(policies, datetime.now(UTC))
    if loaded.policy is None:
        click.echo("the policies are wrong already, so that nothing is added:\n", err=True)
        raise refused(loaded.diagnostics)
    return loaded.policy, loaded.diagnostics


def try_out(
    policies: Path,
    file: Path,
    content: bytes,
    told: Sequence[Diagnostic],
    fits: Callable[[], str] | None = None,
) -> None:
    """End the verb with status 1 unless the check of the whole tree lets a file into its place.

    `told` are the diagnostics of the tree without it, which are not told again. `fits` says how
    much would fit where the uplink's sums are passed.
    """
    with TemporaryDirectory(prefix="komando-new-") as folder:
        trial = _tried(policies, file, content, Path(folder) / "policies")
        wrong = errors_in(trial.diagnostics)
        for one in trial.diagnostics:
            if one.severity == "error" if wrong else one not in told:
                click.echo(as_text(one, trial.sources) + "\n", err=True)
    if wrong:
        if fits is not None and any(one.id in TOO_MUCH for one in trial.diagnostics):
            tell(fits(), err=True)
        raise click.ClickException(f"nothing was written: {file} would fail the check")


def _tried(policies: Path, file: Path, content: bytes, copy: Path) -> Trial:
    shutil.copytree(policies, copy, symlinks=True)
    aside = copy / file.relative_to(policies)
    aside.parent.mkdir(exist_ok=True)
    aside.write_bytes(content)
    _, diagnostics = examine(copy, datetime.now(UTC))

    def back(location: Location) -> Location:
        return location._replace(file=str(policies / Path(location.file).relative_to(copy)))

    moved = [
        replace(
            one,
            location=back(one.location),
            related=tuple(replace(two, location=back(two.location)) for two in one.related),
        )
        for one in diagnostics
    ]
    return Trial(moved, _Aside(policies, copy))


class _Aside(Sources):
    """The files as they stand in the copy, under the names of those that it is a copy of."""

    def __init__(self, named: Path, copy: Path) -> None:
        super().__init__()
        self._named, self._copy = named, copy

    def of(self, file: str) -> Source | None:
        return super().of(str(self._copy / Path(file).relative_to(self._named)))


def write(file: Path, content: bytes, words: str, follows: str = BY_REQUEST) -> None:
    """Put a file in its place, say what stands there now, and what comes next."""
    write_whole(file, content)
    click.echo(f"{file}: {printable(words)}")
    click.echo(f"next: {follows}", err=True)
