"""GitHub, or what speaks its REST API, as a `Forge`.

https://docs.github.com/en/rest, version 2022-11-28. Rights are named as fine-grained tokens and the
`permissions` of a workflow name them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final
from urllib.parse import quote

from komando.forge.answers import (
    FULL_NAME,
    GHOST,
    Account,
    Activity,
    BranchProtection,
    CommentAnswer,
    CommitAnswer,
    Event,
    IssueAnswer,
    LabelAnswer,
    Listed,
    Pull,
    Repository,
    ReviewAnswer,
    Rule,
    RunnerAnswer,
)
from komando.forge.model import (
    Commit,
    ForgeError,
    Issue,
    Label,
    Protection,
    Push,
    RefusedError,
    Request,
    Review,
    ReviewState,
    Runner,
)
from komando.forge.web import Web

MOST_COMMITS: Final = 250
"""Commits of a pull request that GitHub lists."""

WORKFLOW: Final = "github-actions[bot]"
"""Who a workflow's own token speaks as; it may not ask who that is."""

_READ_REQUESTS = "the right to read pull requests (pull-requests: read)"
_READ_CONTENTS = "the right to read the repository (contents: read)"
_WRITE_COMMENTS = "the right to write on pull requests (pull-requests: write)"
_READ_ISSUES = "the right to read issues (issues: read)"
_WRITE_ISSUES = "the right to write issues (issues: write)"
_ADMINISTRATION = "the right to read the repository's administration (administration: read)"
_NOTHING = "no right but to be valid"

_HEADERS = {
    "Accept": "application/vnd.github+json",
    "X-GitHub-Api-Version": "2022-11-28",
    "User-Agent": "komando",
}
_STATES: Mapping[str, ReviewState] = {
    "APPROVED": "approved",
    "CHANGES_REQUESTED": "changes",
    "DISMISSED": "dismissed",
    "COMMENTED": "commented",
}


RETARGETED: Final = (
    "base_ref_changed",
    "automatic_base_change_succeeded",
    "base_ref_force_pushed",
)
"""What happens to a request that shall be merged into something else than before."""


class GitHub:
    """One repository on GitHub; see `Forge`."""

    def __init__(self, api: str, repository: str, token: str) -> None:
        """`api` is as https://api.github.com, `repository` as owner/name.

        Raises ForgeError where one of the three cannot be one.
        """
        if not re.fullmatch(FULL_NAME, repository):
            raise ForgeError(f"{repository!r} is no repository: write owner/name")
        self._at = f"repos/{repository}"
        self._web = Web(api, token, _HEADERS)
        self._login: str | None = None

    def requests_of(self, commit: str) -> tuple[int, ...]:
        """The merged pull requests by which a commit came to the branch that it is on."""
        pulls = self._web.all(Listed, f"{self._at}/commits/{commit}/pulls", _READ_REQUESTS)
        return tuple(sorted(one.number for one in pulls if one.merged_at is not None))

    def request(self, number: int) -> Request:
        """A pull request, with commits, pushes, reviews and labels.

        Raises ForgeError, too, for one with more commits than GitHub lists, and for one whose
        branch goes on while it is read.
        """
        at = f"{self._at}/pulls/{number}"
        pull = self._web.one(Pull, at, _READ_REQUESTS)
        commits = self._commits(at, pull)
        events = self._web.all(Event, f"{self._at}/issues/{number}/events", _READ_REQUESTS)
        return Request(
            number=pull.number,
            title=pull.title,
            url=pull.html_url,
            author=_login_of(pull.user),
            base=pull.base.ref,
            head=pull.head.sha,
            head_ref=pull.head.ref,
            ref=f"refs/pull/{pull.number}/head",
            commits=commits,
            pushes=self._pushes(pull, commits),
            reviews=self._reviews(at),
            labels=_labels(pull.labels, events),
            retargeted=_last(events, RETARGETED),
            merged=pull.merged_at,
            merge=pull.merge_commit_sha if pull.merged_at else None,
            merged_by=pull.merged_by.login if pull.merged_by else None,
        )

    def comment(self, number: int, mark: str, body: str) -> str:
        """Write a comment, or put it in the place of ours that has `mark`; returns its address."""
        at = f"{self._at}/issues/{number}/comments"
        us = self._us()
        for one in self._web.all(CommentAnswer, at, _READ_REQUESTS):
            if one.user is not None and one.user.login == us and mark in (one.body or ""):
                path, method = f"{self._at}/issues/comments/{one.id}", "PATCH"
                break
        else:
            path, method = at, "POST"
        done = self._web.send(CommentAnswer, method, path, _WRITE_COMMENTS, {"body": body})
        return done.html_url

    def issue(self, mark: str) -> Issue | None:
        """The open issue of ours whose text has `mark`; the oldest, should there be more."""
        us = self._us()
        found = self._web.all(
            IssueAnswer, f"{self._at}/issues", _READ_ISSUES, state="open", direction="asc"
        )
        for one in found:
            ours = one.user is not None and one.user.login == us
            if ours and one.pull_request is None and mark in (one.body or ""):
                return _issue(one)
        return None

    def open_issue(self, title: str, body: str, labels: tuple[str, ...] = ()) -> Issue:
        """Open an issue."""
        content = {"title": title, "body": body, "labels": list(labels)}
        at = f"{self._at}/issues"
        return _issue(self._web.send(IssueAnswer, "POST", at, _WRITE_ISSUES, content))

    def update_issue(self, number: int, body: str, *, close: bool = False) -> None:
        """Give an issue another text; `close` it, too."""
        content = {"body": body}
        if close:
            content |= {"state": "closed", "state_reason": "completed"}
        at = f"{self._at}/issues/{number}"
        self._web.send(IssueAnswer, "PATCH", at, _WRITE_ISSUES, content)

    def protection(self, branch: str) -> Protection:
        """What holds on a branch, by rulesets or by protection of the older kind."""
        name = quote(branch, safe="/")
        rules = self._web.all(Rule, f"{self._at}/rules/branches/{name}", _READ_CONTENTS)
        kinds = {rule.type for rule in rules}
        older = self._older_protection(name)
        return Protection(
            request="pull_request" in kinds or older.request,
            force="non_fast_forward" in kinds or older.force,
            delete="deletion" in kinds or older.delete,
        )

    def runners(self) -> tuple[Runner, ...]:
        """The runners of the repository."""
        found = self._web.all(
            RunnerAnswer, f"{self._at}/actions/runners", _ADMINISTRATION, within="runners"
        )
        return tuple(
            Runner(one.name, one.status == "online", tuple(label.name for label in one.labels))
            for one in found
        )

    def expires(self) -> datetime | None:
        """When the token ends; None where it does not, or the forge does not say."""
        if not self._web.last:
            self._web.one(Repository, self._at, _READ_CONTENTS)
        said = self._web.last.get("github-authentication-token-expiration")
        if said is None:
            return None
        try:
            # `2027-03-31 00:00:00 UTC`, or with an offset in place of UTC
            return datetime.strptime(said.replace(" UTC", " +0000"), "%Y-%m-%d %H:%M:%S %z")
        except ValueError as error:
            raise ForgeError(
                f"the forge says that the token ends {said!r}, which is no moment"
            ) from error

    def _us(self) -> str:
        """The login that this token writes as."""
        if self._login is None:
            try:
                self._login = self._web.one(Account, "user", _NOTHING).login
            except RefusedError as refused:
                if refused.unknown:
                    raise
                self._login = WORKFLOW
        return self._login

    def _commits(self, at: str, pull: Pull) -> tuple[Commit, ...]:
        if pull.commits > MOST_COMMITS:
            raise ForgeError(
                f"pull request {pull.number} has {pull.commits} commits, and the forge lists "
                f"{MOST_COMMITS}: make several of it"
            )
        found = self._web.all(CommitAnswer, f"{at}/commits", _READ_REQUESTS)
        if len(found) != pull.commits or pull.head.sha not in {one.sha for one in found}:
            raise ForgeError(f"pull request {pull.number} went on while it was read: read it again")
        return tuple(
            Commit(
                one.sha,
                one.author.login if one.author else None,
                one.committer.login if one.committer else None,
            )
            for one in found
        )

    def _pushes(self, pull: Pull, commits: tuple[Commit, ...]) -> tuple[Push, ...]:
        """Pushes to the branch since the request stands, and those of its commits from before.

        The branch may have been deleted and made anew, also under a name that others had before.
        None at all where one's actor is unknown.
        """
        if pull.head.repo is None:
            return ()
        ours = f"repos/{pull.head.repo.full_name}" == self._at
        try:
            found = self._web.all(
                Activity,
                f"repos/{pull.head.repo.full_name}/activity",
                _READ_CONTENTS,
                ref=f"refs/heads/{pull.head.ref}",
                direction="desc",
            )
        except RefusedError as refused:
            if refused.missing or not ours:  # the branch is gone, or it is in somebody's own fork
                return ()
            raise
        brought = {commit.id for commit in commits}
        pushes: list[Push] = []
        for one in found:
            theirs = one.after in brought or one.timestamp >= pull.created_at
            if one.activity_type == "branch_deletion" or not theirs:
                continue
            if one.actor is None:
                return ()
            pushes.append(Push(one.actor.login, one.after, one.timestamp))
        return tuple(reversed(pushes))

    def _reviews(self, at: str) -> tuple[Review, ...]:
        found = self._web.all(ReviewAnswer, f"{at}/reviews", _READ_REQUESTS)
        return tuple(
            Review(_login_of(one.user), _STATES[one.state], one.commit_id or "", one.submitted_at)
            for one in found
            if one.state in _STATES and one.submitted_at is not None  # PENDING is nobody's word yet
        )

    def _older_protection(self, branch: str) -> Protection:
        at = f"{self._at}/branches/{branch}/protection"
        try:
            found = self._web.one(BranchProtection, at, _ADMINISTRATION)
        except RefusedError as refused:
            if refused.said == "Branch not protected":
                return Protection(request=False, force=False, delete=False)
            if refused.unknown:
                raise
            return Protection(request=None, force=None, delete=None)
        return Protection(
            request=found.required_pull_request_reviews is not None,
            force=not found.allow_force_pushes.enabled,
            delete=not found.allow_deletions.enabled,
        )


def _login_of(somebody: Account | None) -> str:
    return somebody.login if somebody else GHOST


def _label(name: str, event: Event | None) -> Label:
    if event is None:
        return Label(name, None, None)
    return Label(name, event.actor.login if event.actor else None, event.created_at)


def _issue(answer: IssueAnswer) -> Issue:
    return Issue(answer.number, answer.title, answer.body or "", answer.html_url)


def _labels(borne: Iterable[LabelAnswer], events: Iterable[Event]) -> tuple[Label, ...]:
    last = {
        one.label.name: one
        for one in sorted(events, key=lambda event: event.created_at)
        if one.event == "labeled" and one.label is not None
    }
    return tuple(_label(label.name, last.get(label.name)) for label in borne)


def _last(events: Iterable[Event], kinds: tuple[str, ...]) -> datetime | None:
    """When something of these kinds happened last."""
    return max((one.created_at for one in events if one.event in kinds), default=None)
