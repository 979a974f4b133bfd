"""The two-person rule: every way around it that somebody thought of, and what is said of it."""

from __future__ import annotations

from typing import Any

import pytest

from komando.forge.hands import Stated
from komando.forge.judges import Judges
from komando.forge.model import Commit, Push, Review
from komando.forge.rule import Missing
from tests.unit.proposed import (
    FILE,
    HEAD,
    LATER,
    OLD,
    PEOPLE,
    REQUEST,
    STATED,
    ZONE,
    at,
    counted,
    judged,
    review,
)


def test_a_request_with_an_approval_of_its_head_passes() -> None:
    verdict = judged()
    assert (counted(verdict), verdict.faults, verdict.missing) == (["approver-1"], (), ())
    assert verdict.holds
    assert verdict.passes
    assert verdict.emergency is None
    assert verdict.approvals[0].commit == HEAD
    assert verdict.approvals[0].at == at(2)


def test_without_an_approval_it_says_who_may_give_one() -> None:
    verdict = judged(reviews=())
    (fault,) = verdict.faults
    assert fault.startswith("It needs an approval of somebody who had no hand in it: ")
    assert fault.endswith("approver-1 or approver-2 or approver-3 may approve bbbbbbb.")
    assert verdict.missing == (Missing(("approver-1", "approver-2", "approver-3")),)
    assert not verdict.passes


PUSHED = REQUEST.pushes
HANDS: list[tuple[str, dict[str, Any], str]] = [
    ("the author", {"author": "approver-1"}, "they opened it themselves"),
    (
        "the author of a commit, by login",
        {"commits": (Commit(OLD, "approver-1", "web-flow"), REQUEST.commits[1])},
        "they made the commit aaaaaaa themselves",
    ),
    (
        "the committer of the first commit, by login",
        {"commits": (Commit(OLD, None, "Approver-1"), REQUEST.commits[1])},
        "they made the commit aaaaaaa themselves",
    ),
    (
        "the author of a commit, by mail in other capitals",
        {"stated": (Stated(OLD, "APPROVER-1@office.example", "x@y.example"), STATED[1])},
        "they made the commit aaaaaaa themselves",
    ),
    (
        "the committer, by mail",
        {"stated": (STATED[0], Stated(HEAD, "x@y.example", "approver-1@office.example"))},
        "they made the commit bbbbbbb themselves",
    ),
    (
        "the author, by the address that the forge gives",
        {"stated": (Stated(OLD, "123+Approver-1@users.noreply.github.com", ""), STATED[1])},
        "they made the commit aaaaaaa themselves",
    ),
    (
        "the author, by the forge's older address",
        {"stated": (Stated(OLD, "approver-1@users.noreply.github.com", ""), STATED[1])},
        "they made the commit aaaaaaa themselves",
    ),
    (
        "who pushed, before somebody else pushed an empty commit",
        {"pushes": (Push("approver-1", OLD, at(0)), PUSHED[1])},
        "they pushed aaaaaaa themselves",
    ),
    (
        "who pushed last",
        {"pushes": (PUSHED[0], Push("APPROVER-1", HEAD, at(1)))},
        "they pushed bbbbbbb themselves",
    ),
    (
        "who pushed something else that was pushed over",
        {"pushes": (PUSHED[0], Push("approver-1", LATER, at(0.5)), PUSHED[1])},
        "they pushed ccccccc themselves",
    ),
]


@pytest.mark.parametrize(
    ("changed", "words"), [row[1:] for row in HANDS], ids=[r[0] for r in HANDS]
)
def test_whoever_had_a_hand_in_it_cannot_approve(changed: dict[str, Any], words: str) -> None:
    verdict = judged(**changed)
    assert counted(verdict) == []
    assert f"The approval of approver-1 does not count: {words}." in verdict.faults[0]
    assert "approver-1" not in verdict.missing[0].people
    assert not verdict.passes
    assert counted(judged(**changed, reviews=(review("approver-2"),))) == ["approver-2"]


def test_a_mail_of_ones_own_at_home_is_ones_own_too() -> None:
    stated = (Stated(OLD, "second@home.example", "x@y.example"), STATED[1])
    verdict = judged(stated=stated, reviews=(review("approver-2"),))
    assert not verdict.passes
    assert verdict.missing == (Missing(("approver-1", "approver-3")),)


WORDS: list[tuple[str, tuple[Review, ...], str]] = [
    (
        "an approval of an older head",
        (review("approver-1", commit=OLD),),
        "it is of aaaaaaa, and bbbbbbb is the head now",
    ),
    (
        "an approval of what was pushed over",
        (review("approver-1", commit=LATER),),
        "it is of ccccccc, and bbbbbbb is the head now",
    ),
    (
        "a good approval, and then one of an older head",
        (review("approver-1"), review("approver-1", commit=OLD, hours=3)),
        "it is of aaaaaaa",
    ),
    ("one without a commit", (review("approver-1", commit=""),), "it is of no commit"),
    ("one that was dismissed", (review("approver-1", "dismissed"),), "approver-1 was dismissed"),
    (
        "an approval followed by changes",
        (review("approver-1"), review("Approver-1", "changes", hours=2.5)),
        "asked for changes",
    ),
    (
        "told in another order",
        (review("approver-1", "changes", hours=2.5), review("approver-1")),
        "approver-1 asked for changes",
    ),
    (
        "an approval followed by a dismissal",
        (review("approver-1"), review("approver-1", "dismissed", hours=2.5)),
        "was dismissed",
    ),
    ("a requester", (review("requester-2"),), "they may propose, and not approve"),
    ("the requester", (review("requester-1"),), "they may propose, and not approve"),
    ("a stranger", (review("approver-9"),), "nobody of that login on 2026-11-24"),
    (
        "a name that only looks like a login",
        (review("approver-1 "),),
        "nobody of that login on 2026-11-24",
    ),
    (
        "whose time is over at midnight in the region",
        (review("approver-3", hours=12),),
        "nobody of that login on 2026-11-25",
    ),
    (
        "whose time has not come",
        (review("approver-4", hours=11.9),),
        "nobody of that login on 2026-11-24",
    ),
]


@pytest.mark.parametrize(
    ("reviews", "words"), [row[1:] for row in WORDS], ids=[r[0] for r in WORDS]
)
def test_what_is_no_approval(reviews: tuple[Review, ...], words: str) -> None:
    verdict = judged(reviews=reviews)
    assert counted(verdict) == []
    assert words in verdict.faults[0]
    assert not verdict.passes


COUNTING: list[tuple[str, tuple[Review, ...], str]] = [
    ("in other capitals", (review("Approver-1"),), "approver-1"),
    (
        "with a comment after it",
        (review("approver-1"), review("approver-1", "commented", OLD, 3)),
        "approver-1",
    ),
    (
        "after changes were made",
        (review("approver-1", "changes", OLD, 0.5), review("approver-1")),
        "approver-1",
    ),
    (
        "given anew after a dismissal",
        (review("approver-1", "dismissed"), review("approver-1", hours=3)),
        "approver-1",
    ),
    ("on one's last day", (review("approver-3", hours=11.9),), "approver-3"),
    ("on one's first day", (review("approver-4", hours=12),), "approver-4"),
]


@pytest.mark.parametrize(
    ("reviews", "login"), [row[1:] for row in COUNTING], ids=[r[0] for r in COUNTING]
)
def test_what_is_an_approval(reviews: tuple[Review, ...], login: str) -> None:
    assert counted(judged(reviews=reviews)) == [login]
    assert judged(reviews=reviews).passes


def test_a_comment_is_no_approval() -> None:
    verdict = judged(reviews=(review("approver-1", "commented"),))
    assert counted(verdict) == []
    assert not verdict.passes


def test_whoever_had_a_hand_in_it_is_known_in_other_capitals() -> None:
    verdict = judged(author="approver-1", reviews=(review("APPROVER-1"),))
    assert "The approval of APPROVER-1 does not count: they opened it" in verdict.faults[0]


def test_approvals_stand_in_the_order_of_their_last_words() -> None:
    again = review("approver-1", hours=3)
    verdict = judged(reviews=(again, review("approver-1"), review("approver-2", hours=2.5)))
    assert counted(verdict) == ["approver-2", "approver-1"]
    assert verdict.approvals[1].at == at(3)


def test_an_approval_from_before_the_request_went_to_another_branch_does_not_count() -> None:
    verdict = judged(retargeted=at(2))
    assert "the request went to another branch then" in verdict.faults[0]
    assert judged(retargeted=at(1.9)).passes


# --- who made it is not known --------------------------------------------------------------------

UNKNOWN: list[tuple[str, dict[str, Any], str]] = [
    ("no push is told", {"pushes": ()}, "Nobody knows who pushed bbbbbbb"),
    ("the last push is not told", {"pushes": PUSHED[:1]}, "Nobody knows who pushed bbbbbbb"),
    (
        "another push after the head's is told",
        {"pushes": (*PUSHED, Push("requester-1", LATER, at(1.5)))},
        "Nobody knows who pushed bbbbbbb",
    ),
    (
        "a stranger pushed, perhaps the approver's second account",
        {"pushes": (PUSHED[0], Push("stranger-1", HEAD, at(1)))},
        "stranger-1 opened it or pushed to it, and policies/people.yaml of the base has nobody",
    ),
    ("a stranger opened it", {"author": "stranger-1"}, "stranger-1 opened it or pushed to it"),
    (
        "somebody pushed who is no more",
        {"pushes": (PUSHED[0], Push("approver-3", HEAD, at(20)))},
        "approver-3 opened it or pushed to it",
    ),
    (
        "a commit that the forge does not list",
        {"stated": (*STATED, Stated(LATER, "", ""))},
        "The forge does not tell who made ccccccc:",
    ),
    (
        "commits that end elsewhere",
        {"stated": STATED[:1]},
        "The head bbbbbbb is none of the commits that the request brings to main",
    ),
    ("no commits at all", {"stated": ()}, "The head bbbbbbb is none of the commits"),
]


@pytest.mark.parametrize(
    ("changed", "words"), [row[1:] for row in UNKNOWN], ids=[r[0] for r in UNKNOWN]
)
def test_what_is_not_known_fails_closed(changed: dict[str, Any], words: str) -> None:
    verdict = judged(**changed, reviews=(review("approver-1", hours=21),))
    assert counted(verdict) == ["approver-1"]
    assert len(verdict.faults) == 1
    assert words in verdict.faults[0]
    assert not verdict.passes


def test_what_is_pushed_after_the_merge_is_another_matter() -> None:
    pushes = (*PUSHED, Push("stranger-1", LATER, at(4)), Push("approver-1", LATER, at(5)))
    assert judged(pushes=pushes, merged=at(3)).passes


def test_a_path_that_people_cannot_read_is_refused() -> None:
    verdict = judged(paths=(FILE, "policies/opd/a\n.yaml"))
    assert verdict.faults == (
        "The path policies/opd/a<U+000A>.yaml has a character that cannot be seen: rename it.",
    )


def test_where_nobody_is_entered_nothing_passes() -> None:
    verdict = judged(judges=Judges({}, ZONE))
    assert not verdict.passes
    assert (
        "It needs an approval of somebody who had no hand in it: policies/people.yaml of the base "
        "has nobody. Enter the people of the office first." in verdict.faults
    )


def test_where_nobody_is_left_it_says_so() -> None:
    one = Judges({"approver-1": PEOPLE["approver-1"]}, ZONE)
    verdict = judged(judges=one, author="approver-1", pushes=(Push("approver-1", HEAD, at(1)),))
    assert "nobody can give it" in verdict.faults[-1]
    assert verdict.missing == (Missing(()),)
