"""A plan as a comment and as a job's summary: whole or cut, its page is sound and says so."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from komando.diagnostics import Diagnostic, Location, Related
from komando.plan import (
    COMMENT_LIMIT,
    SUMMARY_LIMIT,
    Change,
    Cut,
    Detail,
    FileChange,
    Finding,
    HostPlan,
    Plan,
    Setting,
    Shift,
    comment,
    markdown,
    summary,
)
from komando.plan.inert import _seen
from tests.cases.plan.cases import SETTING, plan_of
from tests.unit.rendered import Page
from tests.unit.test_inert import HOSTILE, spaced

HOURS = "in the hours of working-week (Mon-Thu 07:00-15:30)"
WHOLE = "The whole plan is in the summary of this job."


def changed(number: int, name: str = "Office {}") -> tuple[Change, ...]:
    """So many offices whose guarantee is raised."""
    return tuple(
        Change(
            "change",
            "opd",
            f"office-{index}",
            name.format(index),
            (
                Detail("guarantee", "20 Mbit/s", "25 Mbit/s", HOURS,
                       Location(f"policies/opd/office-{index}.yaml", 6, 12)),
                Detail("ceiling", "40 Mbit/s", "50 Mbit/s"),
            ),
        )
        for index in range(number)
    )  # fmt: skip


def host_with(changes: tuple[Change, ...] = (), **more: object) -> HostPlan:
    host = HostPlan(
        "core-1", "change", "0" * 64, "1" * 64, "", changes,
        follows=(Shift("out of hours", "working-week", "10 Mbit/s", "12 Mbit/s"),),
        files=tuple(FileChange(f"etc/komando/{index}", "change", 9, 9, f"-```{index}\n" * 99)
                    for index in range(30)),
    )  # fmt: skip
    return replace(host, **more)  # type: ignore[arg-type]


def findings(number: int) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            "offices-cut", f"core-{index}", "20 Mbit/s", "5 Mbit/s", f"@office-{index} is cut",
            "change less at once", acknowledgeable=True, touches=("Office: 20 -> 5 Mbit/s",) * 7,
            slug=f"cut-{index}", skeleton="finding: offices-cut\nreason: ```\n",
        )
        for index in range(number)
    )  # fmt: skip


def sound(text: str, limit: int, setting: Setting = SETTING) -> Page:
    """The page of a text that is within its limit, closed and inert."""
    assert len(text.encode()) <= limit
    page = Page(text)
    assert page.unbalanced == []
    assert page.interpreted() == []
    assert page.elements["details"] == page.elements["summary"]
    assert page.elements["img"] == 0
    assert all(to.startswith("https://forge.example/kotim/policies/") for to in page.addresses)
    lines = text.splitlines()
    assert lines[0] == setting.mark
    assert lines[1].startswith("### ")
    (closing,) = re.findall(r"<p>((?:Left out here|The whole plan).*)</p>\n$", page.html)
    assert setting.whole in closing, "the last line stands on its own, in no fold or fence"
    return page


@pytest.mark.parametrize("number", [500, pytest.param(5_000, marks=pytest.mark.nightly)])
def test_many_changed_offices_are_cut_at_a_row_and_counted(number: int) -> None:
    plan = Plan((host_with(changed(number)),))
    page = sound(comment(plan, SETTING), COMMENT_LIMIT)
    assert f"production: {number} offices change on core-1" in page.text
    names = [row[0] for row in page.rows if row[0].startswith("Office ")]
    (more,) = re.findall(r"\.\.\. and (\d+) more offices", page.text)
    assert len(names) + int(more) == number
    assert len(names) > 100, "there is room for more than a few"
    rows = iter(row for row in page.rows if row[1].startswith(("guarantee", "ceiling")))
    assert [next(rows)[1:4:2] + next(rows)[1:4:2] for _ in names] == [
        ["guarantee¹", "25 Mbit/s", "ceiling", "50 Mbit/s"]
    ] * len(names)
    assert "¹ in the hours of working-week" in page.text
    assert "What follows for the pools" in page.text


@pytest.mark.parametrize("limit", [1_500, 3_000, 10_000, 30_000, 100_000])
@pytest.mark.parametrize("write", [comment, summary])
def test_any_limit_is_kept(write: object, limit: int) -> None:
    plan = Plan((host_with(changed(500)),), notes=("a note",), findings=findings(100))
    sound(write(plan, SETTING, limit), limit)  # type: ignore[operator]


@settings(max_examples=30, deadline=None)
@given(limit=st.integers(1_000, 30_000))
def test_wherever_it_is_cut_the_page_is_sound(limit: int) -> None:
    plan = Plan((host_with(changed(60)),), notes=("a note",), findings=findings(9))
    sound(comment(plan, SETTING, limit), limit)


def test_a_limit_without_room_for_a_headline_is_an_error() -> None:
    with pytest.raises(ValueError, match="100 bytes are too few"):
        comment(plan_of("guarantee-raised"), SETTING, 100)


def test_hostile_names_of_any_length_are_shown_in_their_cell() -> None:
    names = [name for name in (spaced(_seen(text)) for text in HOSTILE) if name]
    texts = [text for text in HOSTILE if spaced(_seen(text))]
    changes = tuple(
        replace(one, name=name) for one, name in zip(changed(len(texts)), texts, strict=True)
    )
    page = sound(comment(Plan((host_with(changes),)), SETTING), COMMENT_LIMIT)
    shown = [spaced(row[0]) for row in page.rows if row[1:2] == ["guarantee¹"]]
    assert sorted(shown) == sorted(names)


@pytest.mark.parametrize("mark", ["`", "\u202e", "@", "|", "$a$ "])
def test_names_as_long_as_can_be_leave_room_for_the_others(mark: str) -> None:
    longest = (mark * 120)[:120]
    for changes in (changed(200, f"{longest}{{}}"), changed(200, mark * 50_000)):
        plan = Plan((host_with(changes),), findings=findings(2))
        page = sound(comment(plan, SETTING), COMMENT_LIMIT)
        assert sum(row[1:2] == ["guarantee¹"] for row in page.rows) > 5


def test_a_hundred_findings_leave_half_of_the_comment() -> None:
    plan = Plan((host_with(changed(500)),), findings=findings(100))
    page = sound(comment(plan, SETTING), COMMENT_LIMIT)
    assert "🛑 production: 500 offices change on core-1; 100 findings stop an apply" in page.text
    assert re.search(r"\.\.\. and \d+ more findings", page.text)
    assert re.search(r"\.\.\. and \d+ more offices", page.text)


def test_what_weighs_most_comes_first() -> None:
    raised, network, new, halved, tenth, gone = changed(6, "{} office")
    changes = (
        raised,
        replace(network, kind="uplink", name="uplink main"),
        replace(new, action="add", name="A new one"),
        halved,
        tenth,
        replace(gone, action="remove"),
    )
    cuts = tuple(
        Cut("guarantee", "opd", one.slug, one.name, "20 Mbit/s", "25 Mbit/s", left)
        for one, left in ((halved, 5_000), (tenth, 1_000))
    )
    page = sound(comment(Plan((host_with(changes, cuts=cuts),)), SETTING), COMMENT_LIMIT)
    rows = [row for row in page.rows if len(row) == 5 and row[0]][1:]
    assert [row[0] for row in rows] == [
        "5 office (office-5)", "4 office", "3 office", "uplink main", "0 office", "A new one",
    ]  # fmt: skip
    assert [row[3] for row in rows[1:3]] == ["25 Mbit/s (-90 %)", "25 Mbit/s (-50 %)"]
    assert rows[5][1:4] == ["added", "-", "guarantee 25 Mbit/s¹; ceiling 50 Mbit/s"]


def test_a_line_is_a_link_where_there_is_an_address_and_code_where_there_is_none() -> None:
    plan = plan_of("guarantee-raised")
    page = sound(comment(plan, SETTING), COMMENT_LIMIT)
    assert f"{SETTING.base}/policies/opd/dinas-kesehatan.yaml#L6" in page.addresses
    text = comment(plan, replace(SETTING, base=""))
    assert "| `policies/opd/dinas-kesehatan.yaml:6` |" in text


def test_several_routers_have_a_column_of_their_own() -> None:
    one, two = changed(2)
    hosts = (host_with((one,)), host_with((two,), host="core-2"),
             HostPlan("core-3", "same", "2" * 64, "2" * 64, "nothing changes"))  # fmt: skip
    page = sound(comment(Plan(hosts), SETTING), COMMENT_LIMIT)
    assert "production: 2 offices change on core-1 and core-2" in page.text
    assert [row[:2] for row in page.rows if "Office 1" in row] == [["core-2", "Office 1"]]
    assert "unchanged: core-3" in page.text


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("comment-alone", "production: Nothing changes"),
        ("guarantee-raised", "production: 1 office changes on core-1"),
        ("office-added", "production: 1 office is added on core-1"),
        ("first-generation", "production: core-1: it runs nothing yet: 3 offices and 2 public"),
        ("unread", "🛑 production: core-1: what it runs is not known, so the whole bundle is"),
        ("offices-removed-acknowledged", "on core-1; 1 finding accepted"),
        ("machine-without-policy", "; 1 finding stops an apply"),
        ("holiday-added", "changes on 1 day on core-1"),
    ],
)
def test_the_headline_says_what_would_happen(case: str, words: str) -> None:
    plan = plan_of(case)
    for text, limit in (
        (comment(plan, SETTING), COMMENT_LIMIT),
        (summary(plan, SETTING), SUMMARY_LIMIT),
    ):
        sound(text, limit)
        assert words in text.splitlines()[1]


def test_errors_of_the_policies_take_the_place_of_a_plan() -> None:
    at = Location("policies/opd/dinas-kesehatan.yaml", 13, 12)
    error = Diagnostic("guarantee-above-ceiling", "error", "a guarantee above its ceiling",
                       "90 Mbit/s of @admin", "at most 80 Mbit/s", "raise the ceiling", at,
                       (Related("the ceiling", at._replace(line=15)),))  # fmt: skip
    warned = replace(error, severity="warning", id="calendar-ends")
    setting = replace(SETTING, diagnostics=(warned, error))
    for plan in (None, plan_of("guarantee-raised")):
        for write in (comment, summary):
            text = write(plan, setting)
            page = sound(text, COMMENT_LIMIT, setting)
            assert text.splitlines()[1] == "### 🛑 production: No plan: 1 error in the policies"
            assert "Mbit/s ->" not in text
            assert "dinas-kesehatan.yaml:13 guarantee-above-ceiling: a guarantee" in page.text
            assert page.text.index("1 error") < page.text.index("1 warning in the policies")
    many = replace(setting, diagnostics=tuple(
        replace(error, location=at._replace(line=line)) for line in range(5_000)))  # fmt: skip
    page = sound(comment(None, many), COMMENT_LIMIT, many)
    assert re.search(r"\.\.\. and \d+ more errors", page.text)


@pytest.mark.parametrize("text", ["a:tada", "@admin", "#12", "a](b)", "*a*", "<b>", "x" * 2_000])
def test_what_the_caller_says_is_inert_too(text: str) -> None:
    setting = replace(SETTING, title=text, notes=(text,), whole=text)
    said = comment(plan_of("guarantee-raised"), setting)
    page = Page(said)
    assert page.interpreted() == []
    assert page.elements["em"] + page.elements["b"] == 0
    assert page.text.count(text[:300]) >= 3
    assert len(said.splitlines()[1]) < 1_000


def test_a_warning_stands_above_the_plan() -> None:
    warned = Diagnostic("calendar-ends", "warning", "a calendar ends", "2027", "2028", "go on",
                        Location("policies/region.yaml", 1, 1))  # fmt: skip
    setting = replace(SETTING, diagnostics=(warned,))
    page = sound(comment(plan_of("guarantee-raised"), setting), COMMENT_LIMIT, setting)
    assert page.text.index("1 warning") < page.text.index("25 Mbit/s")


def test_the_summary_is_the_whole_plan_until_it_is_too_long() -> None:
    plan = plan_of("offices-cut")
    below = markdown(plan).split("\n", 1)[1]
    assert below.strip() in summary(plan, SETTING)
    many = Plan((host_with(changed(5_000)),))
    page = sound(summary(many, SETTING), SUMMARY_LIMIT)
    assert re.search(r"\.\.\. and \d+ more changes", page.text)
