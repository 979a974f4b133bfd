"""From policies to a router's profiles: what no single file shows."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest

from komando.intent import Intent, RouterIntent, compile_intent, tree
from komando.intent.shaping import LEAST_RATE
from komando.inventory import Host
from komando.platforms.debian import render
from komando.policy import load_policy
from komando.units import DIRECTIONS
from tests.unit.edited import BASE, edit

TODAY = date(2026, 6, 1)
HOST = Host("core-1", "router", "192.0.2.1", {"uplink": "wan0", "metro": "lan0"}, "pfifo")

Compile = Callable[..., Intent]


@pytest.fixture
def compiled(tmp_path: Path) -> Compile:
    """Compiles the base policies with some texts replaced: file, old, new."""

    def compile_edited(*edits: tuple[str, str, str]) -> Intent:
        folder = tmp_path / "policies"
        shutil.copytree(BASE, folder)
        for name, old, new in edits:
            edit(folder / name, old, new)
        policy = load_policy(folder, TODAY).policy
        assert policy is not None
        found = compile_intent(policy)
        assert found.intent is not None, found.diagnostics
        return found.intent

    return compile_edited


def router_of(intent: Intent) -> RouterIntent:
    return intent.routers["core-1"]


def profile_at(intent: Intent, moment: str) -> str:
    at = datetime.fromisoformat(moment)
    return [one.profile for one in intent.transitions if one.instant <= at][-1]


def test_a_pool_without_offices_has_no_class(compiled: Compile) -> None:
    intent = compiled(("opd/bpbd.yaml", "calendar: around-the-clock", "calendar: working-week"))
    router = router_of(intent)
    assert [pool.slug for pool in router.pools] == ["working-week"]
    assert "classid 1:12 " not in render(intent, HOST).text("etc/komando/tc/download.tc")


def test_all_classes_together_are_the_link_at_all_hours(compiled: Compile) -> None:
    router = router_of(compiled())
    for profile in router.profiles:
        for direction in DIRECTIONS:
            inner = [one for one in tree(router, profile, direction) if one.parent == 1]
            assert sum(one.rate for one in inner) == router.uplink.link.of(direction).bits


def test_no_rate_is_smaller_than_tc_can_tell(compiled: Compile) -> None:
    intent = compiled(
        ("opd/bpbd.yaml", "floor: 2 Mbit/s", "floor: 3 bit/s"),
        ("region.yaml", "unmatched: 1 Mbit/s", "unmatched: 9 bit/s"),
    )
    router = router_of(intent)
    rates = [
        one.rate
        for profile in router.profiles
        for direction in DIRECTIONS
        for one in tree(router, profile, direction)
    ]
    assert min(rates) == LEAST_RATE


@pytest.mark.parametrize(("inside", "outside"), [("38 Mbit/s", "10 Mbit/s"), ("20 Mbit/s",) * 2])
def test_the_points_own_rates_fit_into_the_publics_least_share(
    compiled: Compile, inside: str, outside: str
) -> None:
    old = "public: {in_hours: 20 Mbit/s, out_of_hours: 40 Mbit/s}"
    new = f"public: {{in_hours: {inside}, out_of_hours: {outside}}}"
    closed = "closed: 65 Mbit/s" if inside != outside else "closed: 10 Mbit/s"
    router = router_of(
        compiled(("region.yaml", old, new), ("region.yaml", "closed: 10 Mbit/s", closed))
    )
    for profile in router.profiles:
        for direction in DIRECTIONS:
            points = [one.rate for one in tree(router, profile, direction) if one.parent == 0x20]
            assert sum(points) <= profile.pools["public"].of(direction).bits


def test_an_observed_offices_raised_guarantee_holds_on_the_whole_day(compiled: Compile) -> None:
    raised = "mode: observe\nexceptions:\n  - {from: 2026-11-24, until: 2026-11-24, "
    raised += "guarantee: 25 Mbit/s, reason: An examination that lasts until late.}\n"
    intent = compiled(
        ("opd/dinas-kesehatan.yaml", "justification:", f"{raised}justification:"),
        ("region.yaml", "in_hours: 20 Mbit/s", "in_hours: 10 Mbit/s"),
    )
    router = router_of(intent)
    for moment in ("2026-11-24T00:30:00+07:00", "2026-11-24T10:00+07:00", "2026-11-24T23:00+07:00"):
        profile = router.profile(profile_at(intent, moment))
        assert profile.shares["dinas-kesehatan"].down.bits >= 25_000_000
    after = router.profile(profile_at(intent, "2026-11-25T00:30:00+07:00"))
    assert after.shares["dinas-kesehatan"].down.bits < 25_000_000
    assert not after.exceptions


def test_a_calendar_that_is_lent_to_an_observed_office_changes_nothing(compiled: Compile) -> None:
    lent = "mode: observe\nexceptions:\n  - {from: 2026-11-24, until: 2026-11-24, "
    lent += "calendar: around-the-clock, reason: An examination that lasts until late.}\n"
    intent = compiled(("opd/dinas-kesehatan.yaml", "justification:", f"{lent}justification:"))
    assert not any(one.exceptions for one in router_of(intent).profiles)
