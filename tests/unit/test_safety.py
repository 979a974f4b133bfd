"""What stops an apply: the limits of what a plan may take, and how it is told."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from komando import generation
from komando.bundle import Bundle
from komando.generation import RunningGeneration
from komando.intent import read_intent
from komando.plan import (
    Cut,
    Plan,
    Reach,
    assess,
    markdown,
    to_json,
)
from komando.plan.cuts import compare_cuts
from komando.plan.wording import Wording
from komando.policy import ACKNOWLEDGEABLE, NEVER, Limit, Limits, load_policy
from komando.units import Pair, Percent, Rate
from tests.cases.plan.cases import TODAY, base_bundle, plan_of, text_of
from tests.unit.assessed import LIMITS, cuts, ids, nowhere, plan_with, reached

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("number", "of", "passed"),
    [(2, 3, True), (1, 3, False), (2, 40, False), (2, 39, True), (3, 48, True), (0, 0, False)],
)
def test_a_limit_wants_the_share_and_the_number_passed(
    number: int, of: int, *, passed: bool
) -> None:
    assert Limit(share=Percent(500), count=2).passed(number, of) is passed
    assert ids(plan_with(of, *cuts(number))) == (["offices-removed"] if passed else [])


def test_less_than_half_of_a_guarantee_is_a_cut_and_half_of_it_is_not() -> None:
    assert ids(plan_with(12, *cuts(3, "guarantee", 4_999))) == ["offices-cut"]
    assert ids(plan_with(12, *cuts(3, "guarantee", 5_000))) == []
    assert ids(plan_with(12, *cuts(3, "floor", 0))) == []
    assert ids(plan_with(12, *cuts(3, "networks"))) == ["offices-cut"]


@pytest.mark.parametrize("what", ["guarantee", "floor", "ceiling", "mode"])
def test_any_rate_that_falls_counts_among_the_lowered(what: str) -> None:
    assert ids(plan_with(12, *cuts(5, what, 9_999))) == ["rates-lowered"]
    assert ids(plan_with(12, *cuts(4, what, 9_999))) == []
    assert ids(plan_with(20, *cuts(5, what, 9_999))) == [], "a quarter is not more than a quarter"


def test_an_office_with_three_rates_is_one_office() -> None:
    same = [replace(cut, slug="office-0") for cut in cuts(9, "ceiling", 5_000)]
    assert ids(plan_with(12, *same)) == []


def test_the_public_is_cut_by_its_pool_and_by_its_points() -> None:
    pool = Cut("pool", "public", "closed", "the public's pool", "100 Mbit/s", "75 Mbit/s", 7_500)
    point = Cut("connection", "hotspot", "park", "Park", "10.30.1.0/24", None, 0)
    assert ids(plan_with(3, pool)) == []
    assert ids(plan_with(3, replace(pool, left=7_499))) == ["public-cut"]
    assert ids(plan_with(3, point, points=4)) == []
    assert ids(plan_with(3, point, points=3)) == ["public-cut"]


def test_a_pool_without_points_is_nobodys_to_lose() -> None:
    (host,) = plan_of("public-cut").hosts
    assert [cut.what for cut in host.cuts if cut.kind == "public"] == ["pool"]
    before = read_intent(base_bundle().text(generation.INTENT))
    alone = replace(before, leaves=tuple(leaf for leaf in before.leaves if leaf.kind == "opd"))
    small = {"public": Pair(Rate(10_000), Rate(10_000))}
    after = replace(
        alone,
        profiles=tuple(replace(item, pools=dict(item.pools) | small) for item in alone.profiles),
    )
    assert list(compare_cuts(Wording(alone, nowhere), Wording(after, nowhere))) == []


def test_the_region_sets_its_own_limits() -> None:
    strict = Limits(removed=Limit(share=Percent(1), count=1))
    assert ids(plan_with(48, *cuts(1)), strict) == ["offices-removed"]
    assert ids(plan_with(48, *cuts(1))) == []


def test_the_written_limits_of_the_region_are_the_defaults() -> None:
    loaded = load_policy(ROOT / "policies")
    assert loaded.policy is not None
    assert loaded.policy.region.limits == LIMITS


def test_of_many_offices_six_are_named_and_all_are_pinned() -> None:
    (first,) = assess(plan_with(48, *cuts(9)), LIMITS, {}, TODAY)
    assert first.touches[-1] == "and 3 more"
    assert len(first.touches) == 7
    assert first.after.startswith("without office-0, office-1, ")
    assert " and 3 more (all: " in first.after
    others = (*cuts(8), replace(cuts(9)[8], slug="another"))
    (second,) = assess(plan_with(48, *others), LIMITS, {}, TODAY)
    assert first.after != second.after, "what is not named is pinned, too"


# --- what a case cannot show ----------------------------------------------------------------------


def test_rates_of_a_lab_are_compared_as_the_policy_states_them() -> None:
    assert [one.id for one in plan_of("offices-cut", divisor=10).findings] == [
        "offices-cut",
        "rates-lowered",
    ]
    here, lab = (plan_of("offices-cut", divisor=divisor).findings[0] for divisor in (1, 10))
    assert (here.before, here.after) == (lab.before, lab.after), "one acknowledgement for both"
    losses = [
        [cut.left for cut in plan_of("offices-cut", divisor=by).hosts[0].cuts] for by in (1, 10)
    ]
    assert losses[0] == losses[1] == [7_500, 4_000]


def test_a_first_generation_and_a_repair_need_nobody() -> None:
    wanted = base_bundle()
    assert reached(wanted, RunningGeneration("core-1", asked_from="192.0.2.2")) == ()
    broken = RunningGeneration("core-1", wanted.digest, kernel="missing: x", asked_from="192.0.2.2")
    assert reached(wanted, broken) == ()


def test_what_another_version_made_is_unread() -> None:
    wanted = base_bundle()
    old = Bundle("core-1", {**wanted.files, generation.INTENT: b"{}\n"})
    (finding,) = reached(wanted, RunningGeneration("core-1", old.digest, bundle=old))
    assert (finding.id, finding.acknowledgeable) == ("unread", True)
    assert (finding.before, finding.after) == (old.digest[:12], wanted.digest[:12])


# --- how it is told -------------------------------------------------------------------------------


def test_text_markdown_and_json_begin_with_the_findings() -> None:
    plan = plan_of("offices-removed")
    assert text_of(plan).startswith("1 finding: 1 stops an apply\n")
    assert "Findings stop `komando apply`: see above." in text_of(plan)
    lines = markdown(plan).splitlines()
    assert lines[2] == "**1 finding: 1 stops an apply**"
    assert '  before: "3 offices"' in lines, "ready to be copied"
    data = json.loads(to_json(plan))
    assert data["stops"] is True
    first, second, *_ = data["findings"][0]["skeleton"].splitlines()
    assert first.endswith("$schema=../../docs/schemas/acknowledgements.schema.json")
    assert second == "finding: offices-removed"
    assert json.loads(to_json(plan_of("offices-removed-acknowledged")))["stops"] is False


def test_a_name_cannot_become_markup_in_a_finding() -> None:
    odd = tuple(replace(cut, name="<img src=x> `c`") for cut in cuts(2))
    plan = plan_with(3, *odd)
    text = markdown(replace(plan, findings=assess(plan, LIMITS, {}, TODAY)))
    assert "<img" not in text.replace("\\<img", "")


def test_every_finding_has_a_page_that_says_what_why_and_how() -> None:
    pages = {path.stem for path in (ROOT / "docs/safety").glob("*.md")} - {"README"}
    assert pages == ACKNOWLEDGEABLE | NEVER
    listed = (ROOT / "docs/safety/README.md").read_text()
    for page in pages:
        text = (ROOT / f"docs/safety/{page}.md").read_text()
        assert text.startswith(f"# {page}\n\n")
        assert "\n**Remedy.** " in text
        assert ("Nobody can acknowledge it." in text) == (page in NEVER)
        assert listed.count(f"- [{page}]({page}.md): ") == 1


def test_the_findings_that_a_plan_makes_are_those_that_there_are() -> None:
    source = (ROOT / "src/komando/plan/safety.py").read_text()
    for name in ACKNOWLEDGEABLE | NEVER:
        assert f'"{name}"' in source


def test_the_reach_of_a_host_stands_in_the_plans_file() -> None:
    (host,) = plan_of("guarantee-raised").hosts
    assert host.reach == Reach("192.0.2.1", ("192.0.2.0/28",), "192.0.2.2", (), ())


def test_today_is_a_day_and_nothing_else_is_asked() -> None:
    assert assess(Plan(()), LIMITS, {}, date(2026, 1, 1)) == ()
