"""The pull requests by which a branch went on, and whether it has what they had, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from komando.forge import Forge, Request
from komando.review.trees import ConflictError, TreeError, Trees, listed

NAMED = 12
"""Characters of a commit's id that people are shown."""


BY_HAND = (
    "Look at it; a person may then apply what is there (`komando apply --record` on the "
    "controller, which the ledger keeps), and merges apply by themselves again from there on"
)
"""The way on from what cannot be reviewed any more: history is not rewritten."""


@dataclass(frozen=True)
class Merged:
    """A pull request that a branch got: it was at `before`, and is at `after` with it."""

    request: Request
    before: str
    after: str


@dataclass(frozen=True)
class Came:
    """How a branch went on: by which requests, oldest first; and what is wrong with that."""

    merged: tuple[Merged, ...]
    faults: tuple[str, ...]


def came(trees: Trees, forge: Forge, span: tuple[str, str], branch: str, remote: str) -> Came:
    """Every request by which `branch` went from the first of two commits to the second.

    A commit that no request brought is a fault, and so is a merge that holds anything else than a
    merge of what was approved: by hand one can put more into it. Merge commits, squashes and
    rebased commits are held against the merge that git makes. So is a line that does not begin
    where it should: others would judge it then. Raises ForgeError and TreeError.
    """
    start, commits = span[0], trees.first_parents(*span)
    if start != span[1] and (not commits or trees.parents(commits[0])[:1] != [start]):
        return Came((), (_elsewhere(branch, start, commits[0] if commits else span[1]),))
    merged: list[Merged] = []
    faults: list[str] = []
    for request, first, last in _groups(forge, commits, branch):
        if request is None:
            faults.append(
                f"commit {last[:NAMED]} ({trees.subject(last)}) came to {branch} without a pull "
                f"request. {BY_HAND}"
            )
            continue
        one = Merged(request, trees.parents(first)[0], last)
        faults += _more_than_approved(trees, one, remote)
        merged.append(one)
    return Came(tuple(merged), tuple(faults))


def _elsewhere(branch: str, start: str, first: str) -> str:
    return (
        f"{branch} does not go on from {start[:NAMED]}, which was applied last: {first[:NAMED]} "
        f"begins elsewhere, as when a branch was pushed in its place. {BY_HAND}"
    )


def _groups(
    forge: Forge, commits: list[str], branch: str
) -> Iterator[tuple[Request | None, str, str]]:
    """Each request with the first and the last commit of its own; None where there is none.

    A rebase has several commits, of which the last is the merge that the forge names.
    """
    asked: dict[int, Request] = {}
    brought = [(commit, _brought_by(forge, commit, branch, asked)) for commit in commits]
    for request, group in groupby(brought, key=lambda pair: pair[1]):
        theirs = [commit for commit, _ in group]
        if request is not None and request.merge == theirs[-1]:
            yield request, theirs[0], theirs[-1]
        else:
            yield from ((None, one, one) for one in theirs)


def _brought_by(
    forge: Forge, commit: str, branch: str, asked: dict[int, Request]
) -> Request | None:
    """The request of this branch that brought a commit; the forge is asked for each but once."""
    found: list[Request] = []
    for number in forge.requests_of(commit):
        if number not in asked:
            asked[number] = forge.request(number)
        if asked[number].merged is not None and asked[number].base == branch:
            found.append(asked[number])
    return next((it for it in found if it.merge == commit), found[0] if found else None)


def _more_than_approved(trees: Trees, one: Merged, remote: str) -> Iterator[str]:
    """What a merge has that is not the merge of the request's head into what stood before it."""
    request = one.request
    what = f"#{request.number} ({request.title})"
    try:
        head = _fetched(trees, request, remote)
        expected = trees.merged(one.before, head)
    except ConflictError as error:
        yield (
            f"{what}: its merge settled conflicts in {listed(error.files)}, which nobody "
            f"approved. {BY_HAND}"
        )
        return
    if expected != trees.tree(one.after):
        differ = listed(trees.changed(expected, one.after))
        yield (
            f"{what}: commit {one.after[:NAMED]} is not the merge of what was approved "
            f"({request.head[:NAMED]}): it has something else in {differ}. {BY_HAND}"
        )


def _fetched(trees: Trees, request: Request, remote: str) -> str:
    """The head of a request, from the forge where this clone lacks it. Raises TreeError."""
    git = trees.git
    if git.commit_at(request.head) is None:
        answer = git.run(
            "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--refmap=", "--", remote,
            f"+{request.ref}:refs/komando/request/{request.number}", timeout=60.0,
        )  # fmt: skip
        if answer.status != 0:
            raise TreeError(
                f"#{request.number}: its head {request.head[:NAMED]} cannot be fetched from "
                f"{remote}: {answer.words}"
            )
    return trees.commit(request.head)
