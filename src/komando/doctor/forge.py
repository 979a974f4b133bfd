"""The forge: the token, what it holds people to, and the runner that rings for an apply."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from komando.doctor.symptom import Symptom, counted, listed, until
from komando.forge import Protection, Runner

NOTICE: Final = 30
"""Days before its end from which on a token is told: a new one takes somebody's evening."""

MAIN: Final = "main"


@dataclass(frozen=True)
class Said:
    """What a forge said.

    `refused` has the words of each question that this token may not ask, `failed` of each that was
    not answered.
    `protection` is by branch. `token_ends` None: it does not end, or the forge does not say.
    """

    token_ends: datetime | None = None
    protection: dict[str, Protection] = field(default_factory=dict)
    runners: Sequence[Runner] | None = None
    refused: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()



def unasked(why: str, *, offline: bool) -> Symptom:
    """That nobody asked the forge; `why` says what the environment lacks, "" for nothing."""
    steps = ["leave out --offline"] if offline else []
    if why:
        steps.append(why)
    return Symptom(
        "forge-unasked",
        "note",
        "the forge was not asked for its token's end, its rules on branches and its runners",
        f"{'; '.join(steps)}; the token has to read the repository's administration",
    )


def forge(found: Said, environment: str, now: datetime) -> Iterator[Symptom]:
    """What a forge that was asked comes to."""
    if found.failed:
        rest = len(found.failed) - 1
        more = f", nor to {counted(rest, 'other question', 'other questions')}" if rest else ""
        yield Symptom(
            "forge-away",
            "warning",
            f"the forge gave no good answer: {found.failed[0]}{more}",
            "look whether it can be reached from here, and whether the token is still good",
        )
    if found.refused:
        yield Symptom(
            "forge-refused",
            "note",
            f"this token may not ask all of it: {'; '.join(found.refused)}",
            "run it by hand, with a token that may read the repository's administration",
        )
    if found.token_ends is not None:
        left = (found.token_ends - now).days
        yield Symptom(
            "forge-token",
            "warning" if left <= NOTICE else "ok",
            f"the forge's token ends on {until(found.token_ends.date(), now.date())}",
            "make a new one with the same rights, and put it where the old one is"
            if left <= NOTICE
            else "",
        )
    for branch, protection in found.protection.items():
        yield from _protection(branch, protection, grows=branch != MAIN)
    if found.runners is not None:
        yield _runner(found.runners, environment)


def _protection(branch: str, said: Protection, *, grows: bool) -> Iterator[Symptom]:
    """`grows`: the ledger's branch, to which entries are pushed and of which nothing goes."""
    lacking = []
    if said.request is False and not grows:
        lacking.append("takes pushes without a pull request")
    if said.force is False:
        lacking.append("takes force pushes")
    if said.delete is False:
        lacking.append("can be deleted")
    unsaid = None in (said.force, said.delete) or (not grows and said.request is None)
    if said.request is True and grows:
        yield Symptom(
            "forge-protection",
            "error",
            f"the branch {branch} asks for a pull request, so that no apply can record what it did",
            "take it out of the rule: whoever applies pushes to it",
        )
    if lacking:
        yield Symptom(
            "forge-protection",
            "warning",
            f"the branch {branch} {', '.join(lacking)}",
            "a rule of the forge on that branch: "
            + ("" if grows else "by pull request alone, ")
            + "no force push, no deletion",
        )
    elif unsaid:
        yield Symptom(
            "forge-protection",
            "note",
            f"the forge does not say what it holds people to on {branch}",
            "a token that may read the repository's administration",
        )
    elif said.request is not True or not grows:
        yield Symptom("forge-protection", "ok", f"the branch {branch} is protected")


def _runner(runners: Sequence[Runner], environment: str) -> Symptom:
    away = [one.name for one in runners if not one.online]
    if not runners:
        return Symptom(
            "forge-runner",
            "note",
            f"no runner is registered, so that no merge applies to {environment} by itself",
            "docs/runbooks/prepare-a-controller.md, a runner of the forge's CI; or a person runs "
            "`komando apply`",
        )
    if away:
        return Symptom(
            "forge-runner",
            "warning",
            f"the runner {listed(away)} is away: merges wait",
            "look on the controller: `systemctl status komando-runner`",
        )
    return Symptom(
        "forge-runner", "ok", f"the runner {listed(one.name for one in runners)} is there"
    )
