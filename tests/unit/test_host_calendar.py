"""Which profile is in force at a moment, to the second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from komando.host.__main__ import main
from komando.host.calendar import Clock, iso, parse_calendar, parse_moment, read_clock
from komando.host.errors import HostError
from komando.host.layout import Paths

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


@pytest.mark.parametrize(
    "text",
    [
        "9999-12-31T23:59:59+00:00",
        "9999-12-31T23:59:59-23:59",
        "2200-01-01T00:00:00Z",
        "2199-12-31T23:59:59-07:00",
        "1969-12-31T23:59:59Z",
        "1970-01-01T06:59:59+07:00",
        "0001-01-01T00:00:00+23:59",
    ],
)
def test_a_moment_out_of_all_calendars_is_refused(text: str) -> None:
    with pytest.raises(HostError, match="is not of the years 1970 to 2199: no calendar reaches"):
        parse_moment(text)


@pytest.mark.parametrize("text", ["1970-01-01T00:00:00Z", "2199-12-31T23:59:59Z"])
@pytest.mark.parametrize("today", ["1970-01-01T00:00:00Z", "2199-12-31T23:59:59Z"])
def test_a_clock_can_run_on_from_any_moment_that_is_understood(
    tmp_path: Path, text: str, today: str
) -> None:
    path = tmp_path / "clock"
    path.write_text(f"{(parse_moment(text) - parse_moment(today)).total_seconds()}\n")
    assert read_clock(path).rehearsed() is not None


def test_a_clock_that_would_overflow_does_not_stop_the_way_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = Paths(tmp_path)
    paths.run.mkdir(parents=True)
    assert main(["clock", "9999-12-31T23:59:59+00:00"], paths) == 1
    assert not paths.clock.exists()
    paths.clock.write_text("251611199999.0\n")
    assert main(["observe"], paths) == 1
    assert "more than 300 years; mend it with: komando-host clock off" in capsys.readouterr().err
    assert main(["clock", "off"], paths) == 0
    assert main(["observe"], paths) == 0


def test_the_rehearsed_clock_runs_ahead_by_its_offset(tmp_path: Path) -> None:
    path = tmp_path / "clock"
    assert read_clock(path) == Clock()
    assert read_clock(path).rehearsed() is None
    path.write_text("86400.5\n")
    clock = read_clock(path)
    ahead = clock.now() - datetime.now(UTC)
    assert timedelta(seconds=86399) < ahead < timedelta(seconds=86401)
    assert clock.rehearsed() == iso(clock.now())


@pytest.mark.parametrize(
    "text",
    [b"tomorrow", b"1e400", b"", b"nan", b"-inf", b"\xff", b"1e13", b"251611199999.0", b"-1e11"],
)
def test_a_broken_clock_says_how_to_mend_it(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "clock"
    path.write_bytes(text)
    with pytest.raises(HostError, match="komando-host clock off"):
        read_clock(path)
