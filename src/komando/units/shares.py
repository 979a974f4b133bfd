"""Shares of something, `90 %`, and what things cost, `95000000 IDR/month`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Literal, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from komando.units.rates import Direction, Rate
from komando.units.spelling import Spelling, Unfit, Written, shown, two_ways, two_ways_json

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
        number = re.match(r"\s*([0-9]{1,2}(?:\.[0-9]{1,2})?)(?![0-9])", text)
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
