"""A restart that a security upgrade asks for waits for the hours in which nobody works.

docs/adr/0024-restarts-wait-for-the-hours.md
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta

from .calendar import Calendar, iso, parse_calendar, read_clock
from .errors import HostError
from .frozen import Frozen
from .hashing import sha256
from .kernel import run
from .layout import CALENDAR, INTENT, Paths
from .standing import Standing
from .typed import Any

AHEAD = timedelta(minutes=30)
"""For so long no office may be at work from now on: a machine that comes back late, or is mended by
hand, must not meet them."""

BREAK = timedelta(hours=3)
"""A shorter time between two spells of work is a break of the day, in which people are there."""

TURNS = timedelta(minutes=20)
"""Over so long the machines of a region spread: a restart takes one or two of it."""

LEAST = 2 * TURNS
"""The least length of a window: the last of its turns, and as long again for the timer to look."""

_WINDOW = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


class Quiet(Frozen):
    """A time in which nobody works, UTC; `end` is when offices open again, if that is known."""

    begin: datetime
    end: datetime | None = None


class NotNowError(HostError):
    """Why a machine does not restart now."""


def restart(standing: Standing, window: str | None) -> dict[str, Any]:
    """Restarts this machine if a package asks for it and nothing speaks against it.

    The answer says what was done, and else why not: that is no failure, for the timer asks again.
    Raises HostError for a `window` that is none, and where systemd refuses.
    """
    hours = _parsed(window) if window else None
    clock = read_clock(standing.paths.clock)
    try:
        since = _asked_since(standing) + (clock.offset or timedelta())
        _check_undisturbed(standing)
        quiet = _quiet(standing, clock.now(), hours)
        turn = max(quiet.begin, since) + delay(os.uname().nodename)
        if clock.now() < turn:
            raise NotNowError(f"its turn is at {iso(turn)}, so that not all restart together")
        with _no_package_halfway(standing.paths):
            run(["systemctl", "reboot"])
    except NotNowError as why:
        return {"rebooted": False, "why": str(why)}
    return {"rebooted": True, "why": f"a package asks for it since {iso(since)}"}


def delay(machine: str) -> timedelta:
    """How long a machine lets others go first: by its name, the same each time."""
    number = int(sha256(machine.encode()).hexdigest()[:8], 16)
    return timedelta(seconds=number % int(TURNS.total_seconds()))


def _asked_since(standing: Standing) -> datetime:
    try:
        stamp = standing.paths.restart_required.stat().st_mtime
    except FileNotFoundError:
        raise NotNowError("nothing asks for it") from None
    return datetime.fromtimestamp(stamp).astimezone()


def _check_undisturbed(standing: Standing) -> None:
    if standing.windows.pending():
        raise NotNowError("a change waits for its confirmation")
    if standing.windows.reverting():
        raise NotNowError("a change is being taken back")
    if since := standing.bypass.since():
        raise NotNowError(f"the policy is bypassed since {since}: a person is at work here")


def _quiet(standing: Standing, now: datetime, hours: tuple[timedelta, timedelta] | None) -> Quiet:
    """The time without work that it is now; raises NotNowError while there is none."""
    try:
        spells = _spells(standing, now)
    except NotNowError:
        raise
    except (HostError, OSError, ValueError, KeyError, TypeError) as error:
        return _of_window(f"the calendar cannot be read ({error})", now, hours)
    if isinstance(spells, str):
        return _of_window(spells, now, hours)
    for spell in spells:
        if spell.end is None or now < spell.end:
            if now < spell.begin:
                raise NotNowError(f"offices are at work until {iso(spell.begin)}")
            if spell.end and spell.end - now < AHEAD:
                raise NotNowError(f"offices are at work again from {iso(spell.end)}")
            return spell
    raise NotNowError("offices are at work for as long as the calendar knows")


def _spells(standing: Standing, now: datetime) -> list[Quiet] | str:
    """The times without work of the calendar in force; in words why it tells none at `now`."""
    digest = standing.in_force()
    if digest is None:
        return "no generation is in force"
    files = standing.generations.intact(digest)
    calendar = parse_calendar(files[CALENDAR].decode())
    if not calendar.instants[0] <= now < calendar.until:
        return f"the calendar covers {iso(calendar.instants[0])} to {iso(calendar.until)}"
    busy = at_work(json.loads(files[INTENT]))
    if not any(busy[name] for name in calendar.names):
        return "no calendar closes"
    return list(spells(calendar, busy))


def at_work(intent: Mapping[str, Any]) -> dict[str, bool]:
    """In which profiles an office is at work.

    A calendar that is open in all of them never closes, and nobody can wait for it; the public's
    hours stand in none. Hours that an exception lends to an office are hours of work.
    """
    profiles = intent["profiles"]
    always = set.intersection(*(set(one["open"]) for one in profiles))
    lent = {
        f"{leaf['slug']}@{one['from']}"
        for leaf in intent["leaves"]
        for one in leaf["exceptions"]
        if one["calendar"]
    }
    return {
        one["name"]: bool(set(one["open"]) - always or lent & set(one["exceptions"]))
        for one in profiles
    }


def spells(calendar: Calendar, busy: Mapping[str, bool]) -> Iterator[Quiet]:
    """The times without work, in their order, but for breaks; the last ends with the calendar."""
    begin: datetime | None = None
    for instant, name in zip(calendar.instants, calendar.names, strict=True):
        if begin is None and not busy[name]:
            begin = instant
        elif begin is not None and busy[name]:
            if instant - begin >= BREAK:
                yield Quiet(begin, instant)
            begin = None
    if begin is not None:
        yield Quiet(begin)


def _parsed(window: str) -> tuple[timedelta, timedelta]:
    """Begin and length of a window of local time; one that ends before it begins spans midnight."""
    found = _WINDOW.fullmatch(window)
    if not found or found[0][:5] == found[0][6:]:
        raise HostError(f"{window!r} is no window; write 02:00-04:00")
    first, last = (timedelta(hours=int(found[one]), minutes=int(found[one + 1])) for one in (1, 3))
    length = (last - first) % timedelta(days=1)
    if length < LEAST:
        raise HostError(f"{window} is too short for all to take turns; make it 40 minutes or more")
    return first, length


def _of_window(why: str, now: datetime, hours: tuple[timedelta, timedelta] | None) -> Quiet:
    if hours is None:
        raise NotNowError(f"{why}, and no --window was given")
    first, length = hours
    local = now.astimezone()
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    begin = midnight + first
    if begin > local:
        begin -= timedelta(days=1)
    if local >= begin + length:
        raise NotNowError(f"{why}; the next window begins at {iso(begin + timedelta(days=1))}")
    return Quiet(begin)


@contextmanager
def _no_package_halfway(paths: Paths) -> Iterator[None]:
    """Keeps apt and dpkg from beginning; raises NotNowError while they are at work.

    The first package of an upgrade asks for the restart while the others are still being unpacked.
    """
    try:
        descriptor = os.open(paths.packages_lock, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield
        return
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise NotNowError("packages are being installed") from None
    try:
        yield
    finally:
        os.close(descriptor)
