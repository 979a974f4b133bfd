"""What a forge knows of a change, in words that are no forge's own; and what is asked of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

ReviewState = Literal["approved", "changes", "dismissed", "commented"]


class ForgeError(Exception):
    """The forge could not be asked, or answered what cannot be understood; whole sentences."""


class RefusedError(ForgeError):
    """The forge answered that this token may not do it, or that what is asked for is not there.

    A forge that hides what a token may not see says the latter of both. `status` is that of HTTP
    (401, 403 or 404), `said` the forge's own words.
    """

    def __init__(self, message: str, status: int = 403, said: str = "") -> None:
        super().__init__(message)
        self.status, self.said = status, said

    @property
    def unknown(self) -> bool:
        """Whether the token itself is not, or no more, known."""
        return self.status == 401

    @property
    def missing(self) -> bool:
        """Whether it may as well not stand there."""
        return self.status == 404


@dataclass(frozen=True)
class Commit:
    """One commit of a pull request, with the logins that the forge sees behind its two names.

    None where the forge knows nobody of that mail address: names in a commit are self-declared.
    """

    id: str
    author: str | None
    committer: str | None


@dataclass(frozen=True)
class Push:
    """Somebody who had logged in let a branch go on to `commit`."""

    login: str
    commit: str
    at: datetime


@dataclass(frozen=True)
class Review:
    """What somebody said of one commit of a pull request, and when (aware)."""

    login: str
    state: ReviewState
    commit: str
    at: datetime


@dataclass(frozen=True)
class Label:
    """A label that a pull request bears now; who set it last, and when (None: not known)."""

    name: str
    by: str | None
    at: datetime | None


@dataclass(frozen=True)
class Request:
    """A pull request with all that a review of it rests on.

    `head` is the last commit of its branch (40 or 64 hex digits), `head_ref` that branch and `ref`
    the reference under which the repository of the base has it. `merged` is when, None while it is
    open; `merge` is then the commit by which the base's branch `base` got it, and `merged_by` who.
    `pushes` are those that it came by, the oldest first, empty where the forge does not tell them.
    `retargeted` is when `base` was last another branch: who looked before saw another difference.
    """

    number: int
    title: str
    url: str
    author: str
    base: str
    head: str
    head_ref: str
    ref: str
    commits: tuple[Commit, ...] = ()
    pushes: tuple[Push, ...] = ()
    reviews: tuple[Review, ...] = ()
    labels: tuple[Label, ...] = ()
    merged: datetime | None = None
    merge: str | None = None
    merged_by: str | None = None
    retargeted: datetime | None = None

    def label(self, name: str) -> Label | None:
        """The label of that name, if it bears it."""
        return next((one for one in self.labels if one.name == name), None)


@dataclass(frozen=True)
class Approval:
    """An approval that counts: who gave it, for which commit, and when."""

    login: str
    commit: str
    at: datetime


@dataclass(frozen=True)
class Issue:
    """An issue, by number, with its text."""

    number: int
    title: str
    body: str
    url: str


@dataclass(frozen=True)
class Protection:
    """What the forge holds people to on a branch; None where this token may not ask.

    `request`: changes come by pull request alone. `force` and `delete`: force pushes and deletion
    are refused.
    """

    request: bool | None
    force: bool | None
    delete: bool | None


@dataclass(frozen=True)
class Runner:
    """A runner of the forge's CI that is registered for the repository."""

    name: str
    online: bool
    labels: tuple[str, ...]


class Forge(Protocol):
    """One repository on a forge. Each call raises ForgeError; RefusedError where a right lacks."""

    def requests_of(self, commit: str) -> tuple[int, ...]:
        """The merged pull requests by which a commit came to the branch that it is on."""
        ...

    def request(self, number: int) -> Request:
        """A pull request, with commits, pushes, reviews and labels."""
        ...

    def comment(self, number: int, mark: str, body: str) -> str:
        """Write a comment, or put it in the place of ours that has `mark`; returns its address.

        `mark` is an HTML comment that stands in `body`; a comment of somebody else with the same
        mark is left alone.
        """
        ...

    def issue(self, mark: str) -> Issue | None:
        """The open issue of ours whose text has `mark`."""
        ...

    def open_issue(self, title: str, body: str, labels: tuple[str, ...] = ()) -> Issue:
        """Open an issue."""
        ...

    def update_issue(self, number: int, body: str, *, close: bool = False) -> None:
        """Give an issue another text; `close` it, too."""
        ...

    def protection(self, branch: str) -> Protection:
        """What holds on a branch."""
        ...

    def runners(self) -> tuple[Runner, ...]:
        """The runners of the repository."""
        ...

    def expires(self) -> datetime | None:
        """When the token ends; None where it does not, or the forge does not say."""
        ...
