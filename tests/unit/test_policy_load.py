from __future__ import annotations

import multiprocessing
import os
import random
import time
from datetime import date
from ipaddress import ip_network
from pathlib import Path

import pytest

from komando.diagnostics import Diagnostic, Location
from komando.documents.reader import Reading
from komando.policy import load_policy
from komando.policy.readings import helped_readings, readings
from komando.policy.tree import scan
from komando.units import Pair, Rate, Window
from tests.unit.edited import BASE

ROOT = Path(__file__).parents[2]


def ids(root: Path, today: date | None = None) -> list[str]:
    return [one.id for one in load_policy(root, today).diagnostics]


def test_the_policies_of_the_regency_are_good() -> None:
    loaded = load_policy(ROOT / "policies")
    assert loaded.diagnostics == []
    assert loaded.policy is not None
    assert (len(loaded.policy.opd), len(loaded.policy.hotspots)) == (48, 5)


def test_values_are_typed_and_defaults_filled() -> None:
    policy = load_policy(BASE).policy
    assert policy is not None
    assert list(policy.opd) == ["bpbd", "dinas-kesehatan", "dinas-pendidikan"]
    office = policy.opd["dinas-kesehatan"]
    assert office.slug == "dinas-kesehatan"
    assert office.networks == (ip_network("10.20.5.0/24"), ip_network("2001:db8:1005::/48"))
    assert office.guarantee == Pair(Rate(20_000_000), Rate(20_000_000))
    assert office.mode == "enforce"
    week = policy.region.calendars["working-week"]
    assert week.windows[3] == (Window(420, 930),)
    assert week.windows[4] == (Window(420, 870),)
    assert 5 not in week.windows
    uplink = policy.region.uplinks["main"]
    assert uplink.link("down") == Rate(90_000_000)
    assert uplink.link("up") == Rate(95_000_000)


def test_the_ceiling_is_the_links_by_default(policies: Path) -> None:
    file = policies / "opd" / "bpbd.yaml"
    file.write_text(file.read_text().replace("ceiling: 80 Mbit/s\n", ""))
    policy = load_policy(policies).policy
    assert policy is not None
    assert policy.opd["bpbd"].ceiling == policy.opd["bpbd"].link.capacity


def test_every_value_knows_its_place() -> None:
    policy = load_policy(BASE).policy
    assert policy is not None
    file = f"{BASE}/opd/dinas-kesehatan.yaml"
    assert policy.where("opd", "dinas-kesehatan", "guarantee") == Location(file, 9, 12)
    assert policy.where("opd", "dinas-kesehatan", "guarantee", "up") == Location(file, 9, 12)
    assert policy.where("opd", "dinas-kesehatan", "link", "gateways", 1) == Location(file, 7, 26)
    region = f"{BASE}/region.yaml"
    assert policy.where("region", "", "pools", "working-week") == Location(region, 36, 17)


def test_warnings_need_a_day_and_leave_the_policy_standing() -> None:
    assert ids(BASE) == []
    assert ids(BASE, date(2027, 11, 1)) == []
    assert ids(BASE, date(2027, 11, 2)) == ["coverage-ends"]
    assert load_policy(BASE, date(2027, 11, 2)).policy is not None


def test_a_refused_value_does_not_hide_what_the_whole_shows(policies: Path) -> None:
    office = policies / "opd" / "dinas-kesehatan.yaml"
    text = office.read_text()
    text = text.replace("guarantee: 20 Mbit/s", "guarantee: 20").replace("id: 5", "id: 6")
    office.write_text(text.replace("calendar: working-week", "calendar: working-weak"))
    region = policies / "region.yaml"
    region.write_text(region.read_text().replace('fri: ["07:00-14:30"]', 'fri: ["14:30-07:00"]'))
    assert ids(policies) == ["calendar-unknown", "rate-unit", "id-twice", "window-order"]


def test_a_stand_in_is_never_complained_about(policies: Path) -> None:
    office = policies / "opd" / "dinas-kesehatan.yaml"
    text = office.read_text()
    text = text.replace("ceiling: 80 Mbit/s", "ceiling: {down: none, up: none}")
    text = text.replace("[172.20.1.5, ", "[172.20.1.500, ").replace("id: 5", "id: five")
    text = text.replace('"2001:db8:1005::/48"', '"2001:db8:1005::/480"')
    office.write_text(text.replace("segment: metro", "segment: METRO RING"))
    assert ids(policies) == [
        "value-type",
        "network",
        "slug",
        "address",
        "rate-form",
        "rate-form",
    ]


def test_files_are_read_as_one_writes_them_however_the_root_is_named(
    policies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (policies / "opd" / "bpbd.yaml").write_text("id: 1\nid: 2\n")
    monkeypatch.chdir(policies)
    assert load_policy(Path()).diagnostics[0].location.file == "opd/bpbd.yaml"
    monkeypatch.chdir(policies.parent)
    assert load_policy(Path("policies")).diagnostics[0].location.file == "policies/opd/bpbd.yaml"


_PIECES = (
    "no", "20", "-1", "[", "]", "{", "}", ":", "- ", "\n", "\n  ", "#", '"', "'", "&a ", "*a",
    "!t ", "null", "\t", "\u00e9", "\u2028", "? ", "|\n", "2001:db8::/200", "10.0.0.0/8", "working",
    "2026-02-31", "9" * 50, "0 Mbit/s", "down", "exceptions:\n  - {}\n", "true", "slug: x\n", "...",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(150))
def test_no_edit_makes_the_loader_fall_over(seed: int, policies: Path) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same edits each time
    for _ in range(3):
        file = chance.choice(sorted(policies.rglob("*.yaml")))
        text = file.read_text(encoding="utf-8")
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(text))
            text = text[:at] + chance.choice(_PIECES) + text[at + chance.choice((0, 0, 1, 5)) :]
        file.write_text(text, encoding="utf-8")
    loaded = load_policy(policies, date(2026, 6, 1))
    assert (loaded.policy is None) == any(one.severity == "error" for one in loaded.diagnostics)
    for one in loaded.diagnostics:
        assert one.location.line >= 1
        assert one.message
        assert one.found
        assert one.expected
        assert one.remedy


@pytest.mark.parametrize("chunk", [1, 2, 3, 4, 99])
def test_two_processes_read_what_one_reads(chunk: int, policies: Path) -> None:
    (policies / "opd" / "bpbd.yaml").write_text("id: &x 1\nname: \u00e9\n")
    (policies / "opd" / "folder.yaml").mkdir()
    files, _ = scan(policies)
    alone = [_plain(one) for one in readings(files)]
    slowly = []
    for one in helped_readings(files, chunk):
        slowly.append(_plain(one))
        time.sleep(0.02)  # so that the helper reads some of them
    assert slowly == alone


def _plain(one: Reading | Diagnostic) -> object:
    if isinstance(one, Diagnostic):
        return one
    document = one.document
    assert document is not None
    return one.diagnostics, one.broken, one.raw, document.data, document.marks, document.file


def test_a_helper_that_dies_is_not_missed(policies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, _ = scan(policies)
    monkeypatch.setattr("komando.policy.readings._read_backwards", lambda *_: os._exit(9))
    assert len(list(helped_readings(files, 1))) == len(files)


def test_a_reader_that_is_left_early_leaves_no_process(
    policies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, _ = scan(policies)
    monkeypatch.setattr("komando.policy.readings._read_backwards", lambda *_: time.sleep(60))
    reading = helped_readings(files)
    next(reading)
    (helper,) = multiprocessing.active_children()
    reading.close()
    assert not helper.is_alive()
