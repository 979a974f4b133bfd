"""When a machine restarts that a package asks to: at rehearsed moments, systemctl recorded."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from komando.bundle import Bundle
from komando.host.__main__ import main
from komando.host.change import Order
from komando.host.layout import Paths
from komando.host.restart import TURNS, delay
from tests.host_bundle import City, Office, bundle_of
from tests.platforms.stated import stated
from tests.unit.host_on_disk import OnDisk

# what the calendar says is UTC, seven hours behind the offices
WEEK = (
    "2026-11-23T00:00:00Z day",  # Monday, 07:00 there
    "2026-11-23T05:00:00Z night",  # lunch
    "2026-11-23T06:00:00Z day",
    "2026-11-23T08:30:00Z night",
    "2026-11-24T00:00:00Z day",
    "2026-11-24T08:30:00Z night",
    "2026-11-27T00:00:00Z day",  # Friday; the 25th and the 26th are holidays
    "2026-11-27T07:30:00Z night",
    "2026-11-30T00:00:00Z day",
    "2026-11-30T08:30:00Z night",
)
CITY = City(calendar=("2026-11-01T00:00:00Z night", *WEEK))
WINDOW = "02:00-04:00"


class Machine:
    """One host on disk, at a moment of our choice."""

    def __init__(self, root: Path, calls: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.paths = Paths(root)
        self.calls = calls
        self._capsys = capsys
        self.host: OnDisk | None = None

    def runs(self, bundle: Bundle) -> None:
        self.host = OnDisk(self.paths.root)
        self.host.change(bundle)

    def at(self, moment: str) -> None:
        """Lives at a moment: local time where it has no zone."""
        offset = datetime.fromisoformat(moment).astimezone() - datetime.now(UTC)
        self.paths.run.mkdir(parents=True, exist_ok=True)
        self.paths.clock.write_text(f"{offset.total_seconds()}\n")

    def wants(self, ago: timedelta = timedelta(hours=24)) -> None:
        """A package has asked for a restart so long ago."""
        self.paths.restart_required.parent.mkdir(parents=True, exist_ok=True)
        self.paths.restart_required.write_text("*** System restart required ***\n")
        stamp = time.time() - ago.total_seconds()
        os.utime(self.paths.restart_required, (stamp, stamp))

    def reboot(self, window: str | None = WINDOW) -> dict[str, Any]:
        words = ["--window", window] if window else []
        assert main(["reboot", *words], self.paths) == 0
        said: dict[str, Any] = json.loads(self._capsys.readouterr().out)
        done = self.calls.read_text().splitlines() if self.calls.exists() else []
        assert done == (["reboot"] if said["rebooted"] else [])
        return said

    def refuses(self, window: str | None = WINDOW) -> str:
        said = self.reboot(window)
        assert said["rebooted"] is False
        return str(said["why"])


@pytest.fixture
def machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Machine:
    """It runs the city, and a package has wanted a restart since yesterday."""
    programs, calls = tmp_path / "bin", tmp_path / "calls"
    programs.mkdir()
    (programs / "systemctl").write_text(f'#!/bin/sh\necho "$@" >> {calls}\n')
    (programs / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    made = Machine(tmp_path / "root", calls, capsys)
    made.runs(stated(CITY))
    made.wants()
    return made


@pytest.mark.parametrize(
    ("moment", "why"),
    [
        ("2026-11-24T03:00:00+00:00", "offices are at work until 2026-11-24T08:30:00Z"),
        ("2026-11-23T05:20:00+00:00", "offices are at work until 2026-11-23T08:30:00Z"),
        ("2026-11-27T07:29:00+00:00", "offices are at work until 2026-11-27T07:30:00Z"),
        ("2026-11-23T23:31:00+00:00", "offices are at work again from 2026-11-24T00:00:00Z"),
        ("2026-11-29T23:59:00+00:00", "offices are at work again from 2026-11-30T00:00:00Z"),
    ],
    ids=["by day", "at lunch", "on Friday", "before they open", "on Monday morning"],
)
def test_it_waits_while_offices_are_at_work(machine: Machine, moment: str, why: str) -> None:
    machine.at(moment)
    assert machine.refuses() == why


@pytest.mark.parametrize(
    "moment",
    [
        "2026-11-24T14:00:00+00:00",
        "2026-11-23T23:29:00+00:00",
        "2026-11-25T03:00:00+00:00",
        "2026-11-27T08:00:00+00:00",
        "2026-11-28T03:00:00+00:00",
        "2026-11-30T12:00:00+00:00",
    ],
    ids=["by night", "half an hour before", "holiday", "Friday evening", "Saturday", "the last"],
)
def test_it_restarts_when_nobody_works(machine: Machine, moment: str) -> None:
    machine.at(moment)
    assert machine.reboot(window=None)["rebooted"] is True


def test_without_need_it_does_nothing(machine: Machine) -> None:
    machine.paths.restart_required.unlink()
    machine.at("2026-11-24T14:00:00+00:00")
    assert machine.refuses() == "nothing asks for it"


def test_hours_that_an_exception_lends_are_hours_of_work(machine: Machine) -> None:
    lent = {"from": "2026-11-24", "until": "2026-11-25", "guarantee": None}
    for calendar, rebooted in ((None, True), ("around-the-clock", False)):
        machine.calls.unlink(missing_ok=True)
        machine.runs(stated(CITY, exceptions={1: [{**lent, "calendar": calendar}]}))
        machine.at("2026-11-24T14:00:00+00:00")
        assert machine.reboot()["rebooted"] is rebooted


def _no_generation(machine: Machine) -> str:
    machine.paths.current.unlink()
    machine.paths.record.unlink()
    return "no generation is in force"


def _ended(machine: Machine) -> str:
    machine.runs(stated(replace(CITY, calendar=("2020-01-01T00:00:00Z day",))))
    return "the calendar covers 2020-01-01T00:00:00Z to 2027-12-31T17:00:00Z"


def _around_the_clock(machine: Machine) -> str:
    machine.runs(stated(replace(CITY, calendar=("2020-01-01T00:00:00Z night",))))
    return "no calendar closes"


def _unreadable(machine: Machine) -> str:
    machine.runs(bundle_of(City(offices=(Office(1), Office(3, slot=2, lan="lan1")))))
    return "the calendar cannot be read ('profiles')"


@pytest.mark.parametrize("without", [_no_generation, _ended, _around_the_clock, _unreadable])
def test_where_no_calendar_tells_the_hours_the_window_does(
    machine: Machine, without: Callable[[Machine], str]
) -> None:
    why = without(machine)
    day = "2028-03-14" if without is _ended else "2026-11-24"
    machine.at(f"{day}T14:00:00")
    assert machine.refuses().startswith(f"{why}; the next window begins at ")
    assert machine.refuses(window=None) == f"{why}, and no --window was given"
    machine.at(f"{day}T01:59:00")
    assert machine.refuses().startswith(why)
    machine.at(f"{day}T02:30:00")
    assert machine.reboot()["rebooted"] is True


def test_a_window_may_span_midnight(machine: Machine) -> None:
    _no_generation(machine)
    machine.at("2026-11-24T01:00:00")
    assert machine.reboot("23:00-01:30")["rebooted"] is True


@pytest.mark.parametrize("window", ["2-4", "02:00-02:00", "24:00-25:00", "02:00", "nightly"])
def test_what_is_no_window_is_an_error(
    machine: Machine, window: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reboot", "--window", window], machine.paths) == 1
    assert "is no window; write 02:00-04:00" in capsys.readouterr().err
    assert not machine.calls.exists()


def test_a_window_that_is_over_before_the_last_turn_is_an_error(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reboot", "--window", "23:50-00:20"], machine.paths) == 1
    assert "make it 40 minutes or more" in capsys.readouterr().err
    assert not machine.calls.exists()


def test_a_change_that_waits_or_goes_back_comes_first(machine: Machine) -> None:
    machine.at("2026-11-24T14:00:00+00:00")
    assert machine.host is not None
    machine.host.change(stated(CITY.without(2)), Order(1, 60.0, None))
    assert machine.refuses() == "a change waits for its confirmation"
    machine.paths.pending.rename(machine.paths.reverting)
    assert machine.refuses() == "a change is being taken back"
    machine.paths.reverting.unlink()
    assert machine.reboot()["rebooted"] is True


@pytest.mark.parametrize("place", ["bypass", "bypass_kept"])
def test_while_a_person_has_bypassed_the_policy_nothing_restarts(
    machine: Machine, place: str
) -> None:
    machine.at("2026-11-24T14:00:00+00:00")
    getattr(machine.paths, place).write_text("2026-11-24T12:00:00Z\n")
    assert machine.refuses() == (
        "the policy is bypassed since 2026-11-24T12:00:00Z: a person is at work here"
    )


def test_it_does_not_restart_half_way_through_an_upgrade(machine: Machine) -> None:
    machine.at("2026-11-24T14:00:00+00:00")
    lock = machine.paths.packages_lock
    lock.parent.mkdir(parents=True)
    lock.touch()
    ours, theirs = os.pipe()
    if not (apt := os.fork()):  # a lock of fcntl(2) is another process's
        with lock.open("r+") as held:
            fcntl.lockf(held, fcntl.LOCK_EX)
            os.write(theirs, b".")
            time.sleep(60)
        os._exit(0)
    try:
        assert os.read(ours, 1) == b"."
        assert machine.refuses() == "packages are being installed"
    finally:
        os.kill(apt, 9)
        os.waitpid(apt, 0)
        os.close(ours)
        os.close(theirs)
    assert machine.reboot()["rebooted"] is True


def test_each_machine_has_a_turn_of_its_own_and_keeps_it(machine: Machine) -> None:
    turn = delay(os.uname().nodename)
    begin = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
    if turn > timedelta(seconds=2):
        machine.at((begin + turn - timedelta(seconds=2)).isoformat())
        words = f"its turn is at {(begin + turn).strftime('%Y-%m-%dT%H:%M:%SZ')}"
        assert machine.refuses().startswith(words)
        assert machine.refuses().startswith(words)
    machine.at((begin + turn + timedelta(seconds=1)).isoformat())
    assert machine.reboot()["rebooted"] is True


def test_whoever_is_asked_in_the_middle_of_the_night_waits_for_its_turn_too(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("komando.host.restart.delay", lambda _: timedelta(minutes=7))
    machine.at("2026-11-24T14:00:00+00:00")
    machine.wants(timedelta(minutes=6))
    assert machine.refuses().startswith("its turn is at 2026-11-24T14:0")
    machine.wants(timedelta(minutes=8))
    assert machine.reboot()["rebooted"] is True


def test_the_turns_of_many_machines_are_spread() -> None:
    turns = sorted(delay(f"core-{number}") for number in range(200))
    assert turns[0] < timedelta(minutes=2)
    assert timedelta(minutes=18) < turns[-1] < TURNS
    assert len(set(turns)) > 170
