"""What was probably meant by a value that is not written as it should be.

A suggestion must itself be accepted, and mean what was meant. Where that is not sure, none is made.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from komando.units.spelling import Unfit

_COMMAS = re.compile(r"[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_POINTS = re.compile(r"[1-9][0-9]{0,2}(?:\.[0-9]{3})+(?:,[0-9]+|\.[0-9]{3})")
_SPACED = re.compile(r"[0-9]{1,3}(?:[ _][0-9]{3})+(?:[.,][0-9]+)?")
_DECIMAL = re.compile(r"[0-9]+(?:[.,][0-9]+)?")
_POWER = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,20}))?[eE]\+?([0-9]+)")
_RAISED = re.compile(r"([0-9]{1,3})\^\+?([0-9]+)")
TWO_READINGS = re.compile(r"[1-9][0-9]{0,2},[0-9]{3}")
"""`1,000`: a thousand, or 1 with three decimals."""

_MOST_POWER = 60
"""An exponent beyond this is as good as this one: both are beyond everything that is measured."""


def fits(parse: Callable[[str], object], text: str) -> bool:
    """Whether a value may be written like this."""
    try:
        parse(text)
    except Unfit:
        return False
    return True


def plain_number(text: str) -> str | None:
    """A number as `1000` or `2.5`, from one with separators or an exponent.

    None where it is no number, or could be two: `1,000` is a thousand to one and 1 to another.
    """
    text = text.strip().removeprefix("+")
    if (power := _power(text)) is not None:
        return power
    if _SPACED.fullmatch(text):
        return re.sub("[ _]", "", text).replace(",", ".")
    if _COMMAS.fullmatch(text) and not TWO_READINGS.fullmatch(text):
        return text.replace(",", "")
    if _POINTS.fullmatch(text):
        return text.replace(".", "").replace(",", ".")
    return None if TWO_READINGS.fullmatch(text) else _decimal(text)


def _power(text: str) -> str | None:
    if (power := _POWER.fullmatch(text)) is not None:
        return _shifted(power[1], power[2] or "", min(int(power[3][:4]), _MOST_POWER))
    if (raised := _RAISED.fullmatch(text)) is not None:
        return str(int(raised[1]) ** min(int(raised[2][:4]), _MOST_POWER))
    return None


def _decimal(text: str) -> str | None:
    return text.replace(",", ".") if _DECIMAL.fullmatch(text) else None


def _shifted(whole: str, fraction: str, places: int) -> str:
    """A decimal number with its point some places to the right."""
    digits = whole + fraction.ljust(places, "0")
    split = len(whole) + places
    number = digits[:split].lstrip("0") or "0"
    return f"{number}.{digits[split:]}" if digits[split:] else number


def without_quotes(value: Any) -> int | None:
    """The whole number that stands in quotes or with a point and zeros: `"13"`, `1.0`."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value.strip()):
        return int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 10**9:
        return int(value)
    return None
