"""Which moment shows a scenario: found in the calendar that runs on the router. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from komando.host.calendar import parse_calendar
from komando.intent import Profile, RouterIntent, exception_parts
from komando.lab.place import LabError
from komando.units import DIRECTIONS

BEFORE = timedelta(minutes=4)
"""How far from a boundary a scenario begins: the clock goes on while the load grows, which takes
a minute and a half at most."""

ROOM = timedelta(minutes=20)
"""A scenario needs a profile that lasts at least this long: none may end while it is counted."""


class NotShown(LabError):
    """Why a scenario cannot be shown: this city, or what is left of its calendar, lacks for it."""


@dataclass(frozen=True)
class Stretch:
    """An uninterrupted time in which one profile is in force; the last one has no `end`."""

    start: datetime
    end: datetime | None
    profile: Profile

    @property
    def lasts(self) -> bool:
        """Whether there is time to measure in it."""
        return self.end is None or self.end - self.start >= ROOM


@dataclass(frozen=True)
class Boundary:
    """The instant at which one profile takes over from another."""

    at: datetime
    before: Profile
    after: Profile


class Calendar:
    """The router's calendar from a moment on."""

    def __init__(self, intent: RouterIntent, text: str, since: datetime) -> None:
        """`text` is the host's file."""
        calendar = parse_calendar(text)
        profiles = [intent.profile(name) for name in calendar.names]
        marks = list(zip(calendar.instants, profiles, strict=True))
        ends = [*(at for at, _ in marks[1:]), None]
        self.stretches = [
            Stretch(max(at, since), end, profile)
            for (at, profile), end in zip(marks, ends, strict=True)
            if end is None or end > since
        ]

    def at_work(self) -> Stretch:
        """Most calendars open, no exception in force."""
        most = max((len(one.profile.open) for one in self.stretches), default=0)
        return self._first(
            lambda profile: len(profile.open) == most and not profile.exceptions,
            "offices at work without an exception",
        )

    def at_night(self) -> Stretch:
        """Fewest calendars open, no exception in force."""
        least = min((len(one.profile.open) for one in self.stretches), default=0)
        return self._first(
            lambda profile: len(profile.open) == least and not profile.exceptions,
            "offices closed without an exception",
        )

    def start_of_exception(self, slugs: Collection[str]) -> tuple[Boundary, str]:
        """An exception of one of these offices begins, and raises what it gets; whose it is."""
        plain = {one.profile.open: one.profile for one in self._usable() if _plain(one.profile)}
        for before, one in pairwise(self.stretches):
            usual = plain.get(one.profile.open)
            for key in sorted(set(one.profile.exceptions) - set(before.profile.exceptions)):
                slug, _ = exception_parts(key)
                fits = slug in slugs and before.lasts and one.lasts
                if fits and usual is not None and _raises(one.profile, usual, slug):
                    return Boundary(one.start, before.profile, one.profile), slug
        raise NotShown("no exception that begins from here on raises what an office gets")

    def end_of_hours(self) -> Boundary:
        """Where offices go home: the public's pool grows most, and no exception changes."""
        boundaries = [
            Boundary(after.start, before.profile, after.profile)
            for before, after in pairwise(self.stretches)
            if before.lasts
            and after.lasts
            and before.profile.exceptions == after.profile.exceptions
        ]
        if not boundaries:
            raise NotShown("the router's calendar has no hour switch left")
        return max(boundaries, key=lambda one: (_harvest(one), -one.at.timestamp()))

    def _usable(self) -> list[Stretch]:
        return [one for one in self.stretches if one.lasts]

    def _first(self, fits: Callable[[Profile], bool], what: str) -> Stretch:
        for one in self._usable():
            if fits(one.profile):
                return one
        raise NotShown(f"the router's calendar has no time with {what} left")


def _plain(profile: Profile) -> bool:
    return not profile.exceptions


def _raises(profile: Profile, usual: Profile, slug: str) -> bool:
    now, then = profile.shares[slug], usual.shares[slug]
    return all(now.of(one).bits > then.of(one).bits * 1.01 for one in DIRECTIONS)


def _harvest(boundary: Boundary) -> int:
    sizes = [one.pools["public"].down.bits for one in (boundary.after, boundary.before)]
    return sizes[0] - sizes[1]


def resized_pools(before: Profile, after: Profile) -> dict[str, Sequence[str]]:
    """By direction, the pools whose size differs."""
    return {
        direction: [
            slug
            for slug in after.pools
            if after.pools[slug].of(direction) != before.pools[slug].of(direction)
        ]
        for direction in DIRECTIONS
    }
