"""`komando drift`: what was changed by hand, as a diff; with --repair it is put right."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from komando.bundle import NO_SECRETS
from komando.cli import changing_nothing
from komando.cli.completing import offer_limit
from komando.cli.desired import Desired
from komando.cli.drift_text import as_json, as_markdown, text_lines
from komando.cli.opened import TO_CHANGE, opened, secrets_key_option
from komando.cli.progress import tell_failures, working
from komando.cli.register import Register, emergency_option, ledger_key_option, register_options
from komando.cli.rolling import carry_out, ending_as_told
from komando.cli.scope import Scope, host_options

if TYPE_CHECKING:
    from komando.ledger import Ledger
    from komando.rollout.drift import Drift, HostDrift
    from komando.rollout.outcome import Rollout
    from komando.rollout.session import Session

DRIFT = 2
"""The exit status when something differs; 0 is nothing, 1 an error."""

ROLES = Path("roles")


@click.command()
@host_options
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json"]), default="text",
              show_default=True, help="How to print it.")  # fmt: skip
@click.option("--limit", metavar="HOST[,HOST]", shell_complete=offer_limit,
              help="Only these hosts.")  # fmt: skip
@click.option("--diff/--no-diff", default=True, help="With what was changed, or in words alone.")
@click.option("--repair", is_flag=True,
              help="Give hosts that drift their generation once more, and look again.")  # fmt: skip
@emergency_option
@register_options
@ledger_key_option
@secrets_key_option(TO_CHANGE)
def drift(
    scope: Scope, register: Register, form: str, limit: str | None, diff: bool, repair: bool
) -> None:
    """What stands on the hosts otherwise than their generations say.

    Without --repair nothing is changed; the options that are listed below it go with it alone.

    Files, links, nft tables, tc trees, filters, addresses, routes, settings, offloads, units and
    the host program, in one question to each host. A change by hand is shown as a diff: `-` is what
    should be there, `+` what is there instead. What the hosts mended by themselves since their last
    change is told, too: every minute they put their kernel right, and say so here.

    With --repair, hosts that drift are given the generation that they run once more, by the same
    rollout as in an apply, and asked again. What only `komando prepare` or a person can mend stays.
    A host that runs another generation than the policies ask for does not drift: `komando plan`.

    Exit status: 0 no drift (with --repair: none is left), 2 drift, 1 an error, a host that could
    not be asked among them.
    """
    wanted = scope.desired(limit)
    found, rollout, before = looked(scope, register, wanted, repair=repair)
    if form == "json":
        click.echo(as_json(found, before, rollout))
    elif form == "markdown":
        click.echo(as_markdown(found, before, rollout, diff=diff), nl=False)
    else:
        console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
        for line in text_lines(found, before, rollout, diff=diff):
            console.print(line)
    if found.failures:
        tell_failures(found.failures)
        raise click.exceptions.Exit(1)
    raise click.exceptions.Exit(DRIFT if found.drifting else 0)


def looked(
    scope: Scope, register: Register, wanted: Desired, *, repair: bool
) -> tuple[Drift, Rollout | None, Drift | None]:
    """What is found in the end; and where there was a repair, what it did and was found before."""
    from komando.rollout.drift import Sources, ask_drift
    from komando.rollout.session import Session, WorkerFailedError

    digests = {name: bundle.digest for name, bundle in wanted.bundles.items()}
    hosts = [wanted.inventory.hosts[name] for name in digests]
    sources = Sources.beside(ROLES)
    words = f"asking {', '.join(digests)} what was changed"
    try:
        with ending_as_told(), Session(hosts, scope.access(wanted)) as session:
            with changing_nothing(), working(words):
                before = ask_drift(session, digests, digests, sources)
            if not repair or not any(one.repairable for one in before.hosts):
                return before, None, None
            ledger = partial(register.open, wanted.inventory.name, scope.lab_folder)
            rollout = _repair(session, before, wanted, ledger, emergency=register.emergency)
            with working(words):
                return ask_drift(session, digests, digests, sources), rollout, before
    except (WorkerFailedError, FileNotFoundError) as error:
        raise click.ClickException(str(error)) from error


def _repair(
    session: Session,
    found: Drift,
    wanted: Desired,
    ledger: Callable[[], Ledger],
    *,
    emergency: bool,
) -> Rollout:
    """The rollout that gives hosts what they run already.

    The files travel where the policies still ask for them, secrets where they were touched; else
    the host has its own copy.
    """
    from komando.rollout.turn import Undertaken
    from komando.rollout.wave import Target
    from komando.rollout.waves import arrange

    hosts = wanted.inventory.hosts
    with changing_nothing():
        plaintexts = opened(
            wanted,
            [one.host for one in found.hosts if one.repairable and one.secrets and _asked_for(one)],
        )
    targets: dict[str, Target] = {}
    for one in found.hosts:
        if not one.repairable or (digest := one.running.digest) is None:
            continue
        bundle = wanted.bundles[one.host]
        targets[one.host] = (
            Target.of(hosts[one.host], digest, bundle, plaintexts.get(one.host, NO_SECRETS))
            if _asked_for(one)
            else Target(hosts[one.host], digest, digest)
        )
    what = Undertaken("repair", max(one.running.sequence for one in found.hosts), emergency)
    return carry_out(session, targets, arrange(targets, hosts), ledger, what)


def _asked_for(one: HostDrift) -> bool:
    """Whether the policies ask for what the host runs."""
    return one.wanted == one.running.digest
