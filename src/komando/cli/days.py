"""A day on a command line, refused in the words in which a policy file's day is."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from komando.units import Unfit


class Day(click.ParamType[date]):
    """A day as year-month-day."""

    name = "DATE"
    form = "a day, as 2026-11-24"
    hint = ", as 2026-11-24"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day."""
        from komando.documents.fields import read_day  # Tab does not wait for pydantic
        from komando.units import Unfit

        try:
            return read_day(value)
        except Unfit as unfit:
            self.fail(f"{value!r}: {in_words(unfit)}", param, ctx)


DAY = Day()


def in_words(unfit: Unfit) -> str:
    """Why a value cannot stand, and how it is written, in one line."""
    return f"{unfit.message}; expected {unfit.expected}; {unfit.remedy}"
