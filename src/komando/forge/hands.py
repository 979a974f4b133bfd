"""Who had a hand in a pull request: opened it, made a commit of it, or pushed to its branch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from komando.forge.judges import Judges
from komando.forge.model import Push, Request

_NOREPLY: Final = re.compile(r"(?:[0-9]+\+)?([A-Za-z0-9-]+)@users\.noreply\.[^@]+")
"""The address that GitHub gives an account that hides its own ("Setting your commit email
address"); before July 2017 it began with the login."""


@dataclass(frozen=True)
class Stated:
    """The mail addresses that a commit states for its author and its committer.

    Anybody can write any address there: they show a hand that was not hidden, and clear nobody.
    """

    commit: str
    author: str
    committer: str


def hands_of(request: Request, commits: Sequence[Stated], judges: Judges) -> dict[str, str]:
    """What each person did, in words that follow "they", by login in small letters.

    Strangers are among them, and so is GitHub's `web-flow`, which commits what is clicked together
    on its pages: it is nobody's, and never approves.
    """
    hands: dict[str, str] = {}
    for login, words in _deeds(request, commits, judges):
        hands.setdefault(login.lower(), words)
    return hands


def pushes_of(request: Request) -> list[Push]:
    """The pushes that can have changed what is judged, the oldest first."""
    merged = request.merged
    told = [push for push in request.pushes if merged is None or push.at <= merged]
    return sorted(told, key=lambda push: push.at)


def last_push(request: Request) -> Push | None:
    """Who brought the branch to the head that is judged; None where the forge does not tell."""
    pushes = pushes_of(request)
    return pushes[-1] if pushes and pushes[-1].commit == request.head else None


def _deeds(
    request: Request, commits: Sequence[Stated], judges: Judges
) -> Iterator[tuple[str, str]]:
    yield request.author, "opened it"
    for commit in request.commits:
        for login in (commit.author, commit.committer):
            if login is not None:
                yield login, f"made the commit {commit.id[:7]}"
    for stated in commits:
        for mail in (stated.author, stated.committer):
            for login in _logins(mail, judges):
                yield login, f"made the commit {stated.commit[:7]}"
    for push in pushes_of(request):
        yield push.login, f"pushed {push.commit[:7]}"


def _logins(mail: str, judges: Judges) -> Iterator[str]:
    """Whose address it is, in whatever capitals."""
    address = mail.strip().lower()
    for person in judges.people.values():
        if address in (one.lower() for one in person.mails):
            yield person.login
    if (hidden := _NOREPLY.fullmatch(address)) is not None:
        yield hidden[1]
