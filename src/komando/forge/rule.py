"""The two-person rule: whoever approves had no hand in the change, and saw all of it.

The forge's own rules about reviews can be switched off by whoever administers it, know nothing of
offices, and take an approval of anybody who may write. So what it says is judged here once more, by
the people and owners of the base (ADR 29).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from komando.diagnostics import visible
from komando.forge.hands import Stated, hands_of, last_push, pushes_of
from komando.forge.judges import PEOPLE_FILE, Judges
from komando.forge.model import Approval, Label, Push, Request, Review
from komando.forge.owners import OWNERS_FILES

COMPILED: Final = (".pyc", ".pyo", ".so", ".pth")
"""Ends of files that Python runs, and that no reviewer reads."""

REGION_FILE: Final = "policies/region.yaml"

EMERGENCY: Final = "emergency"
"""The label by which an approver lets a request through at once; it is reviewed afterwards."""


@dataclass(frozen=True)
class Missing:
    """An approval that is still needed: of one of these people (logins), for these paths.

    Without `paths` any approver's will do; without `people` nobody could give it.
    """

    people: tuple[str, ...]
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What the rule says of a pull request.

    `approvals` are those that count, the oldest first. `faults` are whole sentences, each with what
    to do; without any the rule holds. `missing` are approvals that are still needed. `emergency` is
    the label that lets it through in spite of the faults; it has to be reviewed afterwards, which
    ends when an approval counts and no fault is left.
    """

    approvals: tuple[Approval, ...]
    faults: tuple[str, ...] = ()
    missing: tuple[Missing, ...] = ()
    emergency: Label | None = None

    @property
    def holds(self) -> bool:
        """Whether two people stand behind it."""
        return not self.faults

    @property
    def passes(self) -> bool:
        """Whether it may be applied."""
        return self.holds or self.emergency is not None


def judge(
    request: Request,
    commits: Sequence[Stated],
    paths: Collection[str],
    judges: Judges,
    today: date,
    inner: Sequence[Request] = (),
) -> Verdict:
    """Judge a pull request, merged or not, at its head.

    `commits` are all that it brings to its base, as git has them, and `paths` all that they change
    there, with both names of what was renamed; `judges` are those of the base. `inner` are other
    requests that brought some of its commits to its branch: who made those made this. `today` (the
    region's day) is only for who could still approve: an approval is judged by its own day.
    """
    hands = hands_of(request, commits, judges)
    for one in inner:  # who opened it and who pushed; commits that are not here are not theirs
        hands = hands_of(replace(one, commits=()), (), judges) | hands
    approvals: list[Approval] = []
    refused: list[str] = []
    for review in _last_words(request):
        person = judges.approver(review.login, judges.day(review.at))
        if why := _why_not(review, request, hands, judges):
            refused.append(why)
        elif person is not None and review.state == "approved":
            approvals.append(Approval(person.login, review.commit, review.at))
    given = {one.login for one in approvals}
    able = [one.login for one in judges.approvers(today) if one.login.lower() not in hands]
    missing = tuple(_missing(paths, given, able, judges))
    faults = [*_unknown(request, commits, judges), *_unreadable(paths)]
    if missing:
        faults += [*refused, *(_needed(one, request, judges) for one in missing)]
    label = request.label(EMERGENCY)
    if not faults or label is None:
        return Verdict(tuple(approvals), tuple(faults), missing)
    if why := _beyond(label, paths) or _no_emergency(label, request, judges):
        return Verdict(tuple(approvals), (*faults, why), missing)
    return Verdict(tuple(approvals), tuple(faults), missing, label)


def _last_words(request: Request) -> list[Review]:
    """What each person said last, the oldest first; a comment takes nothing back."""
    last: dict[str, Review] = {}
    for review in sorted(request.reviews, key=lambda one: one.at):
        if review.state != "commented":
            last.pop(review.login.lower(), None)
            last[review.login.lower()] = review
    return list(last.values())


def _why_not(review: Review, request: Request, hands: Mapping[str, str], judges: Judges) -> str:
    """Why a person's last word is no approval that counts; "" where it is one."""
    who, day = review.login, judges.day(review.at)
    moved = request.retargeted
    said = f"The approval of {who} does not count: "
    reasons = (
        (
            review.state == "changes",
            f"{who} asked for changes: mend what they found, and ask them again.",
        ),
        (
            review.state == "dismissed",
            f"The approval of {who} was dismissed: ask them to look again.",
        ),
        (
            judges.serving(who, day) is None,
            f"{said}{PEOPLE_FILE} of the base has nobody of that login on {day}.",
        ),
        (
            judges.approver(who, day) is None,
            f"{said}they may propose, and not approve ({PEOPLE_FILE} of the base).",
        ),
        (
            who.lower() in hands,
            f"{said}they {hands.get(who.lower())} themselves. Somebody else has to approve.",
        ),
        (
            review.commit != request.head,
            f"{said}it is of {_short(review.commit)}, and {_short(request.head)} is the head now.",
        ),
        (
            moved is not None and review.at <= moved,
            f"{said}the request went to another branch then. They have to look again.",
        ),
    )
    return next((text for wrong, text in reasons if wrong), "")


def _missing(
    paths: Collection[str], given: set[str], able: Sequence[str], judges: Judges
) -> Iterator[Missing]:
    """Which approvals are still needed, each group of owners once."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for path in sorted(paths):
        owners = judges.owners.of(path)
        if path in OWNERS_FILES and judges.owners.file:  # one that comes to stand before it, too
            owners = judges.owners.of(judges.owners.file)
        if owners and given.isdisjoint(owners):
            groups.setdefault(owners, []).append(path)
    for owners, theirs in groups.items():
        yield Missing(tuple(one for one in able if one in owners), tuple(theirs))
    if not given and not groups:
        yield Missing(tuple(able))


def _needed(one: Missing, request: Request, judges: Judges) -> str:
    """A missing approval in a sentence."""
    head = _short(request.head)
    if one.paths:
        more = f" and {len(one.paths) - 1} more" if len(one.paths) > 1 else ""
        verb = "need" if more else "needs"
        what = (
            f"{visible(one.paths[0])}{more} {verb} an approval of an owner ({judges.owners.file})"
        )
    else:
        what = "It needs an approval of somebody who had no hand in it"
    if one.people:
        return f"{what}: {' or '.join(one.people)} may approve {head}."
    if not judges.people:
        return (
            f"{what}: {PEOPLE_FILE} of the base has nobody. Enter the people of the office first."
        )
    return (
        f"{what}, and nobody can give it: each of them had a hand in it, or does not serve today. "
        f"Enter another approver in {PEOPLE_FILE} first, by a request of its own."
    )


def _unknown(request: Request, commits: Sequence[Stated], judges: Judges) -> Iterator[str]:
    """What is not known of who made it: a second person cannot be told from the first then."""
    told = {one.id for one in request.commits}
    if untold := [one.commit for one in commits if one.commit not in told]:
        yield (
            f"The forge does not tell who made {_short(untold[0])}"
            + (f" and {len(untold) - 1} more commits" if len(untold) > 1 else "")
            + ": it tells some hundred commits of a request at most. Split it, or squash them."
        )
    if request.head not in {one.commit for one in commits}:
        yield (
            f"The head {_short(request.head)} is none of the commits that the request brings to "
            f"{request.base}: look whether the branch is what was meant."
        )
    last = last_push(request)
    if last is None:
        yield (
            f"Nobody knows who pushed {_short(request.head)}: the forge tells no push of it, or "
            "another one after it. Push the branch to this repository, and not to a fork, with a "
            "further commit."
        )
        return
    yield from _strangers(request, last, judges)


def _strangers(request: Request, last: Push, judges: Judges) -> Iterator[str]:
    """Who proposes and is not known: it may be the second account of whoever approves."""
    told: set[str] = set()
    deeds = [(request.author, last.at), *((push.login, push.at) for push in pushes_of(request))]
    for login, at in deeds:
        day = judges.day(at)
        if login.lower() not in told and judges.serving(login, day) is None:
            told.add(login.lower())
            yield (
                f"{login} opened it or pushed to it, and {PEOPLE_FILE} of the base has nobody of "
                f"that login on {day}: let somebody of that list open a request with its commits."
            )


def _unreadable(paths: Collection[str]) -> Iterator[str]:
    """Paths that patterns and people read in different ways."""
    for path in sorted(paths):
        if not path.isprintable():
            yield f"The path {visible(path)} has a character that cannot be seen: rename it."
        if path.endswith(COMPILED) or "__pycache__" in path.split("/"):
            yield f"{visible(path)} runs and cannot be read: leave it out."


def _beyond(label: Label, paths: Collection[str]) -> str:
    """Why it cannot be urgent; "" where the request is of policies alone.

    The label is for what offices get, and not for who judges, or for what runs.
    """
    beyond = [path for path in sorted(paths) if not _is_urgent(path)]
    if not beyond:
        return ""
    return (
        f"The label `{label.name}` does not let it through: {visible(beyond[0])} is no policy of "
        "an office, a point or the region, and cannot be urgent. Leave it out of this request."
    )


def _no_emergency(label: Label, request: Request, judges: Judges) -> str:
    """Why the label does not let it through; "" where it does.

    Whoever set it answers for what they saw: not for what others pushed afterwards.
    """
    said = f"The label `{label.name}` does not let it through: "
    remedy = "An approver has to take it off and set it again."
    if label.by is None or label.at is None:
        return f"{said}the forge does not tell who set it, or when. {remedy}"
    if judges.approver(label.by, judges.day(label.at)) is None:
        return f"{said}{label.by}, who set it, is no approver. {remedy}"
    if last_push(request) is None:
        return f"{said}nobody knows who pushed {_short(request.head)}."
    later = [push.login for push in pushes_of(request) if push.at >= label.at]
    others = [login for login in later if login.lower() != label.by.lower()]
    if others:
        return f"{said}{others[-1]} pushed to the branch after {label.by} had set it. {remedy}"
    if request.retargeted is not None and label.at <= request.retargeted:
        return f"{said}the request went to another branch then. {remedy}"
    return ""


def _is_urgent(path: str) -> bool:
    """Whether a path says what offices, points and the region get, and not who accepts what."""
    return path.startswith(("policies/opd/", "policies/hotspots/")) or path == REGION_FILE


def _short(commit: str) -> str:
    return commit[:7] or "no commit"
