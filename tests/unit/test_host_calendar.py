"""Which profile is in force at a moment, to the second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from komando.host.calendar import Clock, iso, parse_calendar, parse_moment, read_clock
from komando.host.layout import HostError

UNTIL = "until 2026-12-31T17:00:00Z\n"
TEXT = """\
# made by hand
until 2026-12-31T17:00:00Z
2026-11-24T00:30:00Z day
2026-11-24T08:30:00Z night

2026-11-25T00:30:00Z six-days+dinas@2026-11-25
"""


@pytest.mark.parametrize(
    ("moment", "profile"),
    [
        ("1999-01-01T00:00:00Z", "day"),
        ("2026-11-24T00:29:59Z", "day"),
        ("2026-11-24T00:30:00Z", "day"),
        ("2026-11-24T08:29:59.999999Z", "day"),
        ("2026-11-24T08:30:00Z", "night"),
        ("2026-11-24T15:29:59+07:00", "day"),
        ("2026-11-24T15:30:00+07:00", "night"),
        ("2026-11-25T00:29:59Z", "night"),
        ("2026-11-25T00:30:00Z", "six-days+dinas@2026-11-25"),
        ("2099-01-01T00:00:00Z", "six-days+dinas@2026-11-25"),
    ],
)
def test_the_boundary_is_exact(moment: str, profile: str) -> None:
    assert parse_calendar(TEXT).at(parse_moment(moment)) == profile


def test_it_ends_with_the_days_that_it_covers() -> None:
    calendar = parse_calendar(TEXT)
    last = datetime(2026, 11, 25, 0, 30, tzinfo=UTC)
    assert not calendar.ended(last)
    until = datetime(2026, 12, 31, 17, tzinfo=UTC)
    assert not calendar.ended(until - timedelta(seconds=1))
    assert calendar.ended(until)
    assert calendar.since(last - timedelta(seconds=1)) == datetime(2026, 11, 24, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no profile at all"),
        ("# nothing\n", "no profile at all"),
        (UNTIL, "no profile at all"),
        ("2026-11-24T00:30:00Z day\n", "calendar:1: no `until` before the first instant"),
        ("until tomorrow\n", "calendar:1: no `until` before"),
        ("until 2026-13-24T00:30:00Z\n", "calendar:1: month must be in 1..12"),
        (UNTIL + UNTIL, "calendar:2: no line of a calendar"),
        (UNTIL + "2026-11-24T00:30:00 day\n", "calendar:2: no line of a calendar"),
        (UNTIL + "2026-11-24T00:30:00Z\n", "calendar:2: no line of a calendar"),
        (UNTIL + "2026-11-24T00:30:00Z ../../shadow\n", "calendar:2: no line of a calendar"),
        (UNTIL + "2026-11-24T00:30:00Z day night\n", "calendar:2: no line of a calendar"),
        (UNTIL + "2026-13-24T00:30:00Z day\n", "calendar:2: month must be in 1..12"),
        (
            UNTIL + "2026-11-24T00:30:00Z day\n\n2026-11-24T00:30:00Z night\n",
            "calendar:4: 2026-11-24T00:30:00Z does not come after the line before",
        ),
        (
            UNTIL + "2026-11-25T00:30:00Z day\n2026-11-24T00:30:00Z night\n",
            "calendar:3: 2026-11-24T00:30:00Z does not come after the line before",
        ),
    ],
)
def test_a_bad_line_is_an_error_with_its_number(text: str, words: str) -> None:
    with pytest.raises(HostError) as error:
        parse_calendar(text)
    assert words in str(error.value)


def test_a_moment_names_its_zone() -> None:
    with pytest.raises(HostError, match="names no zone; write 2026-11-24T07:30:00Z"):
        parse_moment("2026-11-24T07:30:00")
    with pytest.raises(HostError, match="is no moment"):
        parse_moment("tonight")


def test_the_rehearsed_clock_runs_ahead_by_its_offset(tmp_path: Path) -> None:
    path = tmp_path / "clock"
    assert read_clock(path) == Clock()
    assert read_clock(path).rehearsed() is None
    path.write_text("86400.5\n")
    clock = read_clock(path)
    ahead = clock.now() - datetime.now(UTC)
    assert timedelta(seconds=86399) < ahead < timedelta(seconds=86401)
    assert clock.rehearsed() == iso(clock.now())


@pytest.mark.parametrize("text", ["tomorrow", "1e400", ""])
def test_a_broken_clock_says_how_to_mend_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "clock"
    path.write_text(text)
    with pytest.raises(HostError, match="komando-host clock off"):
        read_clock(path)
