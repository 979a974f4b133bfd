"""Kinds of values that a new policy file is made of, as flags and answers say them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Protocol

import click
from pydantic import TypeAdapter, ValidationError

from komando.cli.days import in_words
from komando.documents.faults import faults_of
from komando.documents.fields import Line, Prose, Reason
from komando.documents.near import nearest
from komando.units import Pair

_TWO_WAYS = re.compile(r"(?P<down>.+) down, (?P<up>.+) up")

_MOST_NAMED: Final = 8
"""Names that a question shows; of offices there are more than anybody would read."""


class Kind(Protocol):
    """What an answer may be: `form` says it in words, `hint` stands behind the question."""

    @property
    def form(self) -> str:
        """What is needed, as `a rate, as 20 Mbit/s`."""
        ...

    @property
    def hint(self) -> str:
        """The same behind a question, as `, as 20 Mbit/s`; "" where the question says it."""
        ...

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """What the words mean. Raises click.UsageError."""
        ...


class Value(click.ParamType[Any]):
    """A value as policies spell it; `kind` is the type of a model's field."""

    def __init__(self, kind: Any, name: str, example: str = "") -> None:
        self.name = name
        self.hint = f", as {example}" if example else ""
        self.form = name + self.hint
        self._read: TypeAdapter[Any] = TypeAdapter(kind)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """What the words mean; refused as a policy file's value would be."""
        if not isinstance(value, str):
            return value
        try:
            return self._read.validate_python(self._meant(value))
        except ValidationError as error:
            unfit = next(faults_of(error)).unfit
            words = f"not {self.form}" if unfit is None else in_words(unfit)
            self.fail(f"{value!r}: {words}", param, ctx)

    def _meant(self, words: str) -> Any:
        """What a policy file would have in place of these words."""
        return words


class RateValue(Value):
    """A rate for both directions, or as messages have it: `20 Mbit/s down, 10 Mbit/s up`."""

    def __init__(self) -> None:
        super().__init__(Pair, "a rate", "20 Mbit/s")

    def _meant(self, words: str) -> Any:
        two = _TWO_WAYS.fullmatch(words)
        return words if two is None else two.groupdict()


class Parts(click.IntRange):
    """Parts of the public's pool."""

    form = "a whole number, 1 to 100"
    hint = ", 1 to 100"

    def __init__(self) -> None:
        super().__init__(1, 100)


NAME = Value(Line, "a line of text")
PROSE = Value(Prose, "some words that say why")
REASON = Value(Reason, "a sentence that says why")
RATE = RateValue()
PARTS = Parts()


class Named(click.ParamType[Any]):
    """One of the names that a part of the policies has."""

    name = "NAME"

    def __init__(self, what: str, known: Mapping[str, Any]) -> None:
        self._what, self._known = what, known
        few = len(known) <= _MOST_NAMED
        self.form = f"one of {', '.join(known)}" if few else f"the short name of an existing {what}"
        self.hint = f" ({', '.join(known)})" if few and len(known) > 1 else ""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The name, where it is known."""
        if value not in self._known:
            near = nearest(str(value), self._known)
            hint = f"did you mean `{near}`?" if near else f"there are {', '.join(self._known)}"
            self.fail(f"no {self._what} is called {value!r}: {hint}", param, ctx)
        return value
