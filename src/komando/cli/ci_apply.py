"""`komando ci apply`: what was merged since the last apply, if people have reviewed all of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from komando.cli import changing_nothing
from komando.cli.apply import MAIN, Manner, carried_out
from komando.cli.ci_review import Reviewed, reviewed_since
from komando.cli.ci_told import tell_requests
from komando.cli.from_git import KOMANDO, PROGRAM, NoPlanError, Span, planned_between
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
from komando.review.judged import judged
from komando.review.requests import BY_HAND
from komando.review.since import last_applied
from komando.review.stands import unreviewed
from komando.review.trees import TreeError, Trees

if TYPE_CHECKING:
    from komando.cli.planning import Planned
    from komando.rollout.outcome import Rollout

NAMED = 12

AS_IT_IS = "* !working-tree-encoding !filter !ident !eol -text\n"
"""gitattributes(5) by which a checkout changes no byte."""


@dataclass(frozen=True)
class Merges:
    """What main is at, what was applied last from here, and how the one came of the other."""

    trees: Trees
    ledger: Ledger
    forge: Forge
    tip: str
    start: str
    reviewed: Reviewed


def applied_merges(scope: Scope, register: Register) -> None:
    """Look who reviewed it, apply it, and tell the requests; ends the verb.

    The program that judges is the one of what was applied last: a merge never judges itself. Only
    what was reviewed is checked out, and then it goes on by the program that came with it.
    """
    with changing_nothing():
        try:
            merges = _merges(scope, register)
        except (TreeError, LedgerError, ForgeError) as error:
            raise click.ClickException(f"no host was changed: {error}") from error
    if merges is None:
        return
    if faults := merges.reviewed.faults:
        raise _stopped(merges, faults)
    if merges.trees.commit("HEAD") != merges.tip:
        _go_on_as(merges)
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
    """How main came of what was applied last; None: it is the same."""
    remote = register.remote or "origin"
    ledger = register.open(_environment(scope), None)
    trees = Trees(ledger.git)
    head, tip = trees.commit("HEAD"), _fetched(trees, remote)
    if ledger.policy("policies", "inventories", PROGRAM).changed:
        raise TreeError(
            f"files here differ from commit {head[:NAMED]}, and nobody reviewed that: `git status` "
            "names them"
        )
    start = judged(trees, _environment(scope))
    if start is None:
        raise TreeError(
            f"nothing of {MAIN} was ever applied to {_environment(scope)} from this clone, so that "
            "nobody knows from where on to judge: the first apply is a person's, with "
            "`komando apply --record`"
        )
    if not trees.leads(head, tip):
        raise TreeError(
            f"{MAIN} is at {tip[:NAMED]}, which does not go on from {head[:NAMED]}, which is "
            "checked out here: somebody rewrote it (docs/runbooks/controller-lost.md)"
        )
    if start not in trees.line(tip, until=start):
        raise TreeError(
            f"{MAIN} is at {tip[:NAMED]}, which does not go on from {start[:NAMED]}, which was "
            f"applied last. {BY_HAND}"
        )
    if head != start and trees.leads(head, start):  # a person applied it: that is in force
        _check_out(trees, start)
    if start == tip:
        tell(f"nothing was merged since {tip[:NAMED]} was applied")
        return None
    with ledger.spool.alone():
        ledger.fetch()
    forge = forge_from_environment()
    with working("asking the forge who reviewed what"):
        reviewed = reviewed_since(trees, forge, (start, tip), MAIN, remote)
    return Merges(trees, ledger, forge, tip, start, reviewed)


def _fetched(trees: Trees, remote: str) -> str:
    """What main is at on the forge. Raises TreeError where it cannot be had."""
    answer = trees.git.run(
        "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--refmap=", "--", remote,
        f"+refs/heads/{MAIN}:refs/remotes/{remote}/{MAIN}", timeout=60.0,
    )  # fmt: skip
    if answer.status != 0:
        raise TreeError(f"{MAIN} cannot be fetched from {remote}: {answer.words}")
    return trees.commit(f"refs/remotes/{remote}/{MAIN}")


def _check_out(trees: Trees, commit: str) -> None:
    """Move what is checked out forward, a branch or none; byte for byte what was reviewed.

    Raises TreeError.
    """
    own = trees.git.common / "info" / "attributes"  # comes before those of the commit
    own.parent.mkdir(exist_ok=True)
    own.write_text(AS_IT_IS, encoding="ascii")
    on_branch = trees.git.run("symbolic-ref", "--quiet", "HEAD").status == 0
    words = ("merge", "--ff-only") if on_branch else ("checkout", "--detach")
    answer = trees.git.run(*words, "--quiet", commit)
    if answer.status != 0:
        raise TreeError(f"{commit[:NAMED]} cannot be checked out: {answer.words}")


def _go_on_as(merges: Merges) -> NoReturn:
    """Check out what was judged, and begin again by its own program."""
    try:
        _check_out(merges.trees, merges.tip)
    except TreeError as error:
        raise click.ClickException(f"no host was changed: {error}") from error
    tell(f"judged {merges.start[:NAMED]}..{merges.tip[:NAMED]}, and now at {merges.tip[:NAMED]}",
         err=True)  # fmt: skip
    source = Path.cwd() / PROGRAM
    own = {"PYTHONPATH": str(source)} if (source / "komando").is_dir() else {}
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(  # noqa: S606 - this very command, by the program that was judged
        sys.executable, [sys.executable, "-P", "-c", KOMANDO, *sys.argv[1:]], os.environ | own
    )


def _stopped(merges: Merges, faults: Sequence[str]) -> click.ClickException:
    lines = "".join(f"\n  {fault}" for fault in faults)
    environment = merges.ledger.branch.environment
    tell_requests(merges.forge, merges.reviewed.requests, environment, "not applied",
                  "\n".join(faults))  # fmt: skip
    return click.ClickException(
        f"no host was changed: not all since {merges.start[:NAMED]} was reviewed{lines}"
    )


def _carried(scope: Scope, register: Register, merges: Merges) -> Rollout:
    """Plan by git alone, then beside the hosts, and go on where the second holds to the first."""
    with scope.ahead() as launched:
        with changing_nothing():
            wanted = scope.desired(launched=launched)
            span = _span(scope, merges)
            try:
                expected, _ = planned_between(span)
            except NoPlanError as error:
                raise click.ClickException(f"no host was changed: {error}") from error

        def agree(found: Planned) -> None:
            show_plan(found.plan, "text", diff=False, by="this run")
            _agree(found.plan, expected)

        manner = Manner(record=True, commit=merges.tip, requests=merges.reviewed.requests)
        return carried_out(scope, register, wanted, launched, agree, manner)


def _span(scope: Scope, merges: Merges) -> Span:
    entries = entries_of(merges.ledger.links())
    applied = last_applied(entries, lambda commit: commit == merges.start)
    return Span(merges.trees, merges.start, merges.tip, merges.tip, scope.inventory, applied)


def _agree(live: Plan, expected: Plan) -> None:
    """Go on where every change was reviewed; else ClickException, and no host was changed."""
    if found := unreviewed(live, expected):
        lines = "".join(f"\n  {line}" for line in found)
        raise click.ClickException(f"no host was changed: this stands in no reviewed plan{lines}")
    if stopped := refusal(live) or refusal(expected):
        raise click.ClickException(stopped)


def _tell(scope: Scope, merges: Merges, rollout: Rollout) -> None:
    """The result under each request."""
    environment = _environment(scope)
    entry = merges.ledger.links(1)[-1].entry
    sequence = getattr(entry, "sequence", 0)
    words = f"sequence {sequence} of the ledger, commit {merges.tip[:NAMED]}"
    for one in rollout.outcomes:
        runs = (one.runs or "nothing")[:NAMED]
        words += f"\n{one.host}: {one.state}, runs {runs}"
        words += f" ({one.reason})" if one.reason else ""
    words += "" if rollout.outcomes else "\nnothing changes on any host"
    how = "applied" if rollout.holds and rollout.recorded else "NOT applied as a whole"
    tell_requests(merges.forge, merges.reviewed.requests, environment, how, words)
