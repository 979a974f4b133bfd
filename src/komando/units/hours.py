"""Hours of a day: `07:00-15:30`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Self

from komando.units.misspelt import fits
from komando.units.spelling import Spelling, Unfit, Written

DAY = 24 * 60
"""Minutes of a day; the end of a window may be 24:00."""


_WINDOW = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")
_LOOSE_WINDOW = re.compile(
    r"\s*([0-9]{1,2})[.:]([0-9]{2})\s*(?:-|\u2013|to|until)\s*([0-9]{1,2})[.:]([0-9]{2})\s*"
)
WINDOW_EXPECTED = "hours of one day, as `07:00-15:30`; the end may be `24:00`"


@dataclass(frozen=True, order=True, slots=True)
class Window(Written):
    """Hours of one day: minutes since midnight, `start` inclusive, `end` exclusive (at most 1440).

    Spelt `07:00-15:30`. It never crosses midnight: such hours are two windows.
    """

    start: int
    end: int
    spelling: ClassVar[Spelling]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `07:00-15:30`. Raises `Unfit`."""
        return _window(text)  # type: ignore[return-value]

    def __str__(self) -> str:
        return f"{clock(self.start)}-{clock(self.end)}"


def clock(minute: int) -> str:
    """A minute of the day as people write it: 450 is `07:30`."""
    return f"{minute // 60:02}:{minute % 60:02}"


@lru_cache(maxsize=4096)
def _window(text: str) -> Window:
    match = _WINDOW.fullmatch(text)
    if match is None:
        raise _refused_window(text)
    hours = [int(part) for part in match.groups()]
    start, end = hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
    if hours[1] > 59 or hours[3] > 59 or start > DAY or end > DAY:
        raise _no_time(text[:5] if hours[1] > 59 or start > DAY else text[6:])
    if start == end:
        raise Unfit(
            "window-order",
            "a window without length",
            expected="a start before the end",
            remedy="write `00:00-24:00` for a whole day, or leave the day out",
        )
    if start > end:
        raise Unfit(
            "window-order",
            "a window that ends before it starts",
            expected="a start before the end, on one day",
            remedy=_over_midnight(text[:5], text[6:]),
        )
    return Window(start, end)


def _over_midnight(start: str, end: str) -> str:
    if start == "24:00" and end != "00:00":
        return f'a day begins at 00:00: write "00:00-{end}"'
    if end == "00:00" and start != "24:00":
        return f'a day ends at 24:00: write "{start}-24:00"'
    if start == "24:00":
        return 'a day goes from 00:00 to 24:00: write "00:00-24:00" if all of it is meant'
    split = f'["{start}-24:00"] on that day and ["00:00-{end}"] on the next'
    return f"swap the two times, or past midnight write {split}"


def _no_time(late: str) -> Unfit:
    return Unfit(
        "window-hour",
        f"`{late}` is no time of day",
        expected="00:00 to 24:00",
        remedy="minutes go from 00 to 59"
        if int(late[3:]) > 59
        else "a day ends at 24:00; what comes after belongs to the next day",
    )


def _refused_window(text: str) -> Unfit:
    loose = _LOOSE_WINDOW.fullmatch(text)
    remedy = 'two times with a dash between, in quotes: "07:00-15:30"'
    if loose is not None:
        meant = f"{int(loose[1]):02}:{loose[2]}-{int(loose[3]):02}:{loose[4]}"
        if meant != text and fits(_window, meant):
            remedy = f'write "{meant}"'
    return Unfit("window-form", "not a window of hours", expected=WINDOW_EXPECTED, remedy=remedy)


def _window_field(value: Any) -> Window:
    if isinstance(value, str):
        return _window(value)
    if isinstance(value, Window):
        return value
    raise _refused_window("")


Window.spelling = Spelling(
    _window_field,
    "Hours of one day; the end may be 24:00.",
    ("07:00-15:30", "00:00-24:00"),
    r"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$",
)
