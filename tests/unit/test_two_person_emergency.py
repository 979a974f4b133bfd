"""The emergency label: who may set it, and that somebody looks afterwards."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from komando.forge.model import Label, Push
from tests.unit.proposed import (
    HEAD,
    REQUEST,
    at,
    counted,
    judged,
    review,
)


def emergency(by: str | None, hours: float | None = 2) -> Label:
    return Label("emergency", by, None if hours is None else at(hours))


def test_an_emergency_passes_and_is_reported_until_somebody_has_looked() -> None:
    label = emergency("approver-1")
    verdict = judged(reviews=(), labels=(label,))
    assert verdict.passes
    assert not verdict.holds
    assert verdict.emergency == label
    assert verdict.missing
    later = judged(labels=(label,), merged=at(3), reviews=(review("approver-2", hours=24),))
    assert later.holds
    assert later.emergency is None
    late = judged(labels=(label,), merged=at(3), reviews=(review("requester-2", hours=24),))
    assert late.emergency == label


def test_an_approver_may_let_their_own_request_through_alone() -> None:
    own = replace(REQUEST, author="approver-1", pushes=(Push("approver-1", HEAD, at(1)),))
    verdict = judged(own, labels=(emergency("Approver-1"),))
    assert verdict.emergency is not None
    assert counted(verdict) == []


def test_whoever_set_it_may_still_push() -> None:
    own = replace(REQUEST, author="approver-1", pushes=(Push("approver-1", HEAD, at(1)),))
    assert judged(own, labels=(emergency("approver-1", 0.5),)).emergency is not None


ALARMS: list[tuple[str, dict[str, Any], str]] = [
    ("by a requester", {"labels": (emergency("requester-1"),)}, "requester-1, who set it, is no"),
    ("by a stranger", {"labels": (emergency("stranger-1"),)}, "stranger-1, who set it, is no"),
    ("by nobody knows whom", {"labels": (emergency(None),)}, "the forge does not tell who set it"),
    ("nobody knows when", {"labels": (emergency("approver-1", None),)}, "the forge does not tell"),
    ("after one's time", {"labels": (emergency("approver-3", 12),)}, "approver-3, who set it, is"),
    (
        "before somebody else pushed",
        {"labels": (emergency("approver-1", 0.5),)},
        "requester-1 pushed to the branch after approver-1 had set it",
    ),
    (
        "where nobody knows who pushed",
        {"labels": (emergency("approver-1"),), "pushes": ()},
        "nobody knows who pushed bbbbbbb",
    ),
    (
        "before it went to another branch",
        {"labels": (emergency("approver-1"),), "retargeted": at(2.5)},
        "the request went to another branch then",
    ),
]


@pytest.mark.parametrize(
    ("changed", "words"), [row[1:] for row in ALARMS], ids=[r[0] for r in ALARMS]
)
def test_a_label_that_lets_nothing_through(changed: dict[str, Any], words: str) -> None:
    verdict = judged(reviews=(), **changed)
    assert words in verdict.faults[-1]
    assert not verdict.passes


def test_a_label_of_another_name_is_none() -> None:
    assert not judged(reviews=(), labels=(Label("Emergency!", "approver-1", at(2)),)).passes


def test_a_label_that_is_not_needed_is_not_reported() -> None:
    assert judged(labels=(emergency("approver-1"),)).emergency is None


@pytest.mark.parametrize(
    "path",
    [
        "policies/people.yaml",
        "policies/OWNERS",
        "policies/acknowledgements/x.yaml",
        ".github/CODEOWNERS",
        "src/komando/x.py",
    ],
)
def test_an_emergency_is_for_what_offices_get_alone(path: str) -> None:
    verdict = judged(paths=(path,), reviews=(), labels=(emergency("approver-1"),))
    assert not verdict.passes
    assert f"{path} is no policy of an office" in verdict.faults[-1]


def test_a_push_in_the_second_of_the_label_is_not_what_was_seen() -> None:
    verdict = judged(labels=(emergency("approver-2", 1),), reviews=())
    assert not verdict.passes
