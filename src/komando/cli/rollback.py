"""`komando rollback`: bring one host back to a generation that it has, by the same protocol."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import click

from komando.cli import changing_nothing
from komando.cli.completing import offer_routers
from komando.cli.plan import show_plan
from komando.cli.progress import working
from komando.cli.register import Register, emergency_option, ledger_key_option, register_options
from komando.cli.rolling import carry_out, conclude, ending_as_told
from komando.cli.scope import Scope, machine_options, require_keys
from komando.cli.streams import tell
from komando.diagnostics import Location
from komando.generation import RunningGeneration
from komando.plan import Plan, make_plan
from komando.plan.narration import digest_words

if TYPE_CHECKING:
    from komando.rollout.session import Session

SHORTEST = 6
"""Digits of a digest that have to be given at least."""


@click.command()
@click.argument("name", metavar="HOST", shell_complete=offer_routers)
@click.argument("digest", required=False)
@click.option("--list", "listing", is_flag=True, help="Only list the generations of the host.")
@click.option("--diff/--no-diff", default=False, help="Show the files' unified diffs, too.")
@machine_options
@emergency_option
@register_options
@ledger_key_option
def rollback(
    scope: Scope, register: Register, name: str, digest: str | None, listing: bool, diff: bool
) -> None:
    """Bring HOST back to the generation that it ran before, or to DIGEST.

    No policy is read, and nothing travels but the order: the host has its generations. The change
    has to be confirmed over a fresh connection like any other, or it reverts by itself. The
    policies still ask for what they asked for: change them too, or the next apply brings it again.

    \b
    komando rollback core-1 --list
    komando rollback core-1
    komando rollback core-1 3f9a41c7

    Exit status: 0 the host runs it, 1 it does not.
    """  # noqa: D301
    from komando.rollout.session import Session, WorkerFailedError
    from komando.rollout.turn import Undertaken
    from komando.rollout.wave import Target

    _understood(digest, listing=listing)
    inventory, access = scope.machines()
    routers = inventory.routers
    if name not in routers:
        raise click.UsageError(f"no router {name!r}: the inventory has {', '.join(routers)}")
    host = routers[name]
    require_keys(inventory, access, [name])
    try:
        with ending_as_told(), Session(inventory.with_neighbours([name]), access) as session:
            with changing_nothing(), working(f"asking {name} what it runs"):
                running = _running(session, name)
                if listing:
                    _list(running)
                    return
                wanted = _chosen(running, digest)
                if wanted == running.digest:
                    _stands(running)
                    return
                found = _way(session, running, wanted)
            show_plan(found, "text", diff=diff)
            targets = {name: Target(host, running.digest, wanted)}
            what = Undertaken("rollback", running.sequence, register.emergency)
            ledger = partial(register.open, inventory.name, scope.lab_folder)
            rollout = carry_out(session, targets, ((name,),), ledger, what)
    except (WorkerFailedError, FileNotFoundError) as error:
        raise click.ClickException(str(error)) from error
    conclude(rollout, partial=False)


def _understood(digest: str | None, *, listing: bool) -> None:
    """Ends the verb, before any host is asked, for words that cannot be meant."""
    if digest is not None and listing:
        raise click.UsageError("--list shows all generations: leave DIGEST or --list out")
    if digest is not None and len(digest) < SHORTEST:
        raise click.UsageError(f"{digest!r} is too short: give {SHORTEST} digits or more")


def _running(session: Session, name: str) -> RunningGeneration:
    """What the host runs; ends the verb when it cannot be asked."""
    from komando.rollout.observe import ask

    seen = ask(session, [name])
    if name in seen.failures:
        raise click.ClickException(f"{name}: {seen.failures[name]}")
    return seen.running[name]


def _list(running: RunningGeneration) -> None:
    if not running.generations:
        tell(f"{running.host} has no generation", err=True)
    for digest in running.generations:
        note = ""
        if digest == running.digest:
            note = "  runs" if running.waits is None else "  runs, unconfirmed"
        elif digest == running.previous:
            note = "  ran before"
        tell(f"{digest}{note}")


def _chosen(running: RunningGeneration, digest: str | None) -> str:
    """The one generation that is meant; ends the verb when there is none, or more than one."""
    host = running.host
    if running.waits is not None:
        raise click.ClickException(
            f"{host}: a change waits for its confirmation there, and reverts in "
            f"{running.waits:.0f} s: look again then"
        )
    known = f"`komando rollback {host} --list` tells what it has"
    if digest is None:
        if running.previous is None:
            raise click.ClickException(f"{host} ran nothing before; {known}")
        if running.previous not in running.generations:
            raise click.ClickException(
                f"{host} has {running.previous[:12]} no more, which it ran before; {known}"
            )
        return running.previous
    meant = [one for one in running.generations if one.startswith(digest.lower())]
    if len(meant) != 1:
        how = "none" if not meant else "more than one"
        raise click.ClickException(f"{how} of its generations begins with {digest}; {known}")
    return meant[0]


def _stands(running: RunningGeneration) -> None:
    """It runs already what is meant; ends the verb with an error where its kernel lacks some."""
    runs = f"{running.host} runs {digest_words(running.digest)} already"
    if not running.healthy:
        raise click.ClickException(
            f"{runs}, and says of it: {running.kernel}; `komando drift --repair` gives it once more"
        )
    tell(f"{runs}: nothing changes")


def _way(session: Session, running: RunningGeneration, wanted: str) -> Plan:
    """The plan from what runs to what is meant."""
    from komando.rollout.observe import Cache, fetch

    cache = Cache.of_user()
    try:
        after = fetch(session, running.host, wanted, cache)
    except ValueError as error:
        raise click.ClickException(f"{running.host}: {error}") from error
    unread: dict[str, str] = {}
    try:
        before = fetch(session, running.host, running.digest or "", cache)
        running = replace(running, bundle=before)
    except ValueError as error:
        unread[running.host] = str(error)
    return make_plan(
        {running.host: after}, {running.host: running}, _nowhere, datetime.now(UTC), (), unread
    )


def _nowhere(kind: str, slug: str, *path: str | int) -> Location:
    """No policy is read, so no line of one is behind a change."""
    raise KeyError(kind, slug, *path)
