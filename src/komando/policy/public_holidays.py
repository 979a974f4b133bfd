"""What the `holidays` library knows: the one place that asks it.

Its package of countries imports all 250 of them where one is asked for (0.06 s, a tenth of what an
apply takes); here a package of the same name stands in for it, in which each is found by itself.
"""

from __future__ import annotations

import sys
from datetime import date
from functools import lru_cache
from importlib.util import find_spec, module_from_spec

import holidays
from holidays.registry import COUNTRIES

_PACKAGE = "holidays.countries"

if _PACKAGE not in sys.modules and (_spec := find_spec(_PACKAGE)) is not None:
    sys.modules[_PACKAGE] = module_from_spec(_spec)  # and its code is not run


def countries() -> frozenset[str]:
    """The ISO 3166 codes of those that the library knows."""
    return frozenset(code for _, code, *_ in COUNTRIES.values())


def categories_of(country: str) -> tuple[str, ...]:
    """The kinds of holidays that a country has there."""
    return tuple(sorted(holidays.country_holidays(country).supported_categories))


@lru_cache(maxsize=8)
def holidays_in(
    country: str, categories: tuple[str, ...], years: tuple[int, ...]
) -> dict[date, str]:
    """Days off and their names: public holidays and, for ID, joint leave."""
    return dict(holidays.country_holidays(country, categories=categories, years=years))


@lru_cache(maxsize=8)
def estimated_in(
    country: str, categories: tuple[str, ...], years: tuple[int, ...]
) -> dict[date, str]:
    """The days off of which the library knows only about when they are, in the country's language.

    It marks their names, for ID with `(perkiraan)`, where the moon has still to be seen.
    """
    language = holidays.country_holidays(country).default_language
    found = holidays.country_holidays(
        country, categories=categories, years=years, language=language
    )
    mark = getattr(found, "estimated_label", "%s").replace("%s", "").strip()
    return {day: name for day, name in found.items() if mark and mark in name}
