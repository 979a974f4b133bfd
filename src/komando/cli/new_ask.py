"""What a new policy file shall say: by flags, by questions at a terminal, or by defaults."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

import click
from pydantic import TypeAdapter, ValidationError

from komando.documents.faults import faults_of
from komando.documents.fields import Day, Line, Prose, Reason
from komando.documents.near import nearest
from komando.units import Pair

_TWO_WAYS = re.compile(r"(?P<down>.+) down, (?P<up>.+) up")


class Value(click.ParamType[Any]):
    """A value as policies spell it; `kind` is the type of a model's field."""

    def __init__(self, kind: Any, name: str) -> None:
        self.name = name
        self._read: TypeAdapter[Any] = TypeAdapter(kind)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """What the words mean; refused as a policy file's value would be."""
        if not isinstance(value, str):
            return value
        try:
            return self._read.validate_python(self._meant(value))
        except ValidationError as error:
            unfit = next(faults_of(error)).unfit
            if unfit is None:
                self.fail(f"{value!r} is no {self.name}", param, ctx)
            self.fail(
                f"{value!r}: {unfit.message}; expected {unfit.expected}; {unfit.remedy}", param, ctx
            )

    def _meant(self, words: str) -> Any:
        """What a policy file would have in place of these words."""
        return words


class RateValue(Value):
    """A rate for both directions, or as messages have it: `20 Mbit/s down, 10 Mbit/s up`."""

    def __init__(self) -> None:
        super().__init__(Pair, "rate")

    def _meant(self, words: str) -> Any:
        two = _TWO_WAYS.fullmatch(words)
        return words if two is None else two.groupdict()


NAME = Value(Line, "line of text")
PROSE = Value(Prose, "text")
REASON = Value(Reason, "text")
RATE = RateValue()
DAY = Value(Day, "day")


class Named(click.ParamType[Any]):
    """One of the names that a part of the policies has."""

    name = "NAME"

    def __init__(self, what: str, known: Mapping[str, Any]) -> None:
        self._what, self._known = what, known

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The name, where it is known."""
        if value not in self._known:
            near = nearest(str(value), self._known)
            hint = f"did you mean `{near}`?" if near else f"there are {', '.join(self._known)}"
            self.fail(f"no {self._what} is called {value!r}: {hint}", param, ctx)
        return value


class Form:
    """Values one after the other; what is missing is told at once, where nobody can be asked."""

    def __init__(self, *, asks: bool) -> None:
        self._asks = asks
        self._missing: list[str] = []

    def take(
        self, flag: str, given: Any, question: str, kind: click.ParamType[Any], default: Any = None
    ) -> Any:
        """The value of a flag, else the answer, else the default; None where it is missing."""
        if given is not None:
            return self._held(flag, given, kind)
        if self._asks:
            return click.prompt(question, default=default, type=kind, err=True)
        if default is None:
            self._missing.append(flag)
            return None
        return kind.convert(default, None, None)

    def may(self, flag: str, given: Any, question: str, kind: click.ParamType[Any]) -> Any:
        """A value that may be left out: None where the answer is empty, or nobody is asked."""
        if given is not None:
            return self._held(flag, given, kind)
        if not self._asks:
            return None
        words = f"{question} (empty: none)"
        while (said := click.prompt(words, default="", show_default=False, err=True)) != "":
            try:
                return kind.convert(said, None, None)
            except click.UsageError as error:
                click.echo(f"Error: {error.message}", err=True)
        return None

    def whole(self) -> None:
        """End the verb where something is missing, with all the flags that would say it."""
        if self._missing:
            raise click.UsageError(
                f"missing {', '.join(self._missing)}: nobody can be asked here, so flags have to "
                "say it"
            )

    def _held(self, flag: str, given: Any, kind: click.ParamType[Any]) -> Any:
        try:
            return kind.convert(given, None, None)
        except click.UsageError as error:
            raise click.UsageError(f"{flag}: {error.message}") from error


def may_ask(*, yes: bool) -> bool:
    """Whether somebody sits at a terminal and wants to be asked."""
    return not yes and sys.stdin.isatty()
