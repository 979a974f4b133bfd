"""What offices used: rates in bins, readings that do not follow on each other, days, a bad disk."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from komando.host import usage as module
from komando.host.counters import Counter
from komando.host.layout import Paths
from komando.host.rates import LEAST, STEP, Seen, bin_of
from komando.host.records import Applied
from komando.host.usage import DAYS, FOLDED, LONGEST, MOST_LINES, SHORTEST, Usage

DAY, NIGHT = Applied("a" * 64, "day"), Applied("a" * 64, "night")
NEXT = Applied("b" * 64, "day")
CEILING = 100_000_000
START = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


class Clocks(datetime):
    """The real clock of the program, and the time since boot, both moved by hand."""

    moment = START
    up = 1000.0
    boot = "first"

    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
        return cls.moment.astimezone(tz)


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> type[Clocks]:
    class Own(Clocks):
        pass

    monkeypatch.setattr(module, "datetime", Own)
    monkeypatch.setattr(module, "seconds_up", lambda: Own.up)
    monkeypatch.setattr(module, "boot_id", lambda: Own.boot)
    return Own


class Host:
    """A host whose one office has sent so many bytes down."""

    def __init__(self, root: Path, clocks: type[Clocks]) -> None:
        self.usage = Usage(Paths(root))
        self.clocks = clocks
        self.sent = 0
        self.ceiling = CEILING

    def minute(
        self,
        rate: int = 0,
        seconds: float = 60,
        before: Applied | None = DAY,
        after: Applied | None = None,
        *,
        rebuilt: bool = False,
    ) -> None:
        """`rate` bit/s for so long, and then the hours."""
        self.clocks.up += seconds
        self.clocks.moment += timedelta(seconds=seconds)
        self.sent += int(rate * seconds / 8)
        found = {"1:404": Counter(self.sent, self.ceiling)}, {"1:404": Counter(0, self.ceiling)}
        self.usage.note(found, before, after or before or DAY, rebuilt=rebuilt)

    def rows(self, direction: str = "down") -> list[dict[str, Any]]:
        told = self.usage.told(self.clocks.moment)
        json.dumps(told)
        return [row for row in told["rows"] if row["direction"] == direction]

    def row(self) -> dict[str, Any]:
        (row,) = self.rows()
        return row


@pytest.fixture
def host(tmp_path: Path, clocks: type[Clocks]) -> Host:
    one = Host(tmp_path, clocks)
    one.minute()
    return one


def edge(number: int) -> float:
    return LEAST * STEP ** (number - 1)


@pytest.mark.parametrize("rate", [LEAST, 1049, 1050, 64_000, 10**6, 98_765_432, 10**9, 10**11])
def test_a_rate_lies_in_its_bin(rate: int) -> None:
    number = bin_of(rate)
    assert edge(number) <= rate * (1 + 1e-8)
    assert rate < edge(number + 1)


def test_each_edge_begins_its_bin_and_what_is_slow_is_in_the_first() -> None:
    assert [bin_of(math.ceil(edge(number))) for number in range(200, 400)] == [*range(200, 400)]
    assert [bin_of(rate) for rate in (0, 1, LEAST - 1)] == [0, 0, 0]


def test_a_minute_counts_under_its_class_profile_and_ceiling(host: Host) -> None:
    host.minute(8_000_000)
    host.minute(2_000_000)
    assert host.row() == {
        "class": "1:404",
        "direction": "down",
        "profile": "day",
        "ceiling": CEILING,
        "since": "2026-11-24T03:02:00Z",
        "seconds": 120,
        "most": 8_000_000,
        "at": "2026-11-24T03:02:00Z",
        "bins": {str(bin_of(8_000_000)): 60, str(bin_of(2_000_000)): 60},
    }
    (idle,) = host.rows("up")
    assert (idle["bins"], idle["most"]) == ({"0": 120}, 0)


def test_a_change_of_profile_falls_between_two_minutes(host: Host) -> None:
    host.minute(8_000_000, before=DAY, after=NIGHT)
    host.minute(1_000_000, before=NIGHT)
    assert {row["profile"]: row["most"] for row in host.rows()} == {
        "day": 8_000_000,
        "night": 1_000_000,
    }


def test_a_time_in_which_something_else_came_in_force_is_left_out(host: Host) -> None:
    host.minute(8_000_000, before=NEXT)
    assert host.rows() == []
    host.minute(8_000_000, before=NEXT)
    assert host.row()["seconds"] == 60


@pytest.mark.parametrize("seconds", [LONGEST + 1, 86_400])
def test_a_gap_is_no_zero_and_no_mean(host: Host, seconds: float) -> None:
    host.minute(8_000_000, seconds)
    assert host.rows() == []
    host.minute(8_000_000)
    assert host.row()["seconds"] == 60


def test_calls_that_follow_closely_are_one_reading(host: Host) -> None:
    host.minute(90_000_000, 5)
    host.minute(0, 5)
    assert host.rows() == []
    host.minute(0, SHORTEST)
    assert (host.row()["seconds"], host.row()["most"]) == (40, 11_250_000)


def test_a_tree_that_was_built_anew_begins_again(host: Host) -> None:
    host.minute(8_000_000, rebuilt=True)
    host.sent = 0
    host.minute(50_000_000)
    assert host.row()["most"] == 8_000_000
    host.minute(4_000_000)
    assert (host.row()["most"], host.row()["seconds"]) == (8_000_000, 120)


def test_counters_that_fell_are_no_rate(host: Host) -> None:
    host.minute(8_000_000)
    host.sent = 100
    host.minute(8_000)
    assert (host.row()["most"], host.row()["seconds"]) == (8_000_000, 60)


def test_a_repair_or_a_restart_begins_again(host: Host) -> None:
    host.usage.forget()
    host.minute(8_000_000)
    assert host.rows() == []
    host.clocks.boot, host.clocks.up = "second", 10.0
    host.minute(8_000_000)
    assert host.rows() == []
    host.minute(3_000_000)
    assert host.row()["most"] == 3_000_000


def test_a_class_that_came_and_one_that_got_another_ceiling_wait_for_the_next_reading(
    host: Host,
) -> None:
    host.ceiling = CEILING // 2
    host.minute(8_000_000)
    assert host.rows() == []
    host.minute(8_000_000)
    assert host.row()["ceiling"] == CEILING // 2


@pytest.mark.parametrize("step", [timedelta(days=365), -timedelta(days=365)])
def test_a_clock_that_is_stepped_gives_no_other_rate_and_takes_no_week_away(
    host: Host, step: timedelta
) -> None:
    for _ in range(FOLDED + 5):
        host.minute(8_000_000)
    host.clocks.moment += step
    for _ in range(FOLDED):
        host.minute(8_000_000)
    host.clocks.moment -= step
    host.minute(8_000_000)
    assert host.row()["most"] == 8_000_000
    assert host.row()["seconds"] >= 60 * FOLDED


def days(host: Host) -> list[str]:
    return sorted(path.stem for path in host.usage.paths.usage.iterdir())


def test_an_hour_goes_to_the_disk_in_one_piece(host: Host) -> None:
    for _ in range(FOLDED - 1):
        host.minute(8_000_000)
    assert not host.usage.paths.usage.exists()
    host.minute(8_000_000)
    assert days(host) == ["2026-11-24"]
    assert not host.usage.paths.minutes.exists()
    assert host.row()["seconds"] == 60 * FOLDED
    host.minute(8_000_000)
    assert host.row()["seconds"] == 60 * (FOLDED + 1)


def test_an_hour_that_was_folded_before_a_kill_counts_once(host: Host) -> None:
    for _ in range(FOLDED - 1):
        host.minute(8_000_000)
    lines = host.usage.paths.minutes.read_text()
    host.minute(8_000_000)
    host.usage.paths.minutes.write_text(lines)
    assert host.row()["seconds"] == 60 * FOLDED
    for _ in range(FOLDED):
        host.minute(8_000_000)
    assert host.row()["seconds"] == 2 * 60 * FOLDED


def test_a_week_is_kept_and_older_days_fall_off(host: Host) -> None:
    for _ in range(12 * 24):
        host.clocks.moment += timedelta(minutes=59)  # an hour for each minute
        host.minute(8_000_000)
    assert len(days(host)) == DAYS
    since = datetime.fromisoformat(host.row()["since"])
    assert timedelta(days=6) < host.clocks.moment - since < timedelta(days=8)


def test_a_full_disk_costs_the_measurement_at_most(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write", full)
    for _ in range(MOST_LINES - 1):
        host.minute(8_000_000)
    assert host.row()["seconds"] == 60 * (MOST_LINES - 1)
    host.minute(8_000_000)
    assert host.rows() == []
    monkeypatch.undo()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"rows": 3}', '{"until": 3, "rows": {"x": {}}}'])
def test_files_that_cannot_be_read_count_as_none(host: Host, text: str) -> None:
    for _ in range(FOLDED):
        host.minute(8_000_000)
    (day,) = host.usage.paths.usage.iterdir()
    for path in (day, host.usage.paths.minutes, host.usage.paths.reading):
        path.write_text(text)
    host.minute(8_000_000)
    assert host.rows() == []
    host.minute(8_000_000)
    assert host.row()["seconds"] == 60


def test_two_days_are_joined() -> None:
    one = Seen("2026-11-24T00:00:00Z")
    one.add(5000, 60, "2026-11-24T00:01:00Z")
    other = Seen("2026-11-23T00:00:00Z")
    other.add(9000, 30, "2026-11-23T00:01:00Z")
    one.join(other)
    assert (one.since, one.seconds, one.most) == ("2026-11-23T00:00:00Z", 90, 9000)
    assert sum(one.bins.values()) == 90


def test_500_offices_stay_small(tmp_path: Path, clocks: type[Clocks]) -> None:
    usage = Usage(Paths(tmp_path))
    sent: Mapping[str, int] = {f"1:{0x400 + number:x}": number for number in range(500)}
    for minute in range(FOLDED + 1):
        clocks.up += 60
        clocks.moment += timedelta(seconds=60)
        tree = {
            name: Counter(7500 * number * (minute + minute * minute % (number % 37 + 2)), CEILING)
            for number, name in enumerate(sent)
        }
        usage.note((tree, tree), DAY, DAY)
    (day,) = Paths(tmp_path).usage.iterdir()
    assert day.stat().st_size < 600_000
