"""The part of GitHub's REST API that the lab's forge speaks: paths, rights and answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote

from komando.lab.forge.state import Comment, Issue, Pull, Right, State, Token
from komando.lab.forge.store import Store
from komando.lab.forge.views import Json, Views, somebody

MOST_LETTERS: Final = 65_536
"""Characters of a comment's or an issue's text that GitHub takes."""

_REPOSITORY: Final = r"/repos/(?P<repository>[^/]+/[^/]+)"


class Turned(Exception):
    """What is asked cannot be had: the status and the words for it."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words


@dataclass(frozen=True)
class Reply:
    """What goes back; a list is cut into pages, `within` an object where GitHub does so."""

    content: Any
    status: int = 200
    within: str = ""
    cursor: str = "page"
    """How the next page is asked for."""


@dataclass(frozen=True)
class Asked:
    """One question, by whose token, and what its path and query say."""

    store: Store
    token: Token
    web: str
    parts: Mapping[str, str]
    query: Mapping[str, str]
    content: Mapping[str, Any]

    @property
    def state(self) -> State:
        """What the forge knows."""
        return self.store.read()

    def views(self, state: State | None = None) -> Views:
        """The same, as GitHub would say it."""
        return Views(state or self.state, self.store.git, self.web)

    @property
    def number(self) -> int:
        """The pull request or issue of the path."""
        return int(self.parts["number"])

    def pull(self) -> Pull:
        """The pull request of the path. Raises Turned."""
        if (pull := self.state.pull(self.number)) is None:
            raise Turned(404, "Not Found")
        return pull

    def text(self) -> str:
        """The `body` that was sent. Raises Turned for one that GitHub would not take."""
        body = self.content.get("body")
        if not isinstance(body, str) or not body:
            raise Turned(422, "Validation Failed: body is missing")
        if len(body) > MOST_LETTERS:
            raise Turned(422, f"Validation Failed: body is too long (maximum is {MOST_LETTERS})")
        return body


Answerer = Callable[[Asked], Reply]


@dataclass(frozen=True)
class Route:
    """A method and a path, what answers it, and the rights of which one suffices."""

    method: str
    path: re.Pattern[str]
    answer: Answerer
    rights: tuple[Right, ...]

    def refuse(self, token: Token) -> None:
        """Raise Turned where a token may not."""
        write = self.method != "GET"
        if self.rights and not any(token.may(right, write=write) for right in self.rights):
            kind = "personal access token" if token.person else "integration"
            raise Turned(403, f"Resource not accessible by {kind}")


def answered(method: str, path: str, asked: Asked) -> Reply:
    """The answer to a question. Raises Turned."""
    for route in ROUTES:
        if route.method == method and (match := route.path.fullmatch(path)):
            parts = {name: unquote(value) for name, value in match.groupdict().items()}
            _known(route, parts, asked)
            route.refuse(asked.token)
            return route.answer(replace(asked, parts=parts))
    raise Turned(404, "Not Found")


def _known(route: Route, parts: Mapping[str, str], asked: Asked) -> None:
    """Raise Turned for a repository that is not here; a fork has its activity alone."""
    state = asked.state
    forks = {one.repository for one in state.moves} if route.answer is _activity else set()
    if parts.get("repository", state.repository) not in {state.repository, *forks}:
        raise Turned(404, "Not Found")


def _user(asked: Asked) -> Reply:
    if not asked.token.person:
        raise Turned(403, "Resource not accessible by integration")
    return Reply(somebody(asked.token.login))


def _pulls_of(asked: Asked) -> Reply:
    commit = asked.store.git.commit_at(asked.parts["commit"])
    if commit is None:
        raise Turned(422, f"No commit found for SHA: {asked.parts['commit']}")
    return Reply(asked.views().pulls_of(commit))


def _activity(asked: Asked) -> Reply:
    found = asked.views().activity(asked.parts["repository"], asked.query.get("ref"))
    return Reply(found, cursor="after")


def _comment(asked: Asked) -> Reply:
    body, now = asked.text(), datetime.now(UTC)
    state = asked.state
    if state.pull(asked.number) is None and _issue_in(state, asked.number) is None:
        raise Turned(404, "Not Found")

    def added(state: State) -> State:
        comment = Comment(
            id=1 + max((one.id for one in state.comments), default=0),
            number=asked.number,
            login=asked.token.login,
            body=body,
            at=now,
            changed=now,
        )
        return state.but(comments=(*state.comments, comment))

    after = asked.store.change(added)
    return Reply(asked.views(after).comment(after.comments[-1]), 201)


def _edit_comment(asked: Asked) -> Reply:
    body, chosen = asked.text(), int(asked.parts["comment"])

    def edited(state: State) -> State:
        if chosen not in {one.id for one in state.comments}:
            raise Turned(404, "Not Found")
        change: Json = {"body": body, "changed": datetime.now(UTC)}
        return state.but(
            comments=tuple(
                one.model_copy(update=change) if one.id == chosen else one for one in state.comments
            )
        )

    after = asked.store.change(edited)
    return Reply(asked.views().comment(next(one for one in after.comments if one.id == chosen)))


def _issues(asked: Asked) -> Reply:
    found = asked.views().issues()
    return Reply(found[::-1] if asked.query.get("direction") == "asc" else found)


def _open_issue(asked: Asked) -> Reply:
    body, title = asked.text(), str(asked.content.get("title", ""))
    labels = tuple(str(one) for one in asked.content.get("labels", ()))

    def opened(state: State) -> State:
        issue = Issue(
            number=state.last + 1, title=title, body=body, login=asked.token.login, labels=labels
        )
        return state.but(issues=(*state.issues, issue), last=issue.number)

    after = asked.store.change(opened)
    return Reply(asked.views(after).issue(after.issues[-1]), 201)


def _edit_issue(asked: Asked) -> Reply:
    change: Json = {"body": asked.text()}
    if "state" in asked.content:
        change["open"] = asked.content["state"] == "open"

    def edited(state: State) -> State:
        if _issue_in(state, asked.number) is None:
            raise Turned(404, "Not Found")
        return state.but(
            issues=tuple(
                one.model_copy(update=change) if one.number == asked.number else one
                for one in state.issues
            )
        )

    after = _issue_in(asked.store.change(edited), asked.number)
    return Reply(asked.views().issue(after) if after else {})


def _issue_in(state: State, number: int) -> Issue | None:
    return next((one for one in state.issues if one.number == number), None)


def _protection(asked: Asked) -> Reply:
    found = asked.state.protections.get(asked.parts["branch"])
    if found is None:
        raise Turned(404, "Branch not protected")
    reviews: Json = {"required_pull_request_reviews": {}} if found.request else {}
    force, delete = {"enabled": not found.force}, {"enabled": not found.delete}
    return Reply({**reviews, "allow_force_pushes": force, "allow_deletions": delete})


def _route(method: str, path: str, answer: Answerer, *rights: Right) -> Route:
    return Route(method, re.compile(path), answer, rights)


ROUTES: Final = (
    _route("GET", "/user", _user),
    _route("GET", _REPOSITORY, lambda asked: Reply(asked.views().repository()), "metadata"),
    _route("GET", _REPOSITORY + r"/commits/(?P<commit>[0-9a-f]{40})/pulls", _pulls_of,
           "pull_requests"),
    _route("GET", _REPOSITORY + r"/pulls/(?P<number>\d+)",
           lambda asked: Reply(asked.views().pull(asked.pull())), "pull_requests"),
    _route("GET", _REPOSITORY + r"/pulls/(?P<number>\d+)/commits",
           lambda asked: Reply(asked.views().commits(asked.pull())), "pull_requests"),
    _route("GET", _REPOSITORY + r"/pulls/(?P<number>\d+)/reviews",
           lambda asked: Reply(asked.views().reviews(asked.pull().number)), "pull_requests"),
    _route("GET", _REPOSITORY + r"/issues/(?P<number>\d+)/events",
           lambda asked: Reply(asked.views().events(asked.number)), "issues", "pull_requests"),
    _route("GET", _REPOSITORY + "/activity", _activity, "contents"),
    _route("GET", _REPOSITORY + r"/issues/(?P<number>\d+)/comments",
           lambda asked: Reply(asked.views().comments(asked.number)), "issues", "pull_requests"),
    _route("POST", _REPOSITORY + r"/issues/(?P<number>\d+)/comments", _comment,
           "issues", "pull_requests"),
    _route("PATCH", _REPOSITORY + r"/issues/comments/(?P<comment>\d+)", _edit_comment,
           "issues", "pull_requests"),
    _route("GET", _REPOSITORY + "/issues", _issues, "issues"),
    _route("POST", _REPOSITORY + "/issues", _open_issue, "issues"),
    _route("PATCH", _REPOSITORY + r"/issues/(?P<number>\d+)", _edit_issue, "issues"),
    _route("GET", _REPOSITORY + r"/rules/branches/(?P<branch>.+)",
           lambda asked: Reply(asked.views().rules(asked.parts["branch"])), "metadata"),
    _route("GET", _REPOSITORY + r"/branches/(?P<branch>.+)/protection", _protection,
           "administration"),
    _route("GET", _REPOSITORY + "/actions/runners",
           lambda asked: Reply(asked.views().runners(), within="runners"), "administration"),
)  # fmt: skip
