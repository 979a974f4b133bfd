"""The profile that is in force at a moment, and the clock that is asked for it."""

from __future__ import annotations

import re
from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from pathlib import Path

from .errors import HostError
from .frozen import Frozen
from .layout import CALENDAR

_UNTIL = re.compile(r"until (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)")
_LINE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ) ([a-z0-9][a-z0-9._+@-]*)")

_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_FURTHEST = timedelta(days=300 * 366)
"""More than lies between any two moments from `_FIRST` to `_LAST`, and no reason to overflow."""


def iso(moment: datetime) -> str:
    """`moment` as the calendar spells it: UTC, whole seconds, `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_moment(text: str) -> datetime:
    """An ISO 8601 moment with its zone, of the years 1970 to 2199; raises HostError for others."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise HostError(f"{text!r} is no moment; write 2026-11-24T07:30:00+07:00") from None
    if moment.tzinfo is None:
        raise HostError(f"{text!r} names no zone; write {text}Z or {text}+07:00")
    if not _FIRST <= moment < _LAST:
        raise HostError(
            f"{text} is not of the years 1970 to 2199: no calendar reaches there, and the clock "
            "has to run on from it"
        )
    return moment


class Calendar(Frozen):
    """Sorted instants (UTC) and the profile that is in force from each one on.

    From `until` on no day is covered any more, and the last profile stays.
    """

    instants: tuple[datetime, ...]
    names: tuple[str, ...]
    until: datetime

    def at(self, moment: datetime) -> str:
        """The profile at `moment`; the first one before the first line, the last one for ever."""
        return self.names[max(bisect_right(self.instants, moment) - 1, 0)]

    def since(self, moment: datetime) -> datetime:
        """The instant from which the profile of `moment` has been in force."""
        return self.instants[max(bisect_right(self.instants, moment) - 1, 0)]

    def ended(self, moment: datetime) -> bool:
        """Whether the days that it covers are over."""
        return moment >= self.until


def parse_calendar(text: str) -> Calendar:
    """Reads `until 2028-01-01T00:00:00Z`, then lines `2026-11-24T00:00:00Z profile`.

    Raises HostError for anything else, and unless the instants are strictly ascending.
    """
    until: datetime | None = None
    instants: list[datetime] = []
    names: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = (_LINE if until else _UNTIL).fullmatch(line.rstrip())
        if not found:
            what = "no line of a calendar" if until else "no `until` before the first instant"
            raise HostError(f"{CALENDAR}:{number}: {what}: {line[:80]!r}")
        try:
            instant = datetime.fromisoformat(found[1])
        except ValueError as error:
            raise HostError(f"{CALENDAR}:{number}: {error}") from None
        if until is None:
            until = instant
            continue
        if instants and instant <= instants[-1]:
            raise HostError(f"{CALENDAR}:{number}: {found[1]} does not come after the line before")
        instants.append(instant)
        names.append(found[2])
    if until is None or not instants:
        raise HostError(f"{CALENDAR}: no profile at all")
    return Calendar(tuple(instants), tuple(names), until)


class Clock(Frozen):
    """The real clock, or a rehearsed one that runs `offset` ahead of it."""

    offset: timedelta | None = None

    def now(self) -> datetime:
        """The moment that the program goes by, in UTC."""
        return datetime.now(UTC) + (self.offset or timedelta())

    def rehearsed(self) -> str | None:
        """The rehearsed moment, or nothing when the real clock is in force."""
        return None if self.offset is None else iso(self.now())


def read_clock(path: Path) -> Clock:
    """The clock that the file at `path` describes; the real one when there is no file.

    Raises HostError for an offset that no moment of `parse_moment` gives: `now()` is always one.
    """
    try:
        text = path.read_text(errors="replace")
    except FileNotFoundError:
        return Clock()
    try:
        offset = timedelta(seconds=float(text))
    except (ValueError, OverflowError):
        raise _broken(path, f"{text[:40]!r} is no number of seconds") from None
    if abs(offset) > _FURTHEST:
        raise _broken(path, f"{text[:40].strip()} seconds are more than 300 years")
    return Clock(offset)


def _broken(path: Path, words: str) -> HostError:
    return HostError(f"{path}: {words}; mend it with: komando-host clock off")
