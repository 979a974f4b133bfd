"""`komando apply`: carry the plan out, then look whether the hosts obey."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from komando.bundle import Plaintexts
from komando.cli.desired import Desired, desired, report
from komando.cli.opened import opened, secrets_key_option
from komando.cli.plan import show_plan
from komando.cli.planning import Planned, changing_nothing, planned, tell_failures, working
from komando.cli.reach import access_to, host_options
from komando.inventory import Access
from komando.plan import Promise, StalePlanError, hold_to, promised

if TYPE_CHECKING:
    from komando.rollout.carry import Carried, Outcome


@click.command()
@click.argument("plan_file", metavar="[PLAN]", required=False,
                type=click.Path(path_type=Path, exists=True, dir_okay=False))  # fmt: skip
@host_options
@secrets_key_option
@click.option("--diff/--no-diff", default=False, help="Show the files' unified diffs, too.")
@click.option("--verify/--no-verify", default=True, show_default=True,
              help="Run the checks of tests/hosts on each changed host afterwards.")  # fmt: skip
def apply(
    plan_file: Path | None,
    inventory: str,
    policies: Path,
    lab: str | None,
    identity: Path | None,
    diff: bool,
    verify: bool,
) -> None:
    """Bring every host to what the policies say.

    With PLAN, a file of `komando plan --out`, nothing is done unless it still holds, and it is
    not shown again. Run twice, the second changes nothing. Exit status: 0 all hosts obey, 1 an
    error.
    """
    shown = None if plan_file is None else _shown(plan_file)
    wanted = desired(policies, inventory)
    report([one for one in wanted.diagnostics if one.severity == "error"])
    access = access_to(wanted, lab, identity)
    try:
        with planned(wanted, access) as found:
            with changing_nothing():
                _agree(found, shown, diff=diff)
                plaintexts = opened(wanted, _changing(found))
            carried = _carry_out(found, wanted, plaintexts)
            tell_failures(found.failures)
            good = _tell(carried.outcomes, wanted) and not found.failures
    except KeyboardInterrupt:
        raise click.ClickException(
            "interrupted; `komando plan` asks the hosts what they run now"
        ) from None
    changed = [name for name, outcome in carried.outcomes.items() if outcome.runs]
    if carried.interrupted:
        raise click.ClickException("interrupted; the hosts are as told above, and not verified")
    if verify and changed:
        good &= _verified(changed, wanted, access)
    if not good:
        raise click.exceptions.Exit(1)


def _shown(plan_file: Path) -> Mapping[str, Promise]:
    """What a plan's file says; one that is none ends the verb before any host is asked."""
    try:
        return promised(plan_file)
    except StalePlanError as error:
        raise click.ClickException(str(error)) from error


def _agree(found: Planned, shown: Mapping[str, Promise] | None, *, diff: bool) -> None:
    """Show the plan, or hold to one that was shown."""
    if shown is not None:
        try:
            hold_to(found.plan, shown)
        except StalePlanError as error:
            raise click.ClickException(str(error)) from error
    if shown is None or not found.plan.changes:
        show_plan(found.plan, "text", diff=diff)


def _changing(found: Planned) -> list[str]:
    """The hosts that will be changed: none, unless every host could be asked."""
    return [] if found.failures else [host.host for host in found.plan.changing()]


def _carry_out(found: Planned, wanted: Desired, plaintexts: Mapping[str, Plaintexts]) -> Carried:
    """Do what the plan says, if every host could be asked."""
    from komando.rollout.carry import Carried, carry
    from komando.rollout.observe import Cache

    if found.failures:
        click.echo("Nothing is carried out, as not every host could be asked.", err=True)
        return Carried({})
    names = ", ".join(_changing(found))
    if not names:
        return Carried({})
    with working(f"activating on {names}"):
        return carry(found.session, found.plan, wanted.bundles, Cache.of_user(), plaintexts)


def _tell(outcomes: Mapping[str, Outcome], wanted: Desired) -> bool:
    """One line for each host that was touched; whether all of them run what they should."""
    for name, outcome in outcomes.items():
        digest = wanted.bundles[name].digest[:12]
        if outcome.runs:
            how = "built anew" if outcome.rebuilt else f"{outcome.touched} classes changed in place"
            click.echo(f"{name} runs {digest}: {how}")
        if outcome.state == "crossed":
            click.echo(f"{name}: {outcome.reason}: somebody else applied meanwhile", err=True)
        elif outcome.state == "failed":
            click.echo(f"{name} refused {digest} and runs what it ran: {outcome.reason}", err=True)
        elif outcome.state == "unknown":
            click.echo(
                f"{name}: not known whether it runs {digest} ({outcome.reason}); "
                "`komando plan` asks it",
                err=True,
            )
    return all(outcome.state == "carried" for outcome in outcomes.values())


def _verified(names: list[str], wanted: Desired, access: Access) -> bool:
    from komando.cli.verify import verify_hosts

    try:
        return verify_hosts(names, wanted, access)
    except KeyboardInterrupt:
        raise click.ClickException(
            "interrupted while verifying; the hosts run what they were given"
        ) from None
