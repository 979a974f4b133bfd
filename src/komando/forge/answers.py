"""What GitHub's REST API answers, as far as it is read here; whatever else it says is passed over.

https://docs.github.com/en/rest, version 2022-11-28.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

GHOST = "ghost"
"""GitHub's own stand-in for whoever deleted their account."""

_PART = r"\.?[A-Za-z0-9_-][A-Za-z0-9_.-]*"  # and neither . nor ..
FULL_NAME = rf"^{_PART}/{_PART}$"
"""A repository by its owner and name."""

CommitId = Annotated[str, Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]


class Answer(BaseModel):
    """One object of an answer."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


def _known(value: Any) -> Any:
    """Nobody, where GitHub writes an empty object for it, as it does in commits."""
    return value or None


def _moment(value: Any) -> Any:
    # a strict model takes no text for a moment, and JSON has nothing else
    return datetime.fromisoformat(value) if isinstance(value, str) else value


Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]


class Account(Answer):
    """Somebody."""

    login: str = Field(min_length=1)


Somebody = Annotated[Account | None, BeforeValidator(_known)]


class LabelAnswer(Answer):
    """A label, of a pull request or of a runner."""

    name: str


class Repository(Answer):
    """A repository."""

    full_name: str = Field(pattern=FULL_NAME)


class End(Answer):
    """One of the two ends of a pull request; its repository is gone where that is None."""

    ref: str
    sha: CommitId
    repo: Repository | None


class Listed(Answer):
    """A pull request in a list."""

    number: int
    merged_at: Moment | None


class Pull(Answer):
    """A pull request; `commits` is how many it has."""

    number: int
    title: str
    html_url: str
    user: Somebody
    base: End
    head: End
    commits: int
    created_at: Moment
    labels: tuple[LabelAnswer, ...] = Field(strict=False)
    merged_at: Moment | None
    merge_commit_sha: CommitId | None
    merged_by: Somebody


class CommitAnswer(Answer):
    """A commit, with the accounts that GitHub sees behind its two mail addresses."""

    sha: CommitId
    author: Somebody
    committer: Somebody


class ReviewAnswer(Answer):
    """A review; one that is not sent off (PENDING) has no moment."""

    user: Somebody
    state: str
    commit_id: CommitId | None
    submitted_at: Moment | None = None


class Event(Answer):
    """Something that happened to an issue or a pull request."""

    event: str
    actor: Somebody
    created_at: Moment
    label: LabelAnswer | None = None


class Activity(Answer):
    """Something that happened to a branch."""

    activity_type: str
    actor: Somebody
    after: str
    timestamp: Moment


class CommentAnswer(Answer):
    """A comment."""

    id: int
    html_url: str
    user: Somebody
    body: str | None = None


class IssueAnswer(Answer):
    """An issue; with `pull_request`, that is what it is."""

    number: int
    title: str
    html_url: str
    user: Somebody
    body: str | None
    pull_request: Any = None


class Rule(Answer):
    """A rule of a ruleset that holds on a branch."""

    type: str


class Switch(Answer):
    """A setting that is on or off."""

    enabled: bool


class BranchProtection(Answer):
    """A branch's protection of the older kind."""

    required_pull_request_reviews: Any = None
    allow_force_pushes: Switch = Switch(enabled=False)
    allow_deletions: Switch = Switch(enabled=False)


class RunnerAnswer(Answer):
    """A runner."""

    name: str
    status: str
    labels: tuple[LabelAnswer, ...] = Field(strict=False)
