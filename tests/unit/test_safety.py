"""What stops an apply: limits, what nobody may accept, and what an acknowledgement is good for."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from komando import generation
from komando.bundle import Bundle
from komando.generation import RunningGeneration
from komando.intent import RouterIntent
from komando.inventory import Host
from komando.plan import (
    Cut,
    Finding,
    HostPlan,
    Plan,
    Reach,
    assess,
    make_plan,
    markdown,
    refusal,
    to_json,
)
from komando.plan.cuts import compare_cuts
from komando.plan.wording import Wording
from komando.policy import ACKNOWLEDGEABLE, NEVER, Acknowledgement, Limit, Limits, load_policy
from komando.units import Pair, Percent, Rate
from tests.cases.plan.cases import HOST, MOMENT, TODAY, base_bundle, plan_of, text_of
from tests.unit.test_plan import nowhere

ROOT = Path(__file__).parents[2]
LIMITS = Limits()


def cuts(number: int, what: str = "connection", left: int = 0) -> tuple[Cut, ...]:
    return tuple(
        Cut(what, "opd", f"office-{index}", f"Office {index}", "10 Mbit/s", "1 Mbit/s", left)  # type: ignore[arg-type]
        for index in range(number)
    )


def plan_with(offices: int, *lost: Cut, points: int = 0) -> Plan:
    host = HostPlan(
        "core-1", "change", "0" * 64, "1" * 64, "", offices=offices, points=points, cuts=lost
    )
    return Plan((host,))


def ids(plan: Plan, limits: Limits = LIMITS) -> list[str]:
    return [finding.id for finding in assess(plan, limits, {}, TODAY)]


def reached(
    wanted: Bundle, running: RunningGeneration, machine: Host = HOST
) -> tuple[Finding, ...]:
    plan = make_plan(
        {"core-1": wanted}, {"core-1": running}, nowhere, MOMENT, (), {}, {"core-1": machine}
    )
    return assess(plan, LIMITS, {}, TODAY)


# --- limits -------------------------------------------------------------------------------------


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
    before = RouterIntent.from_json(base_bundle().text(generation.INTENT))
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


# --- what a case cannot show --------------------------------------------------------------------


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


# --- what nobody may accept ---------------------------------------------------------------------


@pytest.mark.parametrize("asker", ["192.0.2.2", "::ffff:192.0.2.2", None])
def test_a_controller_within_the_management_networks_is_no_finding(asker: str | None) -> None:
    assert reached(base_bundle(), RunningGeneration("core-1", asked_from=asker)) == ()


@pytest.mark.parametrize("asker", ["192.0.2.17", "2001:db8::1", "fe80::1%eth0", "not an address"])
def test_a_controller_outside_of_them_would_be_cut_off(asker: str) -> None:
    (finding,) = reached(base_bundle(), RunningGeneration("core-1", asked_from=asker))
    assert (finding.id, finding.acknowledgeable) == ("management-path", False)
    assert asker in finding.message
    wanted = base_bundle()
    same = RunningGeneration("core-1", wanted.digest, asked_from=asker)
    assert reached(wanted, same) == (), "what is not touched cuts nobody off"
    repaired = replace(same, kernel="missing: table inet shaper")
    assert [one.id for one in reached(wanted, repaired)] == ["management-path"]


def machine(address: str) -> Host:
    network = ip_network(f"{address}/32")
    return replace(HOST, address=address, management=(network, ip_network("192.0.2.0/28")))


def test_a_network_of_an_office_may_not_hold_the_hosts_own_address() -> None:
    (finding,) = reached(base_bundle(), RunningGeneration("core-1"), machine("10.20.5.9"))
    assert finding.id == "management-path"
    assert finding.after == "route 10.20.5.0/24 via 172.20.1.5 on lan0"
    assert finding.touches == ("Dinas Kesehatan (dinas-kesehatan): 10.20.5.0/24",)


def test_nor_may_a_segment_or_the_uplink() -> None:
    for address, entry in (
        ("172.20.0.77", "address 172.20.0.1/22 on lan0"),
        ("198.51.100.1", "address 198.51.100.2/30 on wan0"),
    ):
        (finding,) = reached(base_bundle(), RunningGeneration("core-1"), machine(address))
        assert (finding.id, finding.after) == ("management-path", entry)


def test_a_way_that_stays_as_it_is_is_no_finding_and_one_that_goes_is() -> None:
    wanted, inside = base_bundle(), machine("10.20.5.9")
    before = Bundle("core-1", {**wanted.files, generation.SYSCTL: b"# another\n"})
    assert reached(wanted, RunningGeneration("core-1", before.digest, bundle=before), inside) == ()
    broken = RunningGeneration("core-1", wanted.digest, kernel="missing: x")
    assert reached(wanted, broken, inside) == (), "a repair changes no way"
    text = wanted.text(generation.NETWORK)
    (line,) = (line for line in text.splitlines() if "10.20.5.0/24" in line)
    without = {**wanted.files, generation.NETWORK: text.replace(f"{line}\n", "").encode()}
    running = RunningGeneration("core-1", wanted.digest, bundle=wanted)
    found = reached(Bundle("core-1", without), running, inside)
    (finding,) = (one for one in found if one.id == "management-path")
    assert finding.before == "route 10.20.5.0/24 via 172.20.1.5 on lan0"
    assert finding.after == "no network of policy"


def test_promises_above_the_uplink_are_seen_in_what_would_be_sent() -> None:
    wanted = base_bundle()
    data = json.loads(wanted.text(generation.INTENT))
    data["uplink"]["link"]["down"] = 60_000_000
    files = {**wanted.files, generation.INTENT: json.dumps(data).encode()}
    (finding,) = reached(Bundle("core-1", files), RunningGeneration("core-1"))
    assert (finding.id, finding.acknowledgeable) == ("guarantees-above-uplink", False)
    assert finding.after.startswith("download in working-week: 7")
    assert finding.after.endswith(" Mbit/s promised, 60 Mbit/s usable")


def test_nothing_can_be_acknowledged_that_nobody_may_accept() -> None:
    (finding,) = plan_of("machine-without-policy").findings
    forged = {"x": acknowledgement(finding)}
    plan = plan_of("machine-without-policy")
    (still,) = assess(plan, LIMITS, forged, TODAY)
    assert still.stops
    assert not still.skeleton
    assert "nobody can acknowledge it" in refusal(replace(plan, findings=(still,)))


# --- acknowledgements ---------------------------------------------------------------------------


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


# --- how it is told -----------------------------------------------------------------------------


def test_text_markdown_and_json_begin_with_the_findings() -> None:
    plan = plan_of("offices-removed")
    assert text_of(plan).startswith("1 finding: 1 stops an apply\n")
    assert "Findings stop `komando apply`: see above." in text_of(plan)
    lines = markdown(plan).splitlines()
    assert lines[2] == "**1 finding: 1 stops an apply**"
    assert '  before: "3 offices"' in lines, "ready to be copied"
    data = json.loads(to_json(plan))
    assert data["stops"] is True
    assert data["findings"][0]["skeleton"].startswith("finding: offices-removed\n")
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
