"""What a person sees on stderr while a verb takes its time, and of hosts that did not answer."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from komando.cli.streams import tell

if TYPE_CHECKING:
    from rich.console import Console

    from komando.lab.place import Told

Say = Callable[[str], None]
"""Puts other words on the line of progress."""

Count = Callable[[int, int], None]
"""Is told how many of how many are done."""

PATIENCE = 1.0
"""Seconds of silence before a count is shown."""


def console() -> Console:
    """Where narration and progress go."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def working(words: str) -> Iterator[Say]:
    """A line of progress on stderr while something takes its time, where it is a terminal."""
    if not sys.stderr.isatty():
        yield _unseen
        return
    from rich.text import Text

    with console().status(Text(words)) as status:
        yield lambda others: status.update(Text(others))


def _unseen(words: str) -> None:
    del words


@contextmanager
def steps() -> Iterator[Told]:
    """Steps with their seconds, each as it ends; a terminal sees their details pass by, too."""
    from rich.text import Text

    lines = console()
    began: list[tuple[str, float]] = []

    def finish() -> None:
        if began:
            step, since = began.pop()
            seconds = f"{time.monotonic() - since:.1f} s"
            lines.print(Text.assemble(f"  {step} ", (seconds, "dim")))

    with lines.status("") as status:

        def told(step: str, detail: str) -> None:
            if not began or began[0][0] != step:
                finish()
                began.append((step, time.monotonic()))
            status.update(Text.assemble(f"{step} ", (detail, "dim")))

        yield told
        finish()


def counting(what: str) -> Count:
    """`1200 of 10000 policies read`, for who waits longer than `PATIENCE` at a terminal.

    It takes no library: `komando check` is through before one would be loaded.
    """
    began, shown = time.monotonic(), sys.stderr.isatty()

    def told(done: int, total: int) -> None:
        if shown and time.monotonic() - began >= PATIENCE:
            end = "\r\033[K" if done >= total else ""
            click.echo(f"\r{done} of {total} {what}{end}", nl=False, err=True)

    return told


def tell_failures(failures: Mapping[str, str]) -> None:
    """Each host that could not be asked, with the reason."""
    for name, reason in sorted(failures.items()):
        tell(f"{name}: {reason}", err=True)
