"""`komando lab measure` on the whole city: promises kept, and a broken one seen."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from komando.lab.city import City
from komando.lab.measure.crew import Crew
from komando.lab.measure.goodput import has_flowed
from komando.lab.measure.load import PATIENCE, Load, Offer, ports_of
from komando.lab.measure.probe import PORT, probe
from komando.units import DIRECTIONS
from tests.lab.conftest import komando, own_city
from tests.lab.desk import REPOSITORY

pytestmark = pytest.mark.lab

SECONDS = 6


@pytest.fixture(scope="module")
def city() -> Iterator[City]:
    """A city whose router runs what the policies say."""
    with own_city("m") as made:
        komando("apply", "--inventory", "lab", "--lab", made.name, "--no-verify")
        yield made


def measured(city: City, out: Path, *words: str) -> tuple[dict[str, Any], int]:
    done = komando(
        "lab", "measure", *words, "--name", city.name, "--format", "json", "--out", str(out),
        "--seconds", str(SECONDS), check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return json.loads(done.stdout), done.returncode


def broken(found: dict[str, Any]) -> list[str]:
    """What was not kept, in words that fit on a line."""
    return [
        f"{one['scenario']} {one.get('office', one.get('what'))} {one['direction']} {one['ratio']}"
        for key in ("rows", "totals")
        for one in found[key]
        if not one["kept"]
    ]


APPLIES = ["apply-change", "apply-remove", "apply-add", "apply-move"]


@pytest.mark.parametrize(
    ("scenarios", "events"),
    [
        (("office-hours", "hour-switch"), ["hour-switch"]),
        pytest.param(("apply",), APPLIES, marks=pytest.mark.nightly),
    ],
)
def test_promises_are_kept_through_a_switch_and_four_applies(
    city: City, tmp_path: Path, scenarios: tuple[str, ...], events: list[str]
) -> None:
    found, code = measured(city, tmp_path, *scenarios)
    assert not broken(found), found["machine"]
    for event in found["events"]:
        assert event["changed"] == event["expected"] != []
        assert all(event["probe"]["sent"].values())
        assert not any(event["probe"]["lost"].values())
    assert not found["unseen"]
    assert found["failure"] is None
    assert code == 0
    assert [event["scenario"] for event in found["events"]] == events
    assert {path.name for path in tmp_path.iterdir()} == {
        "measure.json", "measure.svg", "measure.html",
    }  # fmt: skip


def test_what_cannot_be_shown_is_told(city: City, tmp_path: Path) -> None:
    late = ("--clock", "2027-12-01 10:00")
    found, code = measured(city, tmp_path, "exception", *late)
    assert [one["scenario"] for one in found["unseen"]] == ["exception"]
    assert found["failure"] is None
    assert code == 1


@pytest.mark.nightly
def test_an_error_late_in_a_run_loses_nothing_of_before(city: City, tmp_path: Path) -> None:
    other = ("--policies", str(REPOSITORY / "tests/errors/base/policies"))
    found, code = measured(city, tmp_path, "harvest", "apply", *other)
    assert {one["scenario"] for one in found["rows"]} == {"harvest"}
    assert found["failure"].startswith("apply: ")
    assert not found["kept"]
    assert code == 1


@pytest.mark.parametrize(("part", "family"), [("isp", "inet"), ("switch-metro", "bridge")])
def test_a_packet_counts_against_the_one_who_lost_it(city: City, part: str, family: str) -> None:
    nft = [*city.place.enter(part), "nft"]
    leaky = f"""
        table {family} t {{
            chain c {{
                type filter hook forward priority 0
                udp sport {PORT} numgen inc mod 10 0 drop
                udp dport {PORT} numgen inc mod 10 0 drop
            }}
        }}
    """
    with probe(city, "dinas-kesehatan", 400_000) as running:
        time.sleep(1)
        subprocess.run([*nft, "-f", "-"], input=leaky, text=True, check=True)
        time.sleep(1)
        subprocess.run([*nft, f"delete table {family} t"], check=True)
        found = running.finish()
    by_provider = part == "isp"
    guilty, innocent = found.lost, found.lost_by_provider
    if by_provider:
        guilty, innocent = innocent, guilty
    assert all(0 < guilty[way] < found.sent[way] / 5 for way in DIRECTIONS)
    assert innocent == {"down": 0, "up": 0}
    assert found.whole == by_provider


class NotedCrew(Crew):
    """A crew that remembers what it was asked to start."""

    def __init__(self) -> None:
        self.started: list[Sequence[str]] = []
        super().__init__()

    def spawn(self, command: Sequence[str], output: Path | None = None) -> subprocess.Popen[bytes]:
        self.started.append(command)
        return super().spawn(command, output)


def test_a_load_that_does_not_get_through_begins_anew_both_ways(city: City, tmp_path: Path) -> None:
    slug = "dinas-kesehatan"
    port = ports_of(city)[slug][1]
    nft = [*city.place.enter("internet"), "nft"]
    shut = """
        add table inet t
        add chain inet t c { type filter hook input priority 0; }
        add rule inet t c meta l4proto { tcp, udp } th dport %d drop
    """
    subprocess.run([*nft, "-f", "-"], input=shut % port, text=True, check=True)
    opening = threading.Timer(PATIENCE + 1, subprocess.run, [[*nft, "delete table inet t"]])
    opening.start()
    try:
        with NotedCrew() as crew:
            load = Load(city, crew, tmp_path)
            load.ask({slug: Offer(up=1_000_000)})
            assert all(has_flowed(load.output(slug, way).read_text()) for way in DIRECTIONS)
            assert sum("-R" in command for command in crew.started) > 1
    finally:
        opening.join()


@pytest.mark.nightly
def test_a_link_that_carries_less_than_it_should_is_seen(city: City, tmp_path: Path) -> None:
    narrow = ["tbf", "rate", "20mbit", "burst", "32kb", "latency", "50ms"]
    change = ["tc", "qdisc", "change", "dev", "city", "root", *narrow]
    subprocess.run([*city.place.enter("isp"), *change], check=True)
    found, code = measured(city, tmp_path, "office-hours")
    assert code == 1
    down = [one for one in found["totals"] if one["direction"] == "down"]
    assert [one["kept"] for one in down] == [False]
    assert down[0]["ratio"] < 0.5
    assert min(one["seconds"] for one in found["rows"]) > 4 * SECONDS  # it was counted on
