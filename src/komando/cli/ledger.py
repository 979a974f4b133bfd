"""`komando ledger`: the chained record of what was done: seen, checked, landed, restored."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console

from komando.cli.ledger_text import plain, print_links
from komando.cli.machines import folder_of
from komando.cli.options import identity_option
from komando.cli.people import people_of
from komando.cli.progress import tell_failures, working
from komando.cli.register import Register, ledger_key_option, register_options
from komando.cli.rolling import PARTLY
from komando.cli.scope import Scope, place_options
from komando.cli.streams import tell
from komando.ledger import Ledger, LedgerError, Signers, UnreachedError, Verified
from komando.ledger import verify as verified
from komando.ledger.restore import begin_anew
from komando.ledger.restore import restore as restored
from komando.ledger.witness import RefusedWitnessError, require_name
from komando.ledger.witness import witness as witnessed

Verb = TypeVar("Verb", bound=Callable[..., Any])


def _options(verb: Callable[..., None]) -> Callable[..., None]:
    """Which environment, and where its ledger is."""
    environment = click.option(
        "--environment",
        metavar="NAME",
        help="The environment, where its inventory is not at hand.",
    )
    return environment(place_options(register_options(verb)))


def _signers_options(verb: Callable[..., None]) -> Callable[..., None]:
    """Whose signatures all entries have to have."""
    for option in (
        click.option("--signed-since", type=click.IntRange(1), default=1, show_default=True,
                     help="The first entry that has to be signed."),
        click.option("--allowed-signers", type=click.Path(path_type=Path), default=None,
                     metavar="FILE",
                     help="Who may sign: as ssh-keygen(1) has it (ALLOWED SIGNERS), or a "
                     "people.yaml, whose people may in their days. All entries have to be."),
    ):  # fmt: skip
        verb = option(verb)
    return verb


@contextmanager
def _telling() -> Iterator[None]:
    """What is wrong with a ledger goes to stderr, and ends the verb with 1."""
    try:
        yield
    except LedgerError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        raise click.ClickException("interrupted; nothing is lost") from None


def _open(scope: Scope, register: Register, environment: str | None) -> Ledger:
    name = environment or folder_of(scope.inventory).resolve().name
    return register.open(name, scope.lab_folder)


def _asked(scope: Scope) -> tuple[dict[str, list[str]] | None, list[str]]:
    """The lines of each host's own record, asked over ssh; who does not answer is told, and given.

    None where no host can be: an auditor's clone has no key, and verifies the chain all the same.
    """
    from komando.rollout.session import Session, WorkerFailedError

    try:
        inventory, access = scope.machines()
    except click.ClickException as error:
        tell(f"note: the hosts were not asked: {error.message}", err=True)
        return None, []
    try:
        with (
            working("asking the hosts for their records"),
            Session(inventory.routers.values(), access) as session,
        ):
            answers = session.record([n for n in inventory.routers if n not in session.refused])
            failures = session.refused | answers.failures | answers.lost
    except (WorkerFailedError, FileNotFoundError) as error:
        raise click.ClickException(str(error)) from error
    tell_failures(failures)
    return {name: text.splitlines() for name, text in answers.results.items()}, sorted(failures)


def host_records(folder: Path) -> dict[str, list[str]]:
    """The lines of each host's own record, by its name, from the HOST.jsonl files of a folder."""
    if not folder.is_dir():
        raise click.ClickException(f"{folder} is no folder: expected one with HOST.jsonl files")
    found = {
        path.stem: path.read_text(encoding="utf-8").splitlines()
        for path in sorted(folder.glob("*.jsonl"))
    }
    if not found:
        raise click.ClickException(
            f"{folder} has no HOST.jsonl: `ssh HOST sudo komando-host record > HOST.jsonl`"
        )
    return found


@click.group()
def ledger() -> None:
    """The chained record of what was done: the branch deployments/ENVIRONMENT on the forge.

    \b
    komando ledger show                      who changed what, newest first
    komando ledger verify                    does it hold, and do the hosts say the same
    komando ledger push                      land what was done while the forge was away
    komando ledger witness inspektorat       say what a second party has seen
    komando ledger restore                   bring a lost branch back from this clone
    """  # noqa: D301


@ledger.command(short_help="Who changed what, newest first.")
@_options
@click.option("-n", "most", type=click.IntRange(1), default=20, show_default=True,
              help="How many entries, from the newest.")  # fmt: skip
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text",
              show_default=True, help="How to print it.")  # fmt: skip
def show(scope: Scope, register: Register, environment: str | None, most: int, form: str) -> None:
    """Who changed what, newest first; also what waits in this clone.

    With the forge away it shows what this clone last knew, and says so.
    """
    with _telling():
        here = _open(scope, register, environment)
        with working("asking the forge"), here.spool.alone():
            try:
                here.fetch()
            except UnreachedError as away:
                tell(f"{away}. As this clone last knew it:", err=True)
            waiting = here.spool.links()[-most:]
            links = here.links(most)
    if form == "json":
        rows = [plain(it, waits=True) for it in reversed(waiting)]
        rows += [plain(it, waits=False) for it in reversed(links)]
        click.echo(json.dumps(rows[:most], indent=1, ensure_ascii=False))
        return
    if not links and not waiting:
        tell(f"nothing was ever done to {here.branch.environment}", err=True)
    kept = links[max(0, len(links) + len(waiting) - most) :]
    print_links(kept, waiting, Console(file=sys.stdout, highlight=False, soft_wrap=True))


@ledger.command(short_help="Whether it holds, and the hosts say the same.")
@_options
@identity_option
@click.option(
    "--records",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FOLDER",
    help="The hosts' own records, HOST.jsonl each. Default: the hosts are asked.",
)
@_signers_options
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text",
              show_default=True, help="How to print it.")  # fmt: skip
def verify(
    scope: Scope,
    register: Register,
    environment: str | None,
    records: Path | None,
    allowed_signers: Path | None,
    signed_since: int,
    form: str,
) -> None:
    """Hold the ledger against itself, what this clone knew of it, signatures and hosts' records.

    What people did at the hosts' consoles is told, and fits: no apply asked for it.

    Exit status: 0 all of it fits, 1 something does not, or cannot be read, 3 all that was looked at
    fits, but some hosts did not give their records.
    """
    told, silent = _asked(scope) if records is None else (host_records(records), [])
    with (
        _telling(),
        working("reading the ledger"),
        _signers(allowed_signers, signed_since) as signers,
    ):
        found = verified(_open(scope, register, environment), told, signers)
    if form == "json":
        click.echo(json.dumps(asdict(found), indent=1, ensure_ascii=False))
    else:
        _tell(found, silent)
    if found.disagreements or silent:
        raise click.exceptions.Exit(1 if found.disagreements else PARTLY)


@contextmanager
def _signers(file: Path | None, since: int) -> Iterator[Signers | None]:
    """Who may sign, and from which entry on; of a people.yaml git reads what is made of it."""
    from komando.policy import PEOPLE, allowed_signers

    if file is None or file.name != PEOPLE or not file.is_file():
        yield None if file is None else Signers(file, since)
        return
    from tempfile import TemporaryDirectory

    people, zone = people_of(file.parent)
    with TemporaryDirectory() as folder:
        made = Path(folder, file.name)
        made.write_text(allowed_signers(people, zone), encoding="utf-8")
        yield Signers(made, since)


def _tell(found: Verified, silent: list[str]) -> None:
    for note in found.notes:
        tell(f"note: {note}", err=True)
    for one in found.disagreements:
        tell(str(one))
    count = len(found.disagreements)
    fits = "all of it fits" + (f", without {', '.join(silent)}" if silent else "")
    words = {0: fits, 1: "1 thing does not fit"}.get(count, f"{count} things do not fit")
    tell(f"{found.entries} entries: {words}", err=bool(count))
    if count:
        tell("docs/runbooks/lost-ledger.md says what to do", err=True)


@ledger.command(short_help="Land what was done while the forge was away.")
@_options
@ledger_key_option
def push(scope: Scope, register: Register, environment: str | None) -> None:
    """Land what was done while the forge was away, behind what is there."""
    with _telling(), working("pushing"):
        count = _open(scope, register, environment).push()
    tell(f"{count} entries landed" if count else "nothing waits in this clone")


@ledger.command(short_help="Say which entries a second party has seen.")
@_options
@_signers_options
@click.argument("name")
def witness(
    scope: Scope,
    register: Register,
    environment: str | None,
    allowed_signers: Path | None,
    signed_since: int,
    name: str,
) -> None:
    """Verify the ledger, and let the branch of a witness go on to its newest entry.

    For a party that applies nothing, in a clone of its own: an auditor, each month. The branch is
    witnesses/<environment>/NAME on the forge, and only goes forward. Where the ledger does not
    hold, or does not go on from what this witness has seen, it refuses: that is the alarm.
    """
    with _telling():
        require_name(name)
    with (
        _telling(),
        working("reading the ledger"),
        _signers(allowed_signers, signed_since) as signers,
    ):
        try:
            found = witnessed(_open(scope, register, environment), name, signers)
        except RefusedWitnessError as error:
            if error.verified is not None:
                _tell(error.verified, [])
            raise
    tell(f"{found.branch} has seen {found.entries} entries, {found.fresh} of them now")


@ledger.command(short_help="Bring a lost branch back from this clone.")
@_options
@ledger_key_option
@click.option("--anew", "why", metavar="WHY", default=None,
              help="Begin a new one, where nobody has the old: why, for the record.")  # fmt: skip
def restore(scope: Scope, register: Register, environment: str | None, why: str | None) -> None:
    """Push back the longest chain that this clone has of a branch that was lost or cut."""
    with _telling(), working("restoring"):
        here = _open(scope, register, environment)
        made = restored(here) if why is None else [begin_anew(here, why)]
    name = here.branch.name
    tell(f"{len(made)} entries pushed to {name}" if made else f"{name} lacks nothing")
