"""`komando apply`: carry the plan out, then look whether the hosts obey."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from komando.cli import changing_nothing
from komando.cli.completing import offer_limit
from komando.cli.opened import TO_CHANGE, opened, secrets_key_option
from komando.cli.register import Register, emergency_option, ledger_key_option, register_options
from komando.cli.scope import Scope, host_options
from komando.cli.streams import tell

if TYPE_CHECKING:
    from komando.cli.desired import Desired
    from komando.cli.planning import Planned
    from komando.inventory import Access
    from komando.ledger import Ledger
    from komando.ledger.entries import Request
    from komando.plan import Promise
    from komando.rollout.launch import Launched
    from komando.rollout.outcome import Rollout
    from komando.rollout.roll import Verify
    from komando.rollout.turn import Undertaken


MAIN = "main"
"""The branch that is merged into, and applied."""


@dataclass(frozen=True)
class Manner:
    """How an apply goes about it; `requests` are the pull requests that it carries out.

    `record`: it is a turn of the ledger even where nothing changes. `commit` is what has to be
    checked out when it begins, "" for whatever is.
    """

    partial: bool = False
    at_once: bool = False
    verify: bool = True
    record: bool = False
    commit: str = ""
    requests: tuple[Request, ...] = ()


def _manner_options(verb: Callable[..., None]) -> Callable[..., None]:
    """`--at-once`, `--verify` and `--record`, as the verb's `manner`."""

    @wraps(verb)
    def in_manner(*, at_once: bool, verify: bool, record: bool, **rest: Any) -> None:
        verb(manner=Manner(at_once=at_once, verify=verify, record=record), **rest)

    for option in (
        click.option("--record", is_flag=True,
                     help="Write it into the ledger even where nothing changes, and let merges "
                          "be judged from this commit on."),
        click.option("--verify/--no-verify", default=True, show_default=True,
                     help="Run the checks of tests/hosts on each wave."),
        click.option("--at-once", is_flag=True,
                     help="All hosts in one wave; one that fails takes all back."),
    ):  # fmt: skip
        in_manner = option(in_manner)
    return in_manner


@click.command()
@click.argument("plan_file", metavar="[PLAN]", required=False,
                type=click.Path(path_type=Path, exists=True, dir_okay=False))  # fmt: skip
@host_options
@emergency_option
@register_options
@ledger_key_option
@secrets_key_option(TO_CHANGE)
@click.option("--limit", metavar="HOST[,HOST]", shell_complete=offer_limit,
              help="Only these hosts: a PARTIAL apply.")  # fmt: skip
@_manner_options
@click.option("--diff/--no-diff", default=False, help="Show the files' unified diffs, too.")
def apply(
    scope: Scope,
    plan_file: Path | None,
    limit: str | None,
    diff: bool,
    manner: Manner,
    register: Register,
) -> None:
    """Bring every host to what the policies say.

    With PLAN, a file of `komando plan --out`, nothing is done unless it still holds, and it is
    not shown again. Nor is anything done while the plan has a finding that no file of
    policies/acknowledgements/ accepts: nothing overrides that. Run twice, the second changes
    nothing.

    A canary changes first, then all the others. Each change reverts by itself unless it is
    confirmed over a fresh connection within the host's `confirm_within` seconds; a host that fails
    takes its wave back with it, and ends the rollout. Who applies is alone: the ledger, a branch on
    the forge, says so before anything is changed, and afterwards what came of it.

    Exit status: 0 all hosts obey, 1 something failed or was taken back, 3 all that was tried
    holds, but some hosts could not be reached.
    """
    with scope.ahead() as launched:
        with changing_nothing():
            shown = None if plan_file is None else _shown(plan_file)
            if manner.record:
                manner = replace(manner, commit=_checked_out(scope, register))
            wanted = scope.desired(limit, launched)
        manner = replace(manner, partial=limit is not None)
        left_out = wanted.left_out

        def agree(found: Planned) -> None:
            _agree(found, shown, left_out | found.failures.keys(), diff=diff)

        rollout = carried_out(scope, register, wanted, launched, agree, manner)
    from komando.cli.rolling import conclude

    conclude(rollout, partial=limit is not None)


def carried_out(
    scope: Scope,
    register: Register,
    wanted: Desired,
    launched: Launched,
    agree: Callable[[Planned], None],
    manner: Manner,
) -> Rollout:
    """Ask the hosts, have `agree` look at the plan, and carry it out; what came of it.

    `agree` raises ClickException where nothing shall be done.
    """
    with changing_nothing():
        access = scope.access(wanted)

        # only now: while all of it is loaded, the hosts answer
        from komando.cli.planning import planned
        from komando.cli.rolling import as_it_was, ending_as_told

    with ending_as_told(), planned(wanted, access, launched, settled=True) as found:
        with changing_nothing():
            agree(found)
        if not (found.plan.changes or manner.record):
            return as_it_was(found.failures)
        look = partial(_verified, wanted=wanted, access=access) if manner.verify else None
        policies = (str(scope.policies), str(wanted.folder))
        what = _undertaken(found, policies, emergency=register.emergency, verify=manner.verify)
        limit = tuple(wanted.bundles) if manner.partial else ()
        what = replace(what, limit=limit, requests=manner.requests, commit=manner.commit)
        ledger = partial(register.open, wanted.inventory.name, scope.lab_folder)
        done = _carried(found, wanted, what, ledger, look, at_once=manner.at_once)
    whole = done.holds and done.recorded and not any(done.of("unreached")) and not manner.partial
    if whole and manner.record and manner.commit:
        _note_judged(ledger(), manner.commit, register)
    return done


def _checked_out(scope: Scope, register: Register) -> str:
    """The commit that is recorded; "" in a lab without a forge. What it brings is told.

    Ends the verb where files differ from it: nobody could say then what was applied.
    """
    from komando.ledger import LedgerError
    from komando.review.judged import judged
    from komando.review.trees import TreeError, Trees

    environment = Path(scope.inventory).name
    try:
        ledger = register.open(environment, scope.lab_folder)
        policy, trees = ledger.policy(), Trees(ledger.git)
        if policy.commit and policy.changed:
            raise click.ClickException(
                f"--record is of a commit, and files here differ from {policy.commit[:12]}: "
                "`git status` names them"
            )
        before = judged(trees, environment)
        if policy.commit and before is not None:
            for commit in trees.first_parents(before, policy.commit):
                tell(f"recorded with it, by your hand: {commit[:12]} {trees.subject(commit)}",
                     err=True)  # fmt: skip
    except (LedgerError, TreeError) as error:
        raise click.ClickException(str(error)) from error
    return policy.commit


def _note_judged(ledger: Ledger, commit: str, register: Register) -> None:
    """From here on merges are judged: this commit was applied as a whole."""
    from komando.review.judged import note_judged
    from komando.review.trees import Trees

    branch = f"{register.remote or 'origin'}/{MAIN}"
    if not note_judged(Trees(ledger.git), ledger.branch.environment, commit, branch):
        tell(f"note: {commit[:12]} is no commit of {branch} that goes on from what was judged "
             "last: merges are judged from there on as before", err=True)  # fmt: skip


def _carried(
    found: Planned,
    wanted: Desired,
    what: Undertaken,
    ledger: Callable[[], Ledger],
    look: Verify | None,
    *,
    at_once: bool,
) -> Rollout:
    """What came of the plan's changes, wave by wave."""
    from komando.cli.rolling import carry_out
    from komando.rollout.observe import Cache
    from komando.rollout.roll import targets_of
    from komando.rollout.waves import arrange

    hosts = wanted.inventory.hosts
    with changing_nothing():
        plaintexts = opened(wanted, [host.host for host in found.plan.changing()])
    targets = targets_of(found.plan, hosts, wanted.bundles, plaintexts)
    waves = arrange(targets, hosts, at_once=at_once)
    done = carry_out(
        found.session, targets, waves, ledger, what, failures=found.failures, verify=look
    )
    for name in targets:  # then the next plan need not ask for them
        Cache.of_user().put(wanted.bundles[name])
    return done


def _verified(names: tuple[str, ...], wanted: Desired, access: Access) -> bool:
    from komando.cli.verify import verify_hosts

    try:
        return verify_hosts(list(names), wanted, access)
    except click.ClickException as error:  # what could not be looked at was not seen to hold
        tell(f"Error: {error.format_message()}", err=True)
        return False


def _undertaken(
    found: Planned, policies: tuple[str, ...], *, emergency: bool, verify: bool
) -> Undertaken:
    """What the ledger is told of it."""
    from komando.rollout.turn import Undertaken

    findings = found.plan.findings
    what = Undertaken(
        "apply",
        found.least,
        emergency,
        policies=policies,
        acknowledged=tuple(one.acknowledged_by for one in findings if one.acknowledged_by),
    )
    if not verify:
        return what
    from komando.verify import TIMEOUT

    return replace(what, look=TIMEOUT)


def _shown(plan_file: Path) -> Mapping[str, Promise]:
    """What a plan's file says; one that is none ends the verb before any host is asked."""
    from komando.plan import StalePlanError, promised

    try:
        return promised(plan_file)
    except StalePlanError as error:
        raise click.ClickException(str(error)) from error


def _agree(
    found: Planned,
    shown: Mapping[str, Promise] | None,
    left_out: Collection[str],
    *,
    diff: bool,
) -> None:
    """Show the plan, or hold to one that was shown.

    Of hosts that are away, and of those that `--limit` leaves out, one that was shown says nothing.
    Nothing goes on while a finding stands that nobody has acknowledged.
    """
    from komando.cli.plan import show_plan
    from komando.plan import StalePlanError, hold_to, refusal

    if shown is not None:
        try:
            held = {name: one for name, one in shown.items() if name not in left_out}
            hold_to(found.plan, held)
        except StalePlanError as error:
            raise click.ClickException(str(error)) from error
    if shown is None or not found.plan.changes:
        show_plan(found.plan, "text", diff=diff)
    if stopped := refusal(found.plan):
        raise click.ClickException(stopped)
