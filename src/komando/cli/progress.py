"""What a person sees while a verb waits for hosts, and of those that did not answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from komando.cli.streams import tell

if TYPE_CHECKING:
    from rich.status import Status


def console() -> Console:
    """Where narration and progress go."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def working(words: str) -> Iterator[Status]:
    """A line of progress on stderr while something takes its time."""
    with console().status(Text(words)) as status:
        yield status


def tell_failures(failures: Mapping[str, str]) -> None:
    """Each host that could not be asked, with the reason."""
    for name, reason in sorted(failures.items()):
        tell(f"{name}: {reason}", err=True)
