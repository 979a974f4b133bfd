"""`komando ci apply`: what was merged since the last apply, if people have reviewed all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from komando.cli import changing_nothing
from komando.cli.apply import Manner, carried_out
from komando.cli.ci_review import Reviewed, region_of, reviewed_since
from komando.cli.ci_told import tell_requests
from komando.cli.from_git import NoPlanError, Span, planned_between
from komando.cli.plan import show_plan
from komando.cli.progress import working
from komando.cli.register import Register
from komando.cli.rolling import conclude
from komando.cli.scope import Scope
from komando.cli.streams import tell
from komando.forge import Forge, ForgeError
from komando.forge.environment import forge_from_environment
from komando.ledger import Ledger, LedgerError
from komando.ledger.chain import entries_of
from komando.plan import Plan, refusal
from komando.review.since import Applied, last_applied
from komando.review.stands import unreviewed
from komando.review.trees import TreeError, Trees

if TYPE_CHECKING:
    from komando.cli.planning import Planned
    from komando.rollout.outcome import Rollout

NAMED = 12


@dataclass(frozen=True)
class Merges:
    """What is checked out, what was applied last, and how the one came of the other."""

    trees: Trees
    ledger: Ledger
    forge: Forge
    head: str
    applied: Applied
    reviewed: Reviewed


def applied_merges(scope: Scope, register: Register) -> None:
    """Look who reviewed it, apply it, and tell the requests; ends the verb."""
    with changing_nothing():
        try:
            merges = _merges(scope, register)
        except (TreeError, LedgerError, ForgeError) as error:
            raise click.ClickException(f"no host was changed: {error}") from error
    if merges is None:
        return
    if faults := merges.reviewed.faults:
        raise _stopped(merges, faults)
    for request in merges.reviewed.requests:
        how = (
            f"EMERGENCY by {request.emergency}"
            if request.emergency
            else "approved by " + (", ".join(one.by for one in request.approvals))
        )
        tell(f"#{request.number} {request.title}, by {request.author}: {how}")
    try:
        rollout = _carried(scope, register, merges)
    except click.ClickException as error:
        tell_requests(merges.forge, merges.reviewed.requests, _environment(scope), "not applied",
                      error.format_message())  # fmt: skip
        raise
    _tell(scope, merges, rollout)
    conclude(rollout, partial=False)


def _environment(scope: Scope) -> str:
    return Path(scope.inventory).name


def _merges(scope: Scope, register: Register) -> Merges | None:
    """How the checked-out commit came of the one that was applied last; None: it is the same."""
    ledger = register.open(_environment(scope), None)
    trees = Trees(ledger.git)
    head = trees.commit("HEAD")
    if ledger.policy("policies", "inventories", "src").changed:
        raise click.ClickException(
            f"files here differ from commit {head[:NAMED]}, and nobody reviewed that: `git status` "
            "names them"
        )
    with ledger.spool.alone():
        ledger.fetch()
    applied = last_applied(entries_of(ledger.links()), lambda commit: trees.leads(commit, head))
    if applied is None:
        raise click.ClickException(
            f"nothing that {head[:NAMED]} goes on from was ever applied to {_environment(scope)}: "
            "the first apply is a person's, with `komando apply`"
        )
    if applied.commit == head:
        tell(f"nothing was merged since {head[:NAMED]} was applied (sequence {applied.sequence})")
        return None
    forge = forge_from_environment()
    with working("asking the forge who reviewed what"):
        span = applied.commit, head
        region = region_of(scope.policies)
        reviewed = reviewed_since(trees, forge, span, region, register.remote or "origin")
    return Merges(trees, ledger, forge, head, applied, reviewed)


def _stopped(merges: Merges, faults: Sequence[str]) -> click.ClickException:
    lines = "".join(f"\n  {fault}" for fault in faults)
    environment = merges.ledger.branch.environment
    tell_requests(merges.forge, merges.reviewed.requests, environment, "not applied",
                  "\n".join(faults))  # fmt: skip
    return click.ClickException(
        f"no host was changed: not all since {merges.applied.commit[:NAMED]} was reviewed{lines}"
    )


def _carried(scope: Scope, register: Register, merges: Merges) -> Rollout:
    """Plan by git alone, then beside the hosts, and go on where the second holds to the first."""
    with scope.ahead() as launched:
        with changing_nothing():
            wanted = scope.desired(launched=launched)
            trees, head = merges.trees, merges.head
            span = Span(trees, merges.applied.commit, head, head, scope.inventory, merges.applied)
            try:
                expected, _ = planned_between(span)
            except NoPlanError as error:
                raise click.ClickException(f"no host was changed: {error}") from error

        def agree(found: Planned) -> None:
            show_plan(found.plan, "text", diff=False, by="this run")
            _agree(trees, head, found.plan, expected)

        manner = Manner(record=True, requests=merges.reviewed.requests)
        return carried_out(scope, register, wanted, launched, agree, manner)


def _agree(trees: Trees, head: str, live: Plan, expected: Plan) -> None:
    """Go on where every change was reviewed; else ClickException, and no host was changed."""
    if found := unreviewed(live, expected):
        lines = "".join(f"\n  {line}" for line in found)
        raise click.ClickException(f"no host was changed: this stands in no reviewed plan{lines}")
    if stopped := refusal(live):
        raise click.ClickException(stopped)
    if trees.commit("HEAD") != head:
        raise click.ClickException(
            f"no host was changed: this clone is not at {head[:NAMED]} any more; apply again"
        )


def _tell(scope: Scope, merges: Merges, rollout: Rollout) -> None:
    """The result under each request."""
    environment = _environment(scope)
    entry = merges.ledger.links(1)[-1].entry
    sequence = getattr(entry, "sequence", 0)
    words = f"sequence {sequence} of the ledger, commit {merges.head[:NAMED]}"
    for one in rollout.outcomes:
        runs = (one.runs or "nothing")[:NAMED]
        words += f"\n{one.host}: {one.state}, runs {runs}"
        words += f" ({one.reason})" if one.reason else ""
    words += "" if rollout.outcomes else "\nnothing changes on any host"
    how = "applied" if rollout.holds and rollout.recorded else "NOT applied as a whole"
    tell_requests(merges.forge, merges.reviewed.requests, environment, how, words)
