"""Units as people write them: `20 Mbit/s`, `07:00-15:30`, `90 %`, `95000000 IDR/month`.

Each unit is a frozen value with one spelling. `parse` takes that spelling and refuses everything
else with an `Unfit`, which says what was expected and how to mend it; `str` gives it back. All of
them can stand as fields of pydantic models, which accept the spelling or the value itself.
"""

from __future__ import annotations

from komando.units.hours import DAY, Window, clock
from komando.units.rates import (
    DIRECTION_WORDS,
    DIRECTIONS,
    MOST_BITS,
    SCALE,
    Direction,
    Pair,
    Rate,
    about,
    spelt,
)
from komando.units.shares import Percent, PercentPair, Price
from komando.units.spelling import Spelling, Unfit, Written

__all__ = [
    "DAY",
    "DIRECTIONS",
    "DIRECTION_WORDS",
    "MOST_BITS",
    "SCALE",
    "Direction",
    "Pair",
    "Percent",
    "PercentPair",
    "Price",
    "Rate",
    "Spelling",
    "Unfit",
    "Window",
    "Written",
    "about",
    "clock",
    "spelt",
]
