"""A pull request that two people stand behind, and people who judge it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from komando.forge.hands import Stated
from komando.forge.judges import Judges
from komando.forge.model import Commit, Push, Request, Review
from komando.forge.rule import Verdict, judge
from komando.policy import Person

ZONE = "Asia/Pontianak"
NOON = datetime(2026, 11, 24, 5, tzinfo=UTC)
"""Noon in the region; each further event comes some hours later."""

OLD, HEAD, LATER = "a" * 40, "b" * 40, "c" * 40
FILE = "policies/opd/dinas-kesehatan.yaml"


def person(login: str, role: Any = "approver", **more: Any) -> Person:
    said = {"start": date(2026, 1, 1), "mails": (f"{login}@office.example",), **more}
    return Person(login=login, name=login, office="diskominfo", role=role, **said)


PEOPLE = {
    one.login: one
    for one in (
        person("approver-1"),
        person("approver-2", mails=("approver-2@office.example", "Second@Home.example")),
        person("approver-3", end=date(2026, 11, 24)),
        person("approver-4", start=date(2026, 11, 25)),
        person("requester-1", "requester"),
        person("requester-2", "requester"),
    )
}
JUDGES = Judges(PEOPLE, ZONE)


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def review(login: str, state: Any = "approved", commit: str = HEAD, hours: float = 2) -> Review:
    return Review(login, state, commit, at(hours))


REQUEST = Request(
    number=7,
    title="Dinas Kesehatan: 30 Mbit/s",
    url="https://forge.example/7",
    author="requester-1",
    base="main",
    head=HEAD,
    head_ref="more",
    ref="refs/pull/7/head",
    commits=(Commit(OLD, "requester-1", "requester-1"), Commit(HEAD, "requester-1", "web-flow")),
    pushes=(Push("requester-1", OLD, at(0)), Push("requester-1", HEAD, at(1))),
    reviews=(review("approver-1"),),
)
STATED = tuple(
    Stated(commit, "requester-1@office.example", "noreply@github.com") for commit in (OLD, HEAD)
)


def judged(
    request: Request = REQUEST,
    stated: tuple[Stated, ...] = STATED,
    paths: tuple[str, ...] = (FILE,),
    judges: Judges = JUDGES,
    **changed: Any,
) -> Verdict:
    return judge(replace(request, **changed), stated, paths, judges, JUDGES.day(at(3)))


def counted(verdict: Verdict) -> list[str]:
    return [one.login for one in verdict.approvals]
