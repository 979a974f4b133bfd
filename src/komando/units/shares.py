"""Shares of something, `90 %`, and what things cost, `95000000 IDR/month`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, ClassVar, Literal, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from komando.units.misspelt import plain_number
from komando.units.rates import Direction, Rate
from komando.units.spelling import Spelling, Unfit, Written, shown, two_ways, two_ways_json

_PERCENT = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,2}))? %")
_LOOSE_PERCENT = re.compile(r"\s*+(\+?[0-9][0-9.,_eE+]*+)\s*+(%|percent|persen|)\s*+")
_PRICE = re.compile(r"([0-9]{1,15}) ([A-Z]{3})/(month|year)")
_LOOSE_PRICE = re.compile(
    r"\s*([0-9]{1,3}(?:[., _][0-9]{3})+)\s*+([A-Z]{3})\s*+/\s*+(month|year)\s*+"
)


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
    hundredths = _hundredths(text)
    if not 1 <= hundredths <= 10_000:
        raise _refused_percent(text)
    return Percent(hundredths)


def _hundredths(text: str) -> int:
    match = _PERCENT.fullmatch(text)
    return int(match[1]) * 100 + int((match[2] or "0").ljust(2, "0")) if match else 0


def _refused_percent(text: str) -> Unfit:
    loose = _LOOSE_PERCENT.fullmatch(text)
    plain = plain_number(loose[1]) if loose is not None else None
    message, remedy = "not a share in percent", "a number, one space, then %"
    if text.lstrip().startswith("-"):
        remedy = "remove the minus sign"
    if loose is not None and plain is not None:
        number = Decimal(plain)
        if number == 0:
            message, remedy = "a share of 0 percent", "write how much is really meant"
        elif number > 100:
            message, remedy = "a share above 100 percent", "nothing has more than the whole of it"
        elif not loose[2] and number < 1:
            percent = f"{number * 100:f}".rstrip("0").rstrip(".") + " %"
            if _hundredths(percent):
                remedy = f"write `{percent}` if that part of the whole is meant"
        elif _hundredths(f"{plain} %"):
            remedy = f"write `{plain} %`"
        else:
            message, remedy = "a share in percent that is too fine", "two decimals are enough"
    expected = "above 0 % and at most 100 %, as `90 %`"
    return Unfit("percent", message, expected=expected, remedy=remedy)


def _percent_field(value: Any) -> Percent:
    if isinstance(value, Percent):
        return value
    return _percent(value if isinstance(value, str) else shown(value))


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
        """The share of one direction."""
        return self.down if direction == "down" else self.up

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        def both(text: str) -> PercentPair:
            return PercentPair(_percent(text), _percent(text))

        return two_ways(cls, Percent.spelling.as_core(), both)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return two_ways_json(Percent.spelling)


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
        loose = _LOOSE_PRICE.fullmatch(value) if isinstance(value, str) else None
        meant = f"{re.sub('[^0-9]', '', loose[1])} {loose[2]}/{loose[3]}" if loose else ""
        raise Unfit(
            "price",
            "not a price",
            expected="an amount, a currency and a period, as `95000000 IDR/month`",
            remedy=f"write `{meant}`"
            if _PRICE.fullmatch(meant)
            else "whole units without separators, then IDR/month or IDR/year",
        )
    return Price(int(match[1]), match[2], "month" if match[3] == "month" else "year")


Price.spelling = Spelling(
    _price,
    "An amount without separators, a currency, and month or year.",
    ("95000000 IDR/month",),
    r"^[0-9]+ [A-Z]{3}/(month|year)$",
)
