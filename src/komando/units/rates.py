"""Rates: `20 Mbit/s`, one for both directions or `{down: 20 Mbit/s, up: 10 Mbit/s}`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Literal, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from komando.units.spelling import Spelling, Unfit, Written, shown, two_ways, two_ways_json

Direction = Literal["down", "up"]
DIRECTIONS: tuple[Direction, Direction] = ("down", "up")

SCALE = {"bit/s": 1, "kbit/s": 10**3, "Mbit/s": 10**6, "Gbit/s": 10**9}
MOST_BITS = 10**13
"""The largest rate that is believed: 10 Tbit/s. Anything above is a slip of the keyboard."""

RATE_EXPECTED = "a rate in bits per second, as `64 kbit/s`, `20 Mbit/s` or `2.5 Gbit/s`"
_RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?) (bit/s|kbit/s|Mbit/s|Gbit/s)")
_LOOSE_RATE = re.compile(
    r"\s*+([-+]?[0-9][0-9_ ]*+(?:[.,][0-9]++)?(?:[eE^][-+]?[0-9]++)?+)\s*+(\S*+)\s*+"
)
"""Nothing is given back once it is taken, so that a text costs what it is long."""

_BYTES = re.compile(r"([kKMGT]?)i?(?:B|[Bb]ytes?)(?:/s|ps)?")
_BITS = re.compile(r"([kKmMgG]?)i?(?:b|[Bb]its?)?(?:/s|/sec|ps)?")


@dataclass(frozen=True, order=True, slots=True)
class Rate(Written):
    """A number of bits per second, 1 to 10**13, decimal (SI). Spelt `20 Mbit/s`."""

    bits: int
    spelling: ClassVar[Spelling]

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= MOST_BITS:
            raise ValueError(f"a rate of {self.bits} bit/s is outside of 1 bit/s to 10000 Gbit/s")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `20 Mbit/s`. Raises `Unfit` for anything else, with the nearest right spelling."""
        return _rate(text)  # type: ignore[return-value]

    def __str__(self) -> str:
        return spelt(self.bits)


def spelt(bits: int) -> str:
    """A sum of rates (bit/s) as people write a rate: it may be zero, or above the largest."""
    for unit in ("Gbit/s", "Mbit/s", "kbit/s"):
        scale = SCALE[unit]
        if bits >= scale and bits * 1000 % scale == 0:
            return f"{_decimal(bits, scale)} {unit}"
    return f"{bits} bit/s"


def about(rate: Rate) -> str:
    """A measured or computed rate for people, to four digits: `19.04 Mbit/s`."""
    digits = max(0, len(str(rate.bits)) - 4)
    return str(Rate(round(rate.bits, -digits)))


def _decimal(bits: int, scale: int) -> str:
    whole, rest = divmod(bits * 1000 // scale, 1000)
    return f"{whole}.{rest:03}".rstrip("0").rstrip(".")


@lru_cache(maxsize=65536)
def _rate(text: str) -> Rate:
    match = _RATE.fullmatch(text)
    if match is None:
        raise _refused_rate(text)
    whole, _, fraction = match[1].partition(".")
    scale = SCALE[match[2]]
    if len(whole) > 30 or len(fraction) > 30:
        raise _rate_range()
    bits, rest = divmod(int(whole + fraction) * scale, 10 ** len(fraction))
    if bits == 0 and rest == 0:
        raise Unfit(
            "rate-zero",
            "a rate of zero",
            expected="a rate above zero",
            remedy="write what is really meant: even a small share is more than nothing",
        )
    if rest:
        raise Unfit(
            "rate-form",
            "a rate that is no whole number of bits per second",
            expected=RATE_EXPECTED,
            remedy="use fewer decimals",
        )
    if bits > MOST_BITS:
        raise _rate_range()
    return Rate(bits)


def _rate_range() -> Unfit:
    return Unfit(
        "rate-range",
        "a rate beyond any link",
        expected="at most 10000 Gbit/s",
        remedy="count the zeros and look at the unit",
    )


def _refused_rate(text: str) -> Unfit:
    """Why this text is no rate, with the spelling that was probably meant."""
    loose = _LOOSE_RATE.fullmatch(text)
    if loose is None:
        return Unfit(
            "rate-form",
            "not a rate",
            expected=RATE_EXPECTED,
            remedy="a number, one space, then kbit/s, Mbit/s or Gbit/s",
        )
    number, unit = loose[1].strip(), loose[2]
    if number.startswith("-"):
        return Unfit(
            "rate-negative",
            "a negative rate",
            expected="a rate above zero",
            remedy="remove the minus sign",
        )
    if "e" in number.lower() or "^" in number:
        return _rate_range()
    if not unit:
        return Unfit(
            "rate-unit",
            "a rate without its unit",
            expected=RATE_EXPECTED,
            remedy=f"write `{number} Mbit/s` if megabits per second are meant",
        )
    if (octets := _BYTES.fullmatch(unit)) is not None:
        return _rate_in_bytes(number, octets[1])
    return _rate_misspelt(number, unit)


def _rate_in_bytes(number: str, prefix: str) -> Unfit:
    unit = {"": "bit/s", "k": "kbit/s", "K": "kbit/s", "M": "Mbit/s"}.get(prefix, "Gbit/s")
    factor = 8000 if prefix == "T" else 8
    plain = number.replace(",", ".")
    meant = f"{float(plain) * factor:g} {unit}" if re.fullmatch(r"[0-9.]{1,9}", plain) else None
    return Unfit(
        "rate-bytes",
        "a rate in bytes",
        expected=RATE_EXPECTED,
        remedy=f"rates are in bits: write `{meant}`" if meant else "multiply by 8, write bits",
    )


def _rate_misspelt(number: str, unit: str) -> Unfit:
    remedy = "a number, one space, then kbit/s, Mbit/s or Gbit/s"
    bits = _BITS.fullmatch(unit)
    plain = number.replace(",", ".").replace("_", "").replace(" ", "").removeprefix("+")
    if bits is not None and bits[1]:
        prefix = {"k": "k", "m": "M", "g": "G"}[bits[1].lower()]
        remedy = f"write `{plain} {prefix}bit/s`"
    return Unfit(
        "rate-form", "a rate that is spelt in another way", expected=RATE_EXPECTED, remedy=remedy
    )


def _rate_field(value: Any) -> Rate:
    if isinstance(value, str):
        return _rate(value)
    if isinstance(value, Rate):
        return value
    return _rate(shown(value))


Rate.spelling = Spelling(
    _rate_field,
    "Bits per second, decimal: kbit/s, Mbit/s or Gbit/s.",
    ("20 Mbit/s", "64 kbit/s", "2.5 Gbit/s"),
    r"^[0-9]+(\.[0-9]+)? (bit|kbit|Mbit|Gbit)/s$",
)


@dataclass(frozen=True, slots=True)
class Pair:
    """A rate for each direction, as seen from the office. Spelt as one rate or as `{down, up}`."""

    down: Rate
    up: Rate

    def of(self, direction: Direction) -> Rate:
        """The rate of one direction."""
        return self.down if direction == "down" else self.up

    @classmethod
    def both(cls, rate: Rate) -> Self:
        """The same rate in both directions."""
        return cls(rate, rate)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one rate for both directions; raises `Unfit` as `Rate.parse` does."""
        return cls.both(Rate.parse(text))

    def __str__(self) -> str:
        return str(self.down) if self.down == self.up else f"{self.down} down, {self.up} up"

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return two_ways(cls, Rate.spelling.as_core(), _rate_pair)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return two_ways_json(Rate.spelling)


@lru_cache(maxsize=65536)
def _rate_pair(text: str) -> Pair:
    return Pair.both(_rate(text))
