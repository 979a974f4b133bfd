"""What a new policy file shall say: by flags, by questions at a terminal, or by defaults."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click
from click.core import ParameterSource

from komando.cli.new_value import Kind

Limit = Callable[[Any], str]
"""Why an answer does not go with those before it; "" where it does."""


class Form:
    """Values one after the other; where nobody can be asked, all that is wrong is told at once.

    `given` has what each flag says, under its name with `_` for `-`.
    """

    def __init__(self, given: Mapping[str, Any], *, asks: bool) -> None:
        self.asks = asks
        self.answers: dict[str, str] = {}
        """What was answered, by the flag that says the same."""
        self._given = given
        self._missing: list[str] = []
        self._faults: dict[tuple[str, Any], str] = {}

    def look(self, kinds: Mapping[str, Kind]) -> None:
        """Read the flags that are taken later, before anybody is asked anything."""
        for flag, kind in kinds.items():
            for value in self._values(flag):
                self._held(flag, value, kind)
        if self.asks:
            self.whole()

    def take(
        self,
        flag: str,
        question: str,
        kind: Kind,
        default: Any = None,
        limit: Limit | None = None,
    ) -> Any:
        """The value of a flag, else the answer, else the default; None where it is missing."""
        for value in self._values(flag):
            return self._held(flag, value, kind)
        if self.asks:
            hint = kind.hint if default is None or kind.hint.startswith(" (") else ""
            while (found := self._answer(flag, question + hint, kind, default, limit)) is None:
                click.echo(f"needed: {kind.form}", err=True)
            return found
        if default is None:
            self.lack(flag)
            return None
        return kind.convert(default, None, None)

    def may(self, flag: str, question: str, kind: Kind, limit: Limit | None = None) -> Any:
        """A value that may be left out: None where the answer is empty, or nobody is asked."""
        for value in self._values(flag):
            return self._held(flag, value, kind)
        words = f"{question}{kind.hint} (empty: none)"
        return self._answer(flag, words, kind, None, limit) if self.asks else None

    def every(self, flag: str, question: str, kind: Kind, *, needed: bool) -> tuple[Any, ...]:
        """The values of a flag that may stand more than once; one is asked for."""
        if values := self._values(flag):
            return tuple(self._held(flag, one, kind) for one in values)
        one = self.take(flag, question, kind) if needed else self.may(flag, question, kind)
        return () if one is None else (one,)

    def has(self, flag: str) -> bool:
        """Whether a flag is given."""
        return bool(self._values(flag))

    def object(self, words: str) -> None:
        """Note something that is wrong with the flags."""
        self._faults[words, None] = words

    def lack(self, flag: str) -> None:
        """Note a flag that is missing."""
        self._missing.append(flag)

    def whole(self) -> None:
        """End the verb where something is wrong or missing, with all of it."""
        told = list(self._faults.values())
        if self._missing:
            told.append(
                f"missing {', '.join(self._missing)}: nobody can be asked here, so flags have to "
                "say it"
            )
        if told:
            raise click.UsageError("\n       ".join(told))

    def _values(self, flag: str) -> tuple[Any, ...]:
        value = self._given.get(flag.removeprefix("--").replace("-", "_"))
        if isinstance(value, tuple):
            return value
        return () if value is None else (value,)

    def _held(self, flag: str, given: Any, kind: Kind) -> Any:
        try:
            return kind.convert(given, None, None)
        except click.UsageError as error:
            self._faults[flag, given] = f"{flag}: {error.message}"
            return None

    def _answer(
        self, flag: str, words: str, kind: Kind, default: Any, limit: Limit | None
    ) -> Any | None:
        """The first answer that can stand; None for an empty one."""
        usual = "" if default is None else str(default)
        while said := click.prompt(words, default=usual, show_default=bool(usual), err=True):
            try:
                found = kind.convert(said, None, None)
                why = "" if limit is None else limit(found)
            except click.UsageError as error:
                why = error.message
            if not why:
                self.answers[flag] = said
                return found
            click.echo(f"Error: {why}", err=True)
        return None


@contextmanager
def asked(given: Mapping[str, Any], *, yes: bool) -> Iterator[Form]:
    """The form of a verb that writes when this has ended.

    Who breaks it off is told that nothing was written; whoever answered questions and is refused
    gets the command that says the same, to be edited.
    """
    form = Form(given, asks=not yes and sys.stdin.isatty())
    try:
        yield form
    except (click.Abort, KeyboardInterrupt):
        click.echo(err=True)
        raise click.ClickException("nothing was written") from None
    except click.ClickException as error:
        if not form.answers:
            raise
        again = f"The same by flags, to be edited:\n  {_command(form.answers)}"
        raise click.ClickException(f"{error.format_message()}\n\n{again}") from error


def _command(answers: Mapping[str, str]) -> str:
    """The command line of this verb with what was answered."""
    context = click.get_current_context()
    words = ["komando", "new", str(context.info_name)]
    for one in context.command.params:
        name, flag = str(one.name), one.opts[0]
        value = context.params[name]
        if isinstance(one, click.Argument):
            words.append(str(value))
        elif flag in answers:
            words += [flag, answers[flag]]
        elif context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            if value is True:
                words.append(flag)
            else:
                for item in value if isinstance(value, tuple) else (value,):
                    words += [flag, str(item)]
    return shlex.join(words)
