"""Who reviewed what was merged: the two-person rule over every request since the last apply."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from komando.cli.from_git import POLICIES
from komando.documents.reader import read
from komando.documents.zones import read_zone
from komando.forge import Forge, judge, judges_of, model
from komando.forge.hands import Stated
from komando.forge.rule import Verdict
from komando.ledger.entries import Approval, Entry, Request, Started
from komando.review.requests import Merged, came
from komando.review.trees import TreeError, Trees
from komando.units import Unfit


@dataclass(frozen=True)
class Reviewed:
    """The requests as the ledger keeps them, the oldest first; with a fault nothing is applied."""

    requests: tuple[Request, ...]
    faults: tuple[str, ...]


def reviewed_since(
    trees: Trees, forge: Forge, span: tuple[str, str], branch: str, remote: str
) -> Reviewed:
    """Judge every request by which a branch came from one commit to the other.

    Raises ForgeError and TreeError.
    """
    found = came(trees, forge, span, branch, remote)
    faults = list(found.faults)
    requests = []
    for one in found.merged:
        verdict = _judged(trees, forge, one)
        if not verdict.passes:
            name = f"#{one.request.number} ({one.request.title})"
            faults += [f"{name}: {fault}" for fault in verdict.faults]
        requests.append(_kept(one, verdict))
    return Reviewed(tuple(requests), tuple(faults))


def still_unreviewed(trees: Trees, forge: Forge, entries: Iterable[Entry]) -> Iterator[Request]:
    """The emergencies of a ledger to which nobody else has agreed since. Raises as above."""
    began = [it for it in entries if isinstance(it, Started)]
    urgent: dict[int, Request] = {}
    for one in (one for it in began for one in it.requests if one.emergency):
        urgent.setdefault(one.number, one)  # the first word counts: nobody takes it back later
    for request in urgent.values():
        now = forge.request(request.number)
        if not _judged(trees, forge, Merged(now, request.base, request.merge)).holds:
            yield request


def _judged(trees: Trees, forge: Forge, one: Merged) -> Verdict:
    """The rule, by the people, owners and days of what the request was merged into."""
    zone = _zone(trees, one.before)
    judges, wrong = judges_of(lambda path: trees.file(one.before, path), zone)
    if judges is None:
        said = "; ".join(f"{it.location}: {it.message}" for it in wrong)
        return Verdict((), (f"commit {one.before[:12]} cannot say who may approve: {said}",))
    head = trees.git.commit_at(one.request.head)
    stated = [] if head is None else list(_stated(trees, one.before, head))
    paths = trees.changed(one.before, one.after)
    inner = _inner(forge, one.request, stated)
    return judge(one.request, stated, paths, judges, judges.day(datetime.now(UTC)), inner)


def _zone(trees: Trees, commit: str) -> str:
    """The zone of the region's days. Raises TreeError where the commit does not say."""
    path = f"{POLICIES}/region.yaml"
    document = read(path, trees.file(commit, path) or b"").document
    zone = document.data.get("zone") if document and isinstance(document.data, dict) else None
    try:
        return read_zone(zone)
    except Unfit as error:
        raise TreeError(f"{path} of {commit[:12]} has no zone of its days: {error}") from error


def _inner(forge: Forge, request: model.Request, stated: list[Stated]) -> list[model.Request]:
    """Other requests that brought some of the commits to the branch of this one, before it."""
    numbers = {
        number
        for commit in stated
        for number in forge.requests_of(commit.commit)
        if number != request.number
    }
    others = [forge.request(number) for number in sorted(numbers)]
    until = request.merged or datetime.now(UTC)
    return [one for one in others if one.merged is not None and one.merged <= until]


def _stated(trees: Trees, before: str, head: str) -> Iterator[Stated]:
    """The commits that a request brings, with the addresses that they state."""
    fields = ("--no-show-signature", "-z", "--format=%H%x00%ae%x00%ce")
    text = trees.git.ask("log", *fields, f"{before}..{head}", "--").decode("utf-8", "replace")
    words = text.split("\0")[:-1]  # each field ends with one
    for commit, author, committer in zip(words[::3], words[1::3], words[2::3], strict=True):
        yield Stated(commit, author, committer)


def _kept(one: Merged, verdict: Verdict) -> Request:
    request, label = one.request, verdict.emergency
    return Request(
        number=request.number,
        title=request.title,
        author=request.author,
        head=request.head,
        base=one.before,
        merge=one.after,
        approvals=tuple(
            Approval(by=it.login, commit=it.commit, time=it.at) for it in verdict.approvals
        ),
        emergency="" if label is None or label.by is None else label.by,
    )
