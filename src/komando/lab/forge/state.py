"""What a forge knows beside the repository itself: requests, reviews, comments, who pushed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

Right = Literal["metadata", "contents", "pull_requests", "issues", "administration"]
"""The names of GitHub's rights over a repository, as fine-grained tokens have them."""

Pushed = Literal["push", "force_push", "branch_creation", "branch_deletion", "pr_merge"]

WORKFLOW = "github-actions[bot]"
"""Whom the token of a workflow speaks for."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Token(_Part):
    """Who asks with it, and what it may read and write; `ends` None: never.

    `person` is False for a workflow's, which may not ask who it is.
    """

    login: str
    reads: frozenset[Right] = frozenset()
    writes: frozenset[Right] = frozenset()
    person: bool = True
    ends: AwareDatetime | None = None

    def may(self, right: Right, *, write: bool) -> bool:
        """Whether it has a right. Who may write may read; every token reads metadata."""
        if write:
            return right in self.writes
        return right == "metadata" or right in self.reads | self.writes


class Pull(_Part):
    """A pull request; `start` is main's commit when it was merged. `repository` None: this one."""

    number: int
    title: str
    author: str
    branch: str
    head: str
    opened: AwareDatetime
    base: str = "main"
    repository: str | None = None
    labels: tuple[str, ...] = ()
    closed: bool = False
    merged: AwareDatetime | None = None
    merged_by: str | None = None
    merge: str | None = None
    start: str | None = None

    @property
    def open(self) -> bool:
        """Whether its branch is still followed."""
        return not self.closed and self.merged is None


class Review(_Part):
    """What somebody said of a pull request's commit, in GitHub's words for it."""

    number: int
    login: str
    state: str
    commit: str
    at: AwareDatetime


class Event(_Part):
    """Something happened to a pull request: a label set or taken off, or another base chosen."""

    number: int
    event: Literal["labeled", "unlabeled", "base_ref_changed"]
    label: str | None
    login: str
    at: AwareDatetime


class Move(_Part):
    """A branch went from one commit to another."""

    branch: str
    before: str
    after: str
    kind: Pushed
    login: str | None
    at: AwareDatetime
    repository: str | None = None


class Comment(_Part):
    """A comment on a pull request or an issue."""

    id: int
    number: int
    login: str
    body: str
    at: AwareDatetime
    changed: AwareDatetime


class Issue(_Part):
    """An issue."""

    number: int
    title: str
    body: str
    login: str
    labels: tuple[str, ...] = ()
    open: bool = True


class Runner(_Part):
    """A runner of the forge's CI."""

    name: str
    online: bool
    labels: tuple[str, ...]


class Protection(_Part):
    """A branch's protection of the older kind: what is asked for, and what is refused."""

    request: bool = True
    force: bool = True
    delete: bool = True


class Work(_Part):
    """What the forge's jobs run, before the words that each job adds.

    `komando` None: that of the clone, where it has the project, else the one that runs.
    """

    komando: tuple[str, ...] | None = None
    plan: tuple[str, ...] = ()
    apply: tuple[str, ...] = ()


class State(_Part):
    """All of it.

    `mails` are the addresses that accounts have said are theirs; `plans` the exit status of the
    plan of each commit; `last` the highest number of a pull request or an issue.
    """

    repository: str
    work: Work = Work()
    tokens: dict[str, Token] = {}
    mails: dict[str, str] = {}
    pulls: tuple[Pull, ...] = ()
    reviews: tuple[Review, ...] = ()
    events: tuple[Event, ...] = ()
    moves: tuple[Move, ...] = ()
    comments: tuple[Comment, ...] = ()
    issues: tuple[Issue, ...] = ()
    plans: dict[str, int] = {}
    rules: dict[str, tuple[str, ...]] = {}
    protections: dict[str, Protection] = {}
    runners: tuple[Runner, ...] = ()
    last: int = 0

    def pull(self, number: int) -> Pull | None:
        """A pull request by its number."""
        return next((one for one in self.pulls if one.number == number), None)

    def of_branch(self, branch: str) -> Pull | None:
        """The open pull request of a branch."""
        return next((one for one in self.pulls if one.open and one.branch == branch), None)

    def with_pull(self, pull: Pull) -> State:
        """With a pull request in the place of that with its number, or as the newest one."""
        others = tuple(one for one in self.pulls if one.number != pull.number)
        pulls = tuple(sorted((*others, pull), key=lambda one: one.number))
        return self.but(pulls=pulls, last=max(self.last, pull.number))

    def but(self, **fields: object) -> State:
        """With other values of some fields."""
        return self.model_copy(update=fields)


def written(at: datetime) -> str:
    """A moment as GitHub writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
