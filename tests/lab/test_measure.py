"""`komando lab measure` on the whole city: promises kept, and a broken one seen."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from komando.lab.city import City, load_city
from komando.lab.life import raze_city
from komando.lab.place import Place
from tests.lab.conftest import REPOSITORY, komando, own_name

pytestmark = pytest.mark.lab

SECONDS = 6


@pytest.fixture(scope="module")
def city() -> Iterator[City]:
    """A city whose router runs what the policies say."""
    name = own_name("m")
    try:
        komando("lab", "up", "--name", name)
        komando("apply", "--inventory", "lab", "--lab", name, "--no-verify")
        yield load_city(name)
    finally:
        raze_city(Place(name))


def measured(city: City, out: Path, *words: str) -> tuple[dict[str, Any], int]:
    done = komando(
        "lab", "measure", *words, "--name", city.name, "--format", "json", "--out", str(out),
        "--seconds", str(SECONDS), check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return json.loads(done.stdout), done.returncode


def test_promises_are_kept_through_a_switch_and_four_applies(city: City, tmp_path: Path) -> None:
    found, code = measured(city, tmp_path, "office-hours", "hour-switch", "apply")
    broken = [one for key in ("rows", "totals", "events") for one in found[key] if not one["kept"]]
    assert not broken
    assert code == 0
    kinds = [event["scenario"] for event in found["events"]]
    assert kinds == ["hour-switch", "apply-change", "apply-remove", "apply-add", "apply-move"]
    for event in found["events"]:
        assert event["changed"] == event["expected"] != []
        assert all(event["probe"]["sent"].values())
        assert not any(event["probe"]["lost"].values())
    assert {path.name for path in tmp_path.iterdir()} == {
        "measure.json", "measure.svg", "measure.html",
    }  # fmt: skip


def test_what_cannot_be_shown_is_told(city: City, tmp_path: Path) -> None:
    late = ("--clock", "2027-12-01 10:00")
    found, code = measured(city, tmp_path, "exception", *late)
    assert [one["scenario"] for one in found["unseen"]] == ["exception"]
    assert found["failure"] is None
    assert code == 1


def test_an_error_late_in_a_run_loses_nothing_of_before(city: City, tmp_path: Path) -> None:
    other = ("--policies", str(REPOSITORY / "tests/errors/base/policies"))
    found, code = measured(city, tmp_path, "harvest", "apply", *other)
    assert {one["scenario"] for one in found["rows"]} == {"harvest"}
    assert found["failure"].startswith("apply: ")
    assert not found["kept"]
    assert code == 1


def test_a_link_that_carries_less_than_it_should_is_seen(city: City, tmp_path: Path) -> None:
    narrow = ["tbf", "rate", "40mbit", "burst", "32kb", "latency", "50ms"]
    change = ["tc", "qdisc", "change", "dev", "city", "root", *narrow]
    subprocess.run([*city.place.enter("isp"), *change], check=True)
    found, code = measured(city, tmp_path, "office-hours")
    assert code == 1
    down = [one for one in found["totals"] if one["direction"] == "down"]
    assert [one["kept"] for one in down] == [False]
    assert down[0]["ratio"] < 0.5
    assert {one["seconds"] > 4 * SECONDS for one in found["rows"]} == {True}  # it was counted on
