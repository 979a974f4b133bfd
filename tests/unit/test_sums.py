from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from komando.cli.check import examine
from komando.diagnostics import Diagnostic
from komando.intent import budgets
from komando.intent.compile import LONGEST_NAME, profile_names
from komando.intent.timeline import State
from komando.policy import load_policy
from tests.unit.edited import edit


def exceptions(root: Path, slug: str, *items: str) -> None:
    listed = "".join(f"  - {{{item}, reason: Ujian}}\n" for item in items)
    file = root / "opd" / f"{slug}.yaml"
    file.write_text(f"{file.read_text()}exceptions:\n{listed}")


def sums(root: Path) -> list[Diagnostic]:
    """Those of the download, in order."""
    _, found = examine(root, date(2026, 6, 1))
    return [one for one in found if one.id == "sums-uplink" and "download" in one.message]


def test_the_exception_that_adds_most_is_to_blame(policies: Path) -> None:
    day = "from: 2026-06-08, until: 2026-06-08"
    exceptions(policies, "bpbd", f"{day}, guarantee: 12 Mbit/s")
    exceptions(policies, "dinas-kesehatan", f"{day}, guarantee: 2 Mbit/s")
    exceptions(policies, "dinas-pendidikan", f"{day}, guarantee: 60 Mbit/s")
    (one,) = sums(policies)
    assert one.location.file.endswith("dinas-pendidikan.yaml")
    assert "from Mon 2026-06-08 07:00 WIB on" in one.message


def test_an_exception_is_not_to_blame_where_the_usual_is_too_much(policies: Path) -> None:
    edit(policies / "opd" / "bpbd.yaml", "guarantee: 10 Mbit/s", "guarantee: 40 Mbit/s")
    exceptions(
        policies, "dinas-kesehatan", "from: 2026-01-01, until: 2026-12-31, guarantee: 21 Mbit/s"
    )
    (one,) = sums(policies)
    assert one.location.file.endswith("region.yaml")
    assert "and in " in one.message


def test_an_exception_out_of_hours_is_counted_by_what_it_adds(policies: Path) -> None:
    edit(policies / "region.yaml", "out_of_hours: 40 Mbit/s", "out_of_hours: 60 Mbit/s")
    exceptions(
        policies,
        "dinas-kesehatan",
        "from: 2026-06-07, until: 2026-06-07, calendar: around-the-clock, guarantee: 30 Mbit/s",
    )
    exceptions(policies, "bpbd", "from: 2026-06-07, until: 2026-06-07, guarantee: 13 Mbit/s")
    (one,) = sums(policies)
    assert one.location.file.endswith("dinas-kesehatan.yaml")
    assert "by 22.05 Mbit/s from Sun 2026-06-07 00:00" in one.message


def test_the_places_that_are_told_are_bounded(
    policies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "MOST_CAUSES", 3)
    days = [f"2026-06-{day:02}" for day in (8, 9, 10, 11, 12)]
    exceptions(
        policies,
        "dinas-kesehatan",
        *(f"from: {day}, until: {day}, guarantee: 60 Mbit/s" for day in days),
    )
    found = sums(policies)
    assert [one.location.line for one in found] == [14, 15, 16]
    assert found[2].message.endswith("on (and by 2 more exceptions later on)")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("zone: Asia/Pontianak", "zone: Sampit"),
        ("capacity: 100 Mbit/s", "capacity: 100"),
        ("slot: 2", "slot: 0"),
        ("closed: 10 Mbit/s", "closed: 10"),
        ("in_hours: 20 Mbit/s, ", ""),
        ('fri: ["07:00-14:30"]', 'fri: ["14:30-07:00"]'),
        ("covers: {from: 2026", "covers: {from: 1026"),
        ("    router: core-1\n    description", "    router: core-2\n    description"),
    ],
)
def test_nothing_is_added_up_on_a_region_in_doubt(policies: Path, old: str, new: str) -> None:
    edit(policies / "opd" / "bpbd.yaml", "guarantee: 10 Mbit/s", "guarantee: 80 Mbit/s")
    assert len(sums(policies)) == 1
    edit(policies / "region.yaml", old, new)
    assert sums(policies) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("public: 203.0.113.11", "public: 203.0.113.10"),
        ("198.51.100.2/30", "198.51.100.2"),
        ("price: 9500000 IDR/month", "price: 9500000"),
        ("control: 1 Mbit/s", "control:\t1 Mbit/s"),
        ("name: Kabupaten Contoh", "name: 7"),
    ],
)
def test_sums_are_told_beside_errors_that_no_sum_depends_on(
    policies: Path, old: str, new: str
) -> None:
    edit(policies / "opd" / "bpbd.yaml", "guarantee: 10 Mbit/s", "guarantee: 80 Mbit/s")
    edit(policies / "region.yaml", old, new)
    (one,) = sums(policies)
    assert one.found.endswith("in all")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("guarantee: 80 Mbit/s", "guarantee: 80 MB/s"),
        ("calendar: around-the-clock", "calendar: always"),
        ("segment: metro", "segment: ring"),
        ("id: 13", "id: thirteen"),
        ("floor: 2 Mbit/s", "floor: 90 Mbit/s"),
        ("ceiling: 80 Mbit/s", "ceiling: 70 Mbit/s\nceiling: 80 Mbit/s"),
    ],
)
def test_an_office_in_doubt_counts_as_nothing(policies: Path, old: str, new: str) -> None:
    office = policies / "opd" / "bpbd.yaml"
    edit(office, "guarantee: 10 Mbit/s", "guarantee: 80 Mbit/s")
    edit(office, old, new)
    assert sums(policies) == []
    edit(policies / "opd" / "dinas-kesehatan.yaml", "guarantee: 20", "guarantee: 70")
    (one,) = sums(policies)
    assert one.found.endswith("in all, without 1 office in whose file they are in doubt")


def test_a_profiles_name_always_fits_a_file_name(policies: Path) -> None:
    policy = load_policy(policies).policy
    assert policy is not None
    week = policy.region.calendars["working-week"]
    slugs = [f"{letter * 58}-{letter}" for letter in "abcdef"]
    region = policy.region.model_copy(update={"calendars": dict.fromkeys(slugs, week)})
    raised = tuple(f"{'o' * 60}@2026-06-{day:02}" for day in range(1, 31))
    states = [
        State(tuple(slugs[start:end]), raised[:count])
        for start in range(6)
        for end in range(start, 7)
        for count in (0, 1, 2, 30)
    ]
    states = list(dict.fromkeys(states))
    changed = type(policy)(region, policy.opd, policy.hotspots, policy.origins)
    names = profile_names(states, changed)
    assert len(set(names.values())) == len(states)
    assert max(len(name) for name in names.values()) <= LONGEST_NAME + 40
    assert names == profile_names(states[::-1], changed)
    assert names[State((), ())] == "closed"
    assert names[State((slugs[0],), ())] == slugs[0]
