"""What a plan says beyond the cases: formats, labs, hosts that are odd, files that went stale."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from komando import generation
from komando.bundle import Bundle
from komando.generation import RunningGeneration, TakenBack
from komando.plan import (
    Change,
    HostPlan,
    Plan,
    StalePlanError,
    hold_to,
    make_plan,
    markdown,
    promised,
    to_json,
)
from tests.cases.plan.cases import HOST, MOMENT, base_bundle, plan_of, text_of
from tests.unit.assessed import nowhere


def planned(wanted: Bundle, running: RunningGeneration) -> HostPlan:
    (host,) = make_plan({"core-1": wanted}, {"core-1": running}, nowhere, MOMENT).hosts
    return host


def test_a_diff_shows_the_class_line_before_and_after() -> None:
    lines = text_of(plan_of("guarantee-raised"), diff=True).splitlines()
    (before,) = (line for line in lines if line.startswith("  -class add dev ifb0"))
    (after,) = (line for line in lines if line.startswith("  +class add dev ifb0"))
    assert " classid 1:414 " in before
    assert " classid 1:414 " in after
    assert not any("intent.json" in line for line in lines if line.startswith("  ---"))


def test_a_lab_states_the_rates_of_the_policy_and_its_divisor() -> None:
    plan = plan_of("guarantee-raised", divisor=5)
    text = text_of(plan)
    assert "20 Mbit/s -> 25 Mbit/s" in text
    assert "each is divided by 5" in text


def test_markdown_names_office_rates_and_line() -> None:
    text = markdown(plan_of("guarantee-raised"))
    assert "**Dinas Kesehatan (dinas-kesehatan)** changes" in text
    assert "guarantee: 20 Mbit/s -> 25 Mbit/s" in text
    assert "(`policies/opd/dinas-kesehatan.yaml:6:12`)" in text
    assert "```diff" in text
    assert "```diff" not in markdown(plan_of("guarantee-raised"), diff=False)


def test_a_name_cannot_become_markup_in_a_comment() -> None:
    change = Change("remove", "opd", "x", "<img src=x> [a](b) `c`", ())
    plan = Plan((HostPlan("core-1", "change", "0" * 64, "1" * 64, "", (change,)),))
    (line,) = (line for line in markdown(plan).splitlines() if "img" in line)
    assert line == "- **\\<img src=x> \\[a\\](b) \\`c\\` (x)** removed"


def test_json_tells_places_and_whether_anything_changes() -> None:
    data = json.loads(to_json(plan_of("guarantee-raised")))
    assert data["changes"] is True
    (change,) = data["hosts"][0]["changes"]
    assert change["slug"] == "dinas-kesehatan"
    (detail,) = change["details"]
    assert (detail["before"], detail["after"]) == ("20 Mbit/s", "25 Mbit/s")
    assert detail["location"] == "policies/opd/dinas-kesehatan.yaml:6:12"
    assert json.loads(to_json(plan_of("comment-alone")))["changes"] is False


def test_a_kernel_that_lost_something_is_a_repair() -> None:
    wanted = base_bundle()
    running = RunningGeneration("core-1", wanted.digest, kernel="missing: table inet shaper")
    host = planned(wanted, running)
    assert host.state == "repair"
    assert host.summary == "to be repaired; the host says: missing: table inet shaper"
    assert Plan((host,)).changes
    assert "first what core-1 misses is mended" in text_of(Plan((host,)))


def test_a_kernel_that_lost_something_is_told_with_a_change() -> None:
    plan = plan_of("guarantee-raised", kernel="missing: tree on ifb0: no root qdisc")
    (host,) = plan.hosts
    assert host.state == "change"
    for text in (text_of(plan), markdown(plan)):
        assert "says of what it runs now: missing: tree on ifb0: no root qdisc" in text
        assert (
            "first what core-1 misses is mended, where it must be by building a tree anew" in text
        )
        assert "no packet of another class is touched" not in text
    assert json.loads(to_json(plan))["hosts"][0]["kernel"] == host.kernel


def test_queues_that_are_only_pfifo_are_told() -> None:
    pfifo = base_bundle(replace(HOST, leaf="pfifo"))
    (note,) = planned(pfifo, RunningGeneration("core-1")).notes
    assert "core-1 queues with pfifo" in note
    assert planned(base_bundle(), RunningGeneration("core-1")).notes == ()


def test_what_another_version_made_is_compared_by_its_files() -> None:
    wanted = base_bundle()
    files = dict(wanted.files)
    files[generation.INTENT] = b"{}\n"
    old = Bundle("core-1", files)
    host = planned(wanted, RunningGeneration("core-1", old.digest, bundle=old))
    assert host.changes == ()
    assert [file.path for file in host.files] == [generation.INTENT]
    assert "made by another version" in host.notes[-1]


@pytest.mark.parametrize(("runs", "state"), [("files", "change"), ("no files", "unread"),
                                              ("nothing", "first")])  # fmt: skip
def test_a_way_back_to_what_another_version_made_is_told_by_its_files(
    runs: str, state: str
) -> None:
    now = base_bundle()
    old = Bundle("core-1", {**now.files, generation.INTENT: b"{}\n"})
    running = RunningGeneration("core-1", None if runs == "nothing" else now.digest)
    if runs == "files":
        running = replace(running, bundle=now)
    host = planned(old, running)
    assert (host.state, host.after, host.compared) == (state, old.digest, False)
    assert "made by another version" in host.notes[-1]
    assert len(host.files) == (1 if runs == "files" else len(old.files))
    for form in (text_of(Plan((host,))), markdown(Plan((host,)))):
        assert "what another version made: " in form


def test_without_the_files_that_run_the_whole_bundle_is_the_change() -> None:
    wanted = base_bundle()
    running = {"core-1": RunningGeneration("core-1", "0" * 64)}
    why = "generation 0000 is damaged on disk: its files differ"
    plan = make_plan({"core-1": wanted}, running, nowhere, MOMENT, (), {"core-1": why})
    (host,) = plan.hosts
    assert (host.state, host.before, host.after) == ("unread", "0" * 64, wanted.digest)
    assert len(host.files) == len(wanted.files)
    text = text_of(plan)
    assert "so the whole bundle is the change: 3 offices and 2 public points" in text
    assert "it cannot be told, as what runs there is not known" in text
    assert f"      {len(wanted.files)} files; `komando render` shows them" in text
    for form in (text, markdown(plan), to_json(plan)):
        assert f"core-1 gave no files: {why}" in form


def test_the_rehearsed_clock_of_a_host_decides_what_traffic_notices() -> None:
    wanted = base_bundle()
    night = f"{generation.PROFILES}/closed.down.tc"
    other = wanted.text(night).replace("rate 20000000bit", "rate 19000000bit")
    old = Bundle("core-1", {**wanted.files, night: other.encode()})
    assert old.digest != wanted.digest
    by_day = RunningGeneration("core-1", old.digest, "working-week", bundle=old)
    by_night = replace(by_day, profile="closed", clock="2026-11-24T15:00:00+00:00")
    assert [item.touched for item in planned(wanted, by_day).traffic] == [0, 0]
    assert [item.touched for item in planned(wanted, by_night).traffic] == [1, 0]


def test_an_interface_that_moves_is_told_in_every_format() -> None:
    plan = plan_of("segment-moved")
    for text in (text_of(plan), markdown(plan)):
        assert "segment metro moves from lan0 to lan9, with 2 addresses and 6 routes" in text
        assert "no packet of another class is touched" not in text
    (move,) = json.loads(to_json(plan))["hosts"][0]["moves"]
    assert (move["name"], move["before"], move["after"]) == ("segment metro", "lan0", "lan9")


def test_interfaces_that_cannot_be_read_are_no_end_of_the_plan() -> None:
    wanted = base_bundle()
    old = Bundle("core-1", {**wanted.files, generation.ROUTER: b"[]"})
    host = planned(wanted, RunningGeneration("core-1", old.digest, bundle=old))
    assert (host.moves, host.traffic) == ((), ())
    assert "what traffic will notice could not be told" in host.notes[-1]


@pytest.mark.parametrize("state", ["same", "change", "first", "unread"])
def test_a_change_that_the_host_took_back_is_told_whatever_changes(state: str) -> None:
    wanted, old = base_bundle(), base_bundle(replace(HOST, leaf="pfifo"))
    digest = {"same": wanted.digest, "first": None}.get(state, old.digest)
    reverted = TakenBack("c" * 64, 7, "nobody confirmed it in time", "2026-11-24T08:00:07Z")
    running = RunningGeneration("core-1", digest, taken_back=reverted)
    if state == "change":
        running = replace(running, bundle=old)
    plan = make_plan({"core-1": wanted}, {"core-1": running}, nowhere, MOMENT)
    assert plan.hosts[0].state == state
    words = (
        "core-1: its last change cccccccccccc was taken back at 2026-11-24T08:00:07Z: nobody "
        "confirmed it in time"
    )
    for form in (text_of(plan), markdown(plan).replace("`", ""), to_json(plan)):
        assert words in form
        assert "it is asked for again" not in form
    again = replace(running, taken_back=replace(reverted, generation=wanted.digest))
    assert any(note.endswith("; it is asked for again") for note in planned(wanted, again).notes)
    gone = planned(wanted, replace(running, taken_back=None)).notes
    assert not any("taken back" in note for note in gone)


@pytest.mark.parametrize("runs", ["same", "other", "nothing", "unread"])
def test_a_rehearsed_clock_is_told_whatever_changes(runs: str) -> None:
    wanted, old = base_bundle(), base_bundle(replace(HOST, leaf="pfifo"))
    digest = {"same": wanted.digest, "nothing": None}.get(runs, old.digest)
    running = RunningGeneration("core-1", digest, "closed", clock="2026-12-25T03:00:00Z")
    if runs == "other":
        running = replace(running, bundle=old)
    plan = make_plan({"core-1": wanted}, {"core-1": running}, nowhere, MOMENT)
    for form in (text_of(plan), markdown(plan), to_json(plan)):
        assert "core-1 lives at a rehearsed moment, 2026-12-25T03:00:00Z" in form
    told = planned(wanted, replace(running, clock=None)).notes
    assert not any("rehearsed" in note for note in told)


def test_a_plan_file_holds_as_long_as_nothing_else_changed(tmp_path: Path) -> None:
    plan = plan_of("guarantee-raised")
    file = tmp_path / "plan.json"
    file.write_text(to_json(plan))
    hold_to(plan, promised(file))
    (host,) = plan.hosts
    before, after = (host.before or "")[:12], host.after[:12]
    for other, words in (
        (replace(host, before="0" * 64), f"core-1: it runs 000000000000, and ran {before}\n"),
        (replace(host, after="0" * 64), f"core-1: it shall run 000000000000, and not {after}\n"),
        (
            replace(host, state="unread"),
            "core-1: it is in another state (unread, and not change)\n",
        ),
    ):
        with pytest.raises(StalePlanError, match=re.escape(words)):
            hold_to(Plan((other,)), promised(file))
    with pytest.raises(StalePlanError, match="core-1: it is only in the plan that was made"):
        hold_to(Plan(()), promised(file))


def test_all_that_moved_is_told_at_once_host_by_host(tmp_path: Path) -> None:
    (host,) = plan_of("guarantee-raised").hosts
    file = tmp_path / "plan.json"
    file.write_text(to_json(Plan((host, replace(host, host="core-2")))))
    now = Plan((replace(host, before="0" * 64), replace(host, host="core-3")))
    with pytest.raises(StalePlanError) as caught:
        hold_to(now, promised(file))
    assert str(caught.value).splitlines() == [
        "this is not what was planned any more, and no host was changed:",
        f"  core-1: it runs 000000000000, and ran {(host.before or '')[:12]}",
        "  core-2: it is only in the plan that was made",
        "  core-3: the plan does not name it",
        "Plan again, and have that looked at.",
    ]


def test_a_plan_file_holds_to_its_findings_and_who_accepted_them(tmp_path: Path) -> None:
    accepted, open_ = (plan_of(f"offices-removed{end}").findings for end in ("-acknowledged", ""))
    (host,) = plan_of("offices-removed").hosts
    file = tmp_path / "plan.json"
    file.write_text(to_json(Plan((host,), findings=accepted)))
    hold_to(Plan((host,), findings=accepted), promised(file))
    finding = (
        r"the finding offices-removed \(3 offices -> without dinas-kesehatan and dinas-sosial\)"
    )
    for findings, words in (
        (
            open_,
            f"core-1: {finding} was acknowledged by merged-into-rsud, and is acknowledged by no",
        ),
        ((), f"core-1: {finding} is gone"),
        (
            (*accepted, *plan_of("unread").findings),
            r"core-1: the finding unread \(\w+ -> \w+\) is new",
        ),
        (
            (*accepted, *plan_of("machine-without-policy").findings),
            "core-2: the plan does not name it",
        ),
    ):
        with pytest.raises(StalePlanError, match=words):
            hold_to(Plan((host,), findings=findings), promised(file))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no plan, for it is no JSON: Expecting value: line 1 column 1"),
        ("[" * 100_000, "is no plan, for it is no JSON: "),
        ("[]", "it is no JSON object"),
        ("{}", "it has no `format`"),
        ('{"format": 1, "hosts": []}', "its `format` is 1, and 2 is what can be read"),
        ('{"format": 2}', "it has no list `hosts`"),
        ('{"format": 2, "hosts": []}', "it has no list `findings`"),
        ('{"format": 2, "hosts": [{"host": "a", "before": null}]}', "host 1 of `hosts` has no"),
        (
            '{"format": 2, "hosts": [{"host": "a", "state": "none", "before": null, "after": 1}]}',
            "`after` of host",
        ),
        ('{"format": 2, "hosts": [], "findings": [7]}', "finding 1 of `findings` has no `id`"),
    ],
)
def test_what_is_no_plan_is_refused_by_what_it_lacks(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "plan.json"
    file.write_text(text)
    with pytest.raises(StalePlanError, match=re.escape(words)):
        promised(file)
