"""What an acknowledgement is good for, and what it is not."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from komando.plan import (
    Finding,
    Plan,
    assess,
    refusal,
)
from komando.policy import Acknowledgement, Limit, Limits, load_policy
from komando.units import Percent
from tests.cases.plan.cases import TODAY, plan_of, text_of
from tests.unit.assessed import LIMITS, cuts, plan_with

ROOT = Path(__file__).parents[2]


def acknowledgement(of: Finding, **other: object) -> Acknowledgement:
    said = {
        "slug": "x",
        "finding": of.id,
        "host": of.host,
        "before": of.before,
        "after": of.after,
        "reason": "It was decided by those who may decide it.",
        "requested": {"by": "Head of networks", "date": TODAY},
        "until": TODAY + timedelta(days=7),
    }
    return Acknowledgement.model_validate(said | other)


def test_it_counts_from_its_first_day_to_its_last() -> None:
    plan = plan_with(3, *cuts(2))
    (finding,) = assess(plan, LIMITS, {}, TODAY)
    known = {"x": acknowledgement(finding)}
    for days, by, words in (
        (-1, None, "x does not count: it counts from 2026-11-24 on"),
        (0, "x", ""),
        (7, "x", ""),
        (8, None, "x does not count: it ended on 2026-12-01"),
    ):
        (found,) = assess(plan, LIMITS, known, TODAY + timedelta(days=days))
        assert found.acknowledged_by == by
        assert found.unmet == ((words,) if words else ())


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("before", "4 offices", "its `before` is `4 offices`, and here it is `3 offices`"),
        ("after", "without a", "its `after` is `without a`, and here it is `without office-0 and"),
    ],
)
def test_it_is_good_for_its_exact_words_alone(key: str, value: str, words: str) -> None:
    plan = plan_with(3, *cuts(2))
    (finding,) = assess(plan, LIMITS, {}, TODAY)
    (found,) = assess(plan, LIMITS, {"x": acknowledgement(finding, **{key: value})}, TODAY)
    assert found.stops
    assert words in found.unmet[0]


def test_one_of_another_host_or_finding_is_not_spoken_of() -> None:
    plan = plan_with(3, *cuts(2))
    (finding,) = assess(plan, LIMITS, {}, TODAY)
    for other in ({"host": "core-2"}, {"finding": "offices-cut"}):
        (found,) = assess(plan, LIMITS, {"x": acknowledgement(finding, **other)}, TODAY)
        assert (found.stops, found.unmet) == (True, ())


def test_each_finding_wants_its_own() -> None:
    plan = plan_of("offices-cut")
    first, second = plan.findings
    found = assess(plan, LIMITS_OF_THE_CASE, {"x": acknowledgement(first)}, TODAY)
    assert [one.acknowledged_by for one in found] == ["x", None]
    whole = replace(plan, findings=found)
    assert text_of(whole).startswith("2 findings: 1 acknowledged, 1 stops an apply\n")
    assert second.id in refusal(whole)
    assert first.id not in refusal(whole)


LIMITS_OF_THE_CASE = Limits(
    cut=Limit(share=Percent(1000), count=1), lowered=Limit(share=Percent(1000), count=2)
)


def test_a_skeleton_is_good_once_a_person_has_filled_it_in(tmp_path: Path) -> None:
    for case in ("offices-removed", "offices-cut", "public-cut", "unread", "uplink-moved"):
        for finding in plan_of(case).findings:
            policies = tmp_path / case / finding.id
            accepted = policies / "acknowledgements"
            shutil.copytree(ROOT / "tests/cases/plan/base", policies)
            accepted.mkdir()
            file = accepted / f"{finding.slug}.yaml"
            file.write_text(finding.skeleton)
            assert load_policy(policies).policy is None, "nobody has said why"
            text = finding.skeleton.replace("reason: ", "reason: It was decided long ago.")
            file.write_text(text.replace("  by: ", "  by: Head of networks"))
            policy = load_policy(policies, TODAY).policy
            assert policy is not None
            limits = LIMITS_OF_THE_CASE if case == "offices-cut" else LIMITS
            found = assess(plan_of(case), limits, policy.acknowledgements, TODAY)
            assert finding.slug in {one.acknowledged_by for one in found}


def test_a_skeletons_name_is_a_short_name_however_long_the_hosts() -> None:
    plan = plan_with(3, *cuts(2))
    host = replace(plan.hosts[0], host="h" * 60)
    (finding,) = assess(Plan((host,)), LIMITS, {}, TODAY)
    assert len(finding.slug) == 60
    (again,) = assess(
        Plan((host,)), LIMITS, {finding.slug: acknowledgement(finding, after="another")}, TODAY
    )
    assert again.slug != finding.slug


def test_nothing_can_be_acknowledged_that_nobody_may_accept() -> None:
    (finding,) = plan_of("machine-without-policy").findings
    forged = {"x": acknowledgement(finding)}
    plan = plan_of("machine-without-policy")
    (still,) = assess(plan, LIMITS, forged, TODAY)
    assert still.stops
    assert not still.skeleton
    assert "nobody can acknowledge it" in refusal(replace(plan, findings=(still,)))
