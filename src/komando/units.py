"""Units as people write them: `20 Mbit/s`, `07:00-15:30`, `90 %`, `95000000 IDR/month`.

Each unit is a frozen value with one spelling. `parse` takes that spelling and refuses everything
else with an `Unfit`, which says what was expected and how to mend it; `str` gives it back. All of
them can stand as fields of pydantic models, which accept the spelling or the value itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Literal, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

Direction = Literal["down", "up"]
DIRECTIONS: tuple[Direction, Direction] = ("down", "up")

SCALE = {"bit/s": 1, "kbit/s": 10**3, "Mbit/s": 10**6, "Gbit/s": 10**9}
MOST_BITS = 10**13
"""The largest rate that is believed: 10 Tbit/s. Anything above is a slip of the keyboard."""

DAY = 24 * 60
"""Minutes of a day; the end of a window may be 24:00."""


class Unfit(ValueError):
    """A value that cannot stand, with the check that refuses it and the way out.

    `path` leads from the refused value to the part at fault (a key, an index), if not the whole.
    """

    def __init__(
        self,
        check: str,
        message: str,
        *,
        expected: str,
        remedy: str,
        path: tuple[str | int, ...] = (),
    ) -> None:
        super().__init__(message)
        self.check = check
        self.message = message
        self.expected = expected
        self.remedy = remedy
        self.path = path


@dataclass(frozen=True)
class Spelling:
    """How one kind of value is written in a policy file: for validation and for JSON Schema.

    As an annotation (`Annotated[IPv4Address, Spelling(...)]`) it makes a pydantic field that is
    read by `parse`, which gets what stood in the file (never only text) and may raise `Unfit`.
    """

    parse: Callable[[Any], Any]
    description: str
    examples: tuple[str, ...]
    pattern: str | None = None

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return self.as_core()

    def as_core(self) -> CoreSchema:
        """This spelling as a schema of pydantic's core."""
        return core_schema.no_info_plain_validator_function(
            self.parse, serialization=core_schema.to_string_ser_schema()
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return self.as_json()

    def as_json(self) -> JsonSchemaValue:
        """This spelling as a JSON Schema."""
        found: JsonSchemaValue = {"type": "string", "description": self.description}
        if self.pattern is not None:
            found["pattern"] = self.pattern
        if self.examples:
            found["examples"] = list(self.examples)
        return found


class Written:
    """A value type with one spelling; subclasses give `spelling` and `parse`."""

    __slots__ = ()
    spelling: ClassVar[Spelling]

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return cls.spelling.as_core()

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return cls.spelling.as_json()


# --- rates ---------------------------------------------------------------------------------------

RATE_EXPECTED = "a rate in bits per second, as `64 kbit/s`, `20 Mbit/s` or `2.5 Gbit/s`"
_RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?) (bit/s|kbit/s|Mbit/s|Gbit/s)")
_LOOSE_RATE = re.compile(r"\s*([-+]?[0-9][0-9_ ]*(?:[.,][0-9]+)?(?:[eE^][-+]?[0-9]+)?)\s*(\S*)\s*")
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
        for unit in ("Gbit/s", "Mbit/s", "kbit/s"):
            scale = SCALE[unit]
            if self.bits >= scale and self.bits * 1000 % scale == 0:
                return f"{_decimal(self.bits, scale)} {unit}"
        return f"{self.bits} bit/s"


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
        raise _rate_range(text)
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
        raise _rate_range(text)
    return Rate(bits)


def _rate_range(text: str) -> Unfit:
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
    if not unit:
        return Unfit(
            "rate-unit",
            "a rate without its unit",
            expected=RATE_EXPECTED,
            remedy=f"write `{number} Mbit/s` if megabits per second are meant",
        )
    if (octets := _BYTES.fullmatch(unit)) is not None:
        return _rate_in_bytes(number, octets[1])
    if "e" in number.lower() or "^" in number:
        return _rate_range(text)
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
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _rate(_shown(value))
    raise _refused_rate("")


def _shown(value: float) -> str:
    """A bare number as text; an integer of thousands of digits stays short."""
    return str(value) if abs(value) < 10**18 else f"{float(min(value, 10**300)):g}"


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
        return self.down if direction == "down" else self.up

    @classmethod
    def both(cls, rate: Rate) -> Self:
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
        return _two_ways(cls, Rate.spelling.as_core(), _rate_pair)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return _two_ways_json(handler, Rate.spelling)


@lru_cache(maxsize=65536)
def _rate_pair(text: str) -> Pair:
    return Pair.both(_rate(text))


def _two_ways(
    cls: Callable[[Any, Any], Any], one: CoreSchema, both: Callable[[str], Any]
) -> CoreSchema:
    """The schema of a value that is written once for both directions, or as `{down, up}`."""
    field = core_schema.typed_dict_field
    inner = core_schema.typed_dict_schema(
        {"down": field(one), "up": field(one)}, extra_behavior="forbid"
    )

    def read(value: Any, handler: core_schema.ValidatorFunctionWrapHandler) -> Any:
        if type(value) is str:
            return both(value)
        if type(value) is dict:
            found = handler(value)
            return cls(found["down"], found["up"])
        if isinstance(value, type) or type(value) is cls:
            return value
        return both(_shown(value) if type(value) in (int, float) else "")

    return core_schema.no_info_wrap_validator_function(
        read, inner, serialization=core_schema.plain_serializer_function_ser_schema(_plain_pair)
    )


def _plain_pair(value: Any) -> dict[str, str]:
    return {"down": str(value.down), "up": str(value.up)}


def _two_ways_json(handler: GetJsonSchemaHandler, spelling: Spelling) -> JsonSchemaValue:
    one: JsonSchemaValue = {"type": "string", "examples": list(spelling.examples)}
    if spelling.pattern is not None:
        one["pattern"] = spelling.pattern
    return {
        "description": f"{spelling.description} One value for both directions, or down and up.",
        "examples": [spelling.examples[0]],
        "anyOf": [
            one,
            {
                "type": "object",
                "additionalProperties": False,
                "required": ["down", "up"],
                "properties": {
                    "down": {**one, "description": "Towards the office (download)."},
                    "up": {**one, "description": "From the office (upload)."},
                },
            },
        ],
    }


# --- hours ---------------------------------------------------------------------------------------

_WINDOW = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")
_LOOSE_WINDOW = re.compile(
    r"\s*([0-9]{1,2})[.:]([0-9]{2})\s*(?:-|–|to|until)\s*([0-9]{1,2})[.:]([0-9]{2})\s*"
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
        late = text[:5] if hours[1] > 59 or start > DAY else text[6:]
        raise Unfit(
            "window-hour",
            f"`{late}` is no time of day",
            expected="00:00 to 24:00",
            remedy="a day ends at 24:00; what comes after belongs to the next day",
        )
    if start == end:
        raise Unfit(
            "window-order",
            "a window without length",
            expected="a start before the end",
            remedy="write `00:00-24:00` for a whole day, or leave the day out",
        )
    if start > end:
        split = f'["{text[:5]}-24:00"] on that day and ["00:00-{text[6:]}"] on the next'
        raise Unfit(
            "window-order",
            "a window that ends before it starts",
            expected="a start before the end, on one day",
            remedy=f"swap the two times, or past midnight write {split}",
        )
    return Window(start, end)


def _refused_window(text: str) -> Unfit:
    loose = _LOOSE_WINDOW.fullmatch(text)
    remedy = 'two times with a dash between, in quotes: "07:00-15:30"'
    if loose is not None:
        remedy = f'write "{int(loose[1]):02}:{loose[2]}-{int(loose[3]):02}:{loose[4]}"'
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


# --- shares and money ----------------------------------------------------------------------------

_PERCENT = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,2}))? %")
_PRICE = re.compile(r"([0-9]{1,15}) ([A-Z]{3})/(month|year)")


@dataclass(frozen=True, order=True, slots=True)
class Percent(Written):
    """A share in hundredths of a percent, 1 to 10000. Spelt `90 %` or `92.5 %`."""

    hundredths: int
    spelling: ClassVar[Spelling]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `90 %`. Raises `Unfit`."""
        return _percent(text)  # type: ignore[return-value]

    def share_of(self, rate: Rate) -> Rate:
        """That share of a rate, rounded down to whole bits."""
        return Rate(max(1, rate.bits * self.hundredths // 10_000))

    def __str__(self) -> str:
        whole, rest = divmod(self.hundredths, 100)
        return f"{whole}.{rest:02}".rstrip("0").rstrip(".") + " %"


@lru_cache(maxsize=1024)
def _percent(text: str) -> Percent:
    match = _PERCENT.fullmatch(text)
    hundredths = int(match[1]) * 100 + int((match[2] or "0").ljust(2, "0")) if match else 0
    if not 1 <= hundredths <= 10_000:
        number = re.match(r"\s*([0-9]{1,2}(?:\.[0-9]{1,2})?)", text)
        raise Unfit(
            "percent",
            "not a share in percent",
            expected="above 0 % and at most 100 %, as `90 %`",
            remedy=f"write `{number[1]} %`" if number else "a number, one space, then %",
        )
    return Percent(hundredths)


def _percent_field(value: Any) -> Percent:
    if isinstance(value, Percent):
        return value
    return _percent(value if isinstance(value, str) else "")


Percent.spelling = Spelling(
    _percent_field,
    "A share in percent, above 0 and at most 100.",
    ("90 %",),
    r"^[0-9]{1,3}(\.[0-9]{1,2})? %$",
)


@dataclass(frozen=True, slots=True)
class PercentPair:
    """A share for each direction. Spelt as one percentage or as `{down, up}`."""

    down: Percent
    up: Percent

    def of(self, direction: Direction) -> Percent:
        return self.down if direction == "down" else self.up

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        def both(text: str) -> PercentPair:
            return PercentPair(_percent(text), _percent(text))

        return _two_ways(cls, Percent.spelling.as_core(), both)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return _two_ways_json(handler, Percent.spelling)


@dataclass(frozen=True, slots=True)
class Price(Written):
    """An amount of money by the month or year, in whole units of an ISO 4217 currency."""

    amount: int
    currency: str
    period: Literal["month", "year"]
    spelling: ClassVar[Spelling]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `95000000 IDR/month`. Raises `Unfit`."""
        return _price(text)  # type: ignore[return-value]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}/{self.period}"


def _price(value: Any) -> Price:
    if isinstance(value, Price):
        return value
    match = _PRICE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise Unfit(
            "price",
            "not a price",
            expected="an amount, a currency and a period, as `95000000 IDR/month`",
            remedy="whole units without separators, then IDR/month or IDR/year",
        )
    return Price(int(match[1]), match[2], "month" if match[3] == "month" else "year")


Price.spelling = Spelling(
    _price,
    "An amount without separators, a currency, and month or year.",
    ("95000000 IDR/month",),
    r"^[0-9]+ [A-Z]{3}/(month|year)$",
)
