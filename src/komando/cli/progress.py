"""What a person sees while a verb waits for hosts, and of those that did not answer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from komando.cli.streams import tell

if TYPE_CHECKING:
    from rich.console import Console

Say = Callable[[str], None]
"""Puts other words on the line of progress."""


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


def tell_failures(failures: Mapping[str, str]) -> None:
    """Each host that could not be asked, with the reason."""
    for name, reason in sorted(failures.items()):
        tell(f"{name}: {reason}", err=True)
