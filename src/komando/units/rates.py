"""Rates: `20 Mbit/s`, one for both directions or `{down: 20 Mbit/s, up: 10 Mbit/s}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, ClassVar, Final, Literal, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from komando.units.misspelt import TWO_READINGS, fits, plain_number
from komando.units.spelling import Spelling, Unfit, Written, shown, two_ways, two_ways_json

Direction = Literal["down", "up"]
DIRECTIONS: tuple[Direction, Direction] = ("down", "up")
DIRECTION_WORDS: Final[Mapping[Direction, str]] = {"down": "download", "up": "upload"}

SCALE = {"bit/s": 1, "kbit/s": 10**3, "Mbit/s": 10**6, "Gbit/s": 10**9}
MOST_BITS = 10**13
"""The largest rate that is believed: 10 Tbit/s. Anything above is a slip of the keyboard."""

RATE_EXPECTED = "a rate in bits per second, as `64 kbit/s`, `20 Mbit/s` or `2.5 Gbit/s`"
_RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?) (bit/s|kbit/s|Mbit/s|Gbit/s)")
_RATE_REMEDY = "a number, one space, then kbit/s, Mbit/s or Gbit/s"
_LOOSE_RATE = re.compile(r"\s*+([-+]?[0-9][0-9_., ]*+(?:[eE^][-+]?[0-9]++)?+)\s*+(\S*+)\s*+")
"""Nothing is given back once it is taken, so that a text costs what it is long."""

_BYTES = re.compile(r"([kKMGT]?)(i?)(?:B|[Bb]ytes?)(?:/s|ps)?")
_BITS = re.compile(r"([kKmMgG]?)(i?)(?:b|[Bb]its?)?(?:/s|/sec|ps)?")
_PREFIXES = {"k": "k", "m": "M", "g": "G"}


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
        raise _rate_unwieldy(whole)
    bits, rest = divmod(int(whole + fraction) * scale, 10 ** len(fraction))
    if bits == 0 and rest == 0:
        raise Unfit(
            "rate-zero",
            "a rate of zero",
            expected="a rate above zero",
            remedy="write what is really meant: even a small share is more than nothing",
        )
    if rest:
        raise _rate_form("a rate that is no whole number of bits per second", "use fewer decimals")
    if bits > MOST_BITS:
        raise _rate_range()
    return Rate(bits)


def _rate_unwieldy(whole: str) -> Unfit:
    if len(whole.lstrip("0")) > 30:
        return _rate_range()
    return _rate_form("a rate of more digits than any link needs", "write it with fewer digits")


def _rate_range() -> Unfit:
    return Unfit(
        "rate-range",
        "a rate beyond any link",
        expected="at most 10000 Gbit/s",
        remedy="count the zeros and look at the unit",
    )


def _rate_form(message: str, remedy: str = _RATE_REMEDY) -> Unfit:
    return Unfit("rate-form", message, expected=RATE_EXPECTED, remedy=remedy)


def _refused_rate(text: str) -> Unfit:
    """Why this text is no rate, with the spelling that was probably meant."""
    loose = _LOOSE_RATE.fullmatch(text)
    if loose is None:
        return _rate_form("not a rate")
    number, unit = loose[1].strip(), loose[2]
    if number.startswith("-"):
        return Unfit(
            "rate-negative",
            "a negative rate",
            expected="a rate above zero",
            remedy="remove the minus sign",
        )
    plain = plain_number(number)
    if not unit:
        return _rate_without_unit(plain)
    if (octets := _BYTES.fullmatch(unit)) is not None:
        return _rate_in_bytes(plain, octets[1], binary=octets[2] == "i")
    bits = _BITS.fullmatch(unit)
    prefix = _PREFIXES.get(bits[1].lower()) if bits is not None else None
    if bits is None or prefix is None:
        return _rate_form("a rate that is spelt in another way")
    return _rate_misspelt(number, plain, prefix, binary=bits[2] == "i")


def _rate_without_unit(plain: str | None) -> Unfit:
    if plain is not None and Decimal(plain) > MOST_BITS:
        return _rate_range()
    meant = _accepted(f"{plain} Mbit/s")
    return Unfit(
        "rate-unit",
        "a rate without its unit",
        expected=RATE_EXPECTED,
        remedy=f"write `{meant}` if megabits per second are meant"
        if meant
        else "write the number out, one space, then kbit/s, Mbit/s or Gbit/s",
    )


def _rate_in_bytes(plain: str | None, prefix: str, *, binary: bool) -> Unfit:
    meant = _computed(plain, prefix, 8, binary=binary)
    return Unfit(
        "rate-bytes",
        "a rate in bytes",
        expected=RATE_EXPECTED,
        remedy=f"rates are in bits: write `{meant}`" if meant else "multiply by 8, write bits",
    )


def _rate_misspelt(number: str, plain: str | None, prefix: str, *, binary: bool) -> Unfit:
    if plain is None:
        if TWO_READINGS.fullmatch(number):
            whole, rest = number.split(",")
            one = f"{whole}{rest} {prefix}bit/s"
            other = f"{whole}.{rest}".rstrip("0").rstrip(".") + f" {prefix}bit/s"
            return _rate_form(
                "a rate that can be read in two ways",
                f"write `{one}`, or `{other}` if the comma was a decimal point",
            )
        return _rate_form("a rate that is spelt in another way")
    if binary:
        meant = _computed(plain, prefix, 1, binary=True)
        remedy = f"prefixes are decimal here: write `{meant}`" if meant else _RATE_REMEDY
        return _rate_form("a rate with a binary prefix", remedy)
    if Decimal(plain) * SCALE[f"{prefix}bit/s"] > MOST_BITS:
        return _rate_range()
    meant = _accepted(f"{plain} {prefix}bit/s")
    remedy = f"write `{meant}`" if meant else _RATE_REMEDY
    return _rate_form("a rate that is spelt in another way", remedy)


def _computed(plain: str | None, prefix: str, factor: int, *, binary: bool) -> str | None:
    """A rate with a prefix that the product does not write, in its own spelling, to the bit."""
    if plain is None:
        return None
    power = "kmgt".index(prefix.lower()) + 1 if prefix else 0
    bits = Decimal(plain) * factor * (1024 if binary else 1000) ** power
    if not 1 <= bits <= MOST_BITS:
        return None
    whole = Rate(int(bits))
    return str(about(whole) if binary else whole)


def _accepted(text: str) -> str | None:
    """The text, if it may stand: nothing else is ever suggested."""
    return text if fits(_rate, text) else None


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
