"""The pull requests by which a branch went on, and whether it has what they had, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from komando.forge import Forge, Request
from komando.review.trees import ConflictError, TreeError, Trees

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
    rebased commits are held against the merge that git makes. Raises ForgeError and TreeError.
    """
    merged: list[Merged] = []
    faults: list[str] = []
    commits = trees.first_parents(*span)
    asked: dict[int, Request] = {}
    known = {commit: _brought_by(forge, commit, branch, asked) for commit in commits}
    begins: str | None = None
    for number, commit in enumerate(commits):
        request = known[commit]
        begins = begins or commit
        if request is None:
            faults.append(
                f"commit {commit[:NAMED]} ({trees.subject(commit)}) came to {branch} without a "
                f"pull request. {BY_HAND}"
            )
            begins = None
            continue
        following = commits[number + 1 : number + 2]
        if following and known[following[0]] == request:
            continue  # a rebase: its last commit is the one that counts
        one = Merged(request, trees.parents(begins)[0], commit)
        faults += _more_than_approved(trees, one, remote)
        merged.append(one)
        begins = None
    return Came(tuple(merged), tuple(faults))


def _brought_by(
    forge: Forge, commit: str, branch: str, asked: dict[int, Request]
) -> Request | None:
    """The request of this branch that brought a commit; the forge is asked for each but once."""
    for number in forge.requests_of(commit):
        request = asked[number] if number in asked else forge.request(number)
        asked[number] = request
        if request.merged is not None and request.base == branch:
            return request
    return None


def _more_than_approved(trees: Trees, one: Merged, remote: str) -> Iterator[str]:
    """What a merge has that is not the merge of the request's head into what stood before it."""
    request = one.request
    what = f"#{request.number} ({request.title})"
    try:
        head = _fetched(trees, request, remote)
        expected = trees.merged(one.before, head)
    except ConflictError as error:
        yield (
            f"{what}: its merge settled conflicts in {', '.join(error.files)}, which nobody "
            f"approved. {BY_HAND}"
        )
        return
    if expected != trees.tree(one.after):
        differ = ", ".join(trees.changed(expected, one.after)[:6])
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
