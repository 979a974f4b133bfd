"""What `komando lab measure` asks for, where it finds its moments, and what it writes down."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from rich.console import Console

from komando import generation
from komando.intent import RouterIntent, compile_intent
from komando.inventory import load_inventory
from komando.lab.measure.counters import Gauge
from komando.lab.measure.everyone import filled
from komando.lab.measure.moments import Calendar, NotShown
from komando.lab.measure.recorded import read_measurement
from komando.lab.measure.results import (
    Event,
    Measurement,
    Moment,
    ProbeResult,
    Row,
    Total,
    Unseen,
)
from komando.lab.measure.stage import kept_since
from komando.lab.report.text import print_measurement
from komando.lab.report.write import write_report
from komando.platforms.debian import render
from komando.policy import load_policy
from komando.units import Pair, Rate

REPOSITORY = Path(__file__).parents[2]
LINK = Pair.both(Rate(90_000_000))


class Routed(NamedTuple):
    """What the policies of this repository make of a router, and the text of its calendar."""

    router: RouterIntent
    calendar: str

    def since(self, moment: str) -> Calendar:
        return Calendar(self.router, self.calendar, datetime.fromisoformat(moment))


@pytest.fixture(scope="module")
def routed() -> Routed:
    policy = load_policy(REPOSITORY / "policies").policy
    assert policy is not None
    intent = compile_intent(policy, 10).intent
    assert intent is not None
    host = load_inventory(REPOSITORY / "inventories/lab").hosts["core-1"]
    return Routed(intent.routers["core-1"], render(intent, host).text(generation.CALENDAR))


def slugs(router: RouterIntent) -> list[str]:
    return [leaf.slug for leaf in router.leaves]


def test_shares_that_fill_the_link_are_asked_for_as_they_are() -> None:
    assert filled({"a": 60, "b": 30}, {"a": 90, "b": 90}, 90) == {"a": 60, "b": 30}


def test_the_few_of_a_small_city_ask_for_the_whole_link() -> None:
    assert filled({"a": 20, "b": 10}, {"a": 90, "b": 90}, 90) == {"a": 60, "b": 30}


def test_nobody_is_asked_to_exceed_its_ceiling() -> None:
    assert filled({"a": 20, "b": 10}, {"a": 25, "b": 90}, 90) == {"a": 25, "b": 65}
    assert filled({"a": 20, "b": 10}, {"a": 25, "b": 15}, 90) == {"a": 25, "b": 15}


def test_an_exception_is_seen_where_it_begins(routed: Routed) -> None:
    calendar = routed.since("2026-11-24T10:00:00+07:00")
    boundary, slug = calendar.start_of_exception(slugs(routed.router))
    added = set(boundary.after.exceptions) - set(boundary.before.exceptions)
    assert [key.partition("@")[0] for key in added] == [slug]
    usual = {one.open: one.shares[slug] for one in routed.router.profiles if not one.exceptions}[
        boundary.after.open
    ]
    assert boundary.after.shares[slug].down.bits > usual.down.bits


def test_an_exception_that_has_begun_is_not_seen_to_begin(routed: Routed) -> None:
    # hours change on that day while the exception holds, and on the next it begins again
    calendar = routed.since("2027-04-05T10:00:00+07:00")
    boundary, slug = calendar.start_of_exception(slugs(routed.router))
    begun = set(boundary.after.exceptions) - set(boundary.before.exceptions)
    assert slug in {key.partition("@")[0] for key in begun}


def test_after_the_last_exception_there_is_none_to_show(routed: Routed) -> None:
    with pytest.raises(NotShown, match="no exception that begins from here on"):
        routed.since("2027-12-01T10:00:00+07:00").start_of_exception(slugs(routed.router))


def test_the_exception_of_an_office_that_the_city_lacks_is_not_shown(routed: Routed) -> None:
    with pytest.raises(NotShown):
        routed.since("2026-11-24T10:00:00+07:00").start_of_exception(["dinas-kesehatan"])


def test_of_an_uploads_readings_the_fastest_stands(tmp_path: Path) -> None:
    counters = '{"nftables": [{"counter": {"name": "c0", "bytes": %s, "packets": 0}}]}'
    slow, prompt = (counters % octets for octets in (1, 2))
    listing = f"mkdir '{tmp_path}/seen' 2>&- && sleep 0.5 && echo '{slow}' || echo '{prompt}'"
    reading = Gauge(("sh", "-c", listing), {"bpbd": [1]}).read()["bpbd"]
    assert reading.received == 2


def measurement() -> Measurement:
    found = Measurement(
        lab="kotim", region="Kotawaringin Timur", zone="Asia/Jakarta", router="core-1",
        divisor=10, capacity=LINK, usable=LINK, generation="0" * 64, names={},
        points=frozenset({"taman-kota"}),
    )  # fmt: skip
    found.moments.append(Moment("office-hours", "2026-11-24T10:00:00+07:00", "office-hours"))
    found.totals.append(Total("office-hours", "down", "link", 90_000_000, 89_900_000))
    return found


def printed(one: Measurement) -> str:
    console = Console(width=100, no_color=True)
    with console.capture() as capture:
        print_measurement(one, console, everything=False)
    return capture.get()


def found(*ratios: float) -> list[Row | Total]:
    got = [round(1_000_000 * one) for one in ratios]
    return [Row("night", "bpbd", "down", 1_000_000, one, one, 8.0) for one in got]


@pytest.mark.parametrize(
    ("judged", "stands"),
    [
        ([found(0.98, 1.0), found(1.0, 0.98)], 0),  # each was kept once, and never both at once
        ([found(0.98, 1.0), found(0.985, 1.0), found(0.99, 1.0)], 2),  # a lack that has passed
        ([found(0.99, 1.0), found(1.0, 1.0)], 0),  # all that was counted, where that is kept
    ],
)
def test_what_is_kept_is_kept_at_once_and_until_now(
    judged: list[list[Row | Total]], stands: int
) -> None:
    assert kept_since(judged) is judged[stands]


def test_the_name_of_an_office_is_no_markup() -> None:
    found = measurement()
    name = "[/b] :cat:"
    found.names["bpbd"] = name
    for peer in (None, "bpbd"):
        found.rows.append(Row("office-hours", "bpbd", "down", 9, 9, 9, 1.0, peer=peer))
    probe = ProbeResult("bpbd", 9, {"down": 1}, {"down": 0}, {"down": 1.0}, {"down": 1.0})
    found.events.append(
        Event("office-hours", name, "a", "b", 1.0, (), (), rebuilt=False, probe=probe)
    )
    text = printed(found)
    assert f"  {name}: a → b, 1.0 s" in text
    assert f"probe of {name} at" in text
    assert f" {name} to {name}" in text


def test_what_cannot_be_shown_breaks_no_promise_and_is_said(tmp_path: Path) -> None:
    found = measurement()
    found.unseen.append(Unseen("exception", "no exception that begins from here on"))
    assert found.kept
    assert "exception  not shown" in printed(found)
    _, _, page = write_report([found], tmp_path)
    assert "An exception begins: not shown, for no exception" in page.read_text()


def test_a_run_that_ended_early_keeps_its_figures_and_no_promise(tmp_path: Path) -> None:
    found = measurement()
    found.failure = "apply: the router does not run what policies/ says"
    data, _, page = write_report([found], tmp_path)
    again = read_measurement(data)
    assert again == found
    assert again.totals
    assert not again.kept
    assert "ended early, at apply" in page.read_text()
    assert "ended early after 1 findings, none of them broken" in printed(found)


def test_a_scenario_without_a_finding_is_not_called_kept(tmp_path: Path) -> None:
    found = measurement()
    found.moments.append(Moment("night", "2026-11-24T20:00:00+07:00", "night"))
    _, _, page = write_report([found], tmp_path)
    assert ">not kept<" in page.read_text()
