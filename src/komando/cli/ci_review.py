"""Who reviewed what was merged: the two-person rule over every request since the last apply."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from komando.forge import Forge, judge, judges_of
from komando.forge.hands import Stated
from komando.forge.rule import Verdict
from komando.ledger.entries import Approval, Entry, Request, Started
from komando.policy import day_in, load_policy
from komando.policy.regions import Region
from komando.review.requests import Merged, came
from komando.review.trees import TreeError, Trees


@dataclass(frozen=True)
class Reviewed:
    """The requests as the ledger keeps them, the oldest first; with a fault nothing is applied."""

    requests: tuple[Request, ...]
    faults: tuple[str, ...]


def reviewed_since(
    trees: Trees, forge: Forge, span: tuple[str, str], region: Region, remote: str
) -> Reviewed:
    """Judge every request by which the checked-out branch came from one commit to the other.

    Raises ForgeError and TreeError.
    """
    found = came(trees, forge, span, _branch(trees), remote)
    faults = list(found.faults)
    requests = []
    for one in found.merged:
        verdict = _judged(trees, one, region)
        if not verdict.passes:
            name = f"#{one.request.number} ({one.request.title})"
            faults += [f"{name}: {fault}" for fault in verdict.faults]
        requests.append(_kept(one, verdict))
    return Reviewed(tuple(requests), tuple(faults))


def still_unreviewed(
    trees: Trees, forge: Forge, entries: Iterable[Entry], region: Region
) -> Iterator[Request]:
    """The emergencies of a ledger to which nobody else has agreed since. Raises as above."""
    began = [it for it in entries if isinstance(it, Started)]
    urgent = {one.number: one for it in began for one in it.requests if one.emergency}
    for request in urgent.values():
        now = forge.request(request.number)
        parents = trees.parents(request.merge)
        verdict = _judged(trees, Merged(now, parents[0], request.merge), region)
        if not verdict.holds:
            yield request


def region_of(policies: Path) -> Region:
    """The region of the policies that are checked out, whose days count; ends the verb."""
    loaded = load_policy(policies)
    if loaded.policy is None:
        raise click.ClickException(f"the policies in {policies} are wrong: `komando check`")
    return loaded.policy.region


def _branch(trees: Trees) -> str:
    answer = trees.git.run("symbolic-ref", "--short", "HEAD")
    if answer.status != 0:
        raise TreeError(
            f"{trees.git.folder} has no branch checked out: what requests brought is seen on the "
            "branch that they were merged into (`git switch main`)"
        )
    return answer.out.decode().strip()


def _judged(trees: Trees, one: Merged, region: Region) -> Verdict:
    """The rule, by the people and owners of what the request was merged into."""
    judges, wrong = judges_of(lambda path: trees.file(one.before, path), region.zone)
    if judges is None:
        said = "; ".join(f"{it.location}: {it.message}" for it in wrong)
        return Verdict((), (f"commit {one.before[:12]} cannot say who may approve: {said}",))
    head = trees.git.commit_at(one.request.head)
    stated = [] if head is None else list(_stated(trees, one.before, head))
    paths = trees.changed(one.before, one.after)
    return judge(one.request, stated, paths, judges, day_in(region, datetime.now(UTC)))


def _stated(trees: Trees, before: str, head: str) -> Iterator[Stated]:
    """The commits that a request brings, with the addresses that they state."""
    fields = ("--no-show-signature", "--format=%H%x00%ae%x00%ce")
    text = trees.git.ask("log", *fields, f"{before}..{head}", "--")
    for line in text.decode("utf-8", "replace").splitlines():
        yield Stated(*line.split("\0"))


def _kept(one: Merged, verdict: Verdict) -> Request:
    request, label = one.request, verdict.emergency
    return Request(
        number=request.number,
        title=request.title,
        author=request.author,
        head=request.head,
        merge=one.after,
        approvals=tuple(
            Approval(by=it.login, commit=it.commit, time=it.at) for it in verdict.approvals
        ),
        emergency="" if label is None or label.by is None else label.by,
    )
