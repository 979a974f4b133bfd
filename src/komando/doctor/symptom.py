"""One thing that was looked at, how it stands, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, get_args

Level = Literal["ok", "note", "warning", "error"]
"""ok: as it should be. note: to be known. warning: to be mended soon. error: something fails."""

LEVELS: Final[tuple[Level, ...]] = get_args(Level)
"""From good to bad."""


@dataclass(frozen=True)
class Symptom:
    """What one look came to.

    `id` is stable and has a line in docs/doctor.md. `what` is a sentence without its full stop,
    with names and dates; `mend` says how, "" where nothing is to be done.
    """

    id: str
    level: Level
    what: str
    mend: str = ""


def worst_first(symptoms: Iterable[Symptom]) -> list[Symptom]:
    """By level, and within one in the order in which they were looked at."""
    return sorted(symptoms, key=lambda one: -LEVELS.index(one.level))


def days(number: int) -> str:
    """A number of days, in words."""
    return counted(number, "day", "days")


def counted(number: int, one: str, many: str) -> str:
    """A number of things, in words."""
    return f"{number} {one if number == 1 else many}"


def until(day: date, today: date) -> str:
    """A day, and how far off it is."""
    left = (day - today).days
    if left == 0:
        return f"{day}, today"
    return f"{day}, in {days(left)}" if left > 0 else f"{day}, {days(-left)} ago"


def listed(names: Iterable[str], most: int = 5) -> str:
    """Names with commas between them; of many the first, and how many more: two at least."""
    every = list(names)
    if len(every) == most + 1:
        return ", ".join(every)
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more
