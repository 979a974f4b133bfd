"""The standard streams as every verb may rely on them: there, and of one mind about failures."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

import click

from komando.diagnostics import printable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Outlet(io.FileIO):
    """A standard stream for writing; what is written after its loss goes nowhere.

    A reader that has gone (`| head -1`) has what it wanted: the verb goes on to its end, for its
    exit status says something. Any other failure is raised once, under the stream's name.
    """

    def __init__(self, number: int, words: str) -> None:
        super().__init__(number, "w", closefd=False)
        self._words = words
        self._lost = False

    def write(self, data: ReadableBuffer, /) -> int:
        """Write, as `io.RawIOBase` has it."""
        if not self._lost:
            try:
                return super().write(data)
            except BrokenPipeError:
                self._lost = True
            except OSError as error:
                self._lost = True
                raise OSError(error.errno, error.strerror, self._words) from error
        return memoryview(data).nbytes


def give_streams() -> None:
    """Give the process its three streams, should the caller have closed any (`>&-`).

    A number that is left free would go to the next file that is opened. Streams that somebody put
    in place of the process's own stay as they are.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is sys.__stdout__:
        sys.stdout = _stream(1, "standard output", sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _stream(2, "standard error", sys.stderr)


def _stream(number: int, words: str, before: TextIO | None) -> TextIO:
    outlet = _Outlet(number, words)
    return io.TextIOWrapper(
        io.BufferedWriter(outlet),
        encoding=None if before is None else before.encoding,
        errors="backslashreplace",  # a name with a curly quote on a terminal that knows ASCII
        line_buffering=outlet.isatty() or number == 2,
    )


def clean(words: str) -> str:
    """Words of hosts and of the ledger as a terminal may be given them: nothing steers it."""
    return "\n".join(printable(line) for line in words.split("\n"))


def tell(words: str, *, err: bool = False) -> None:
    """Print words that may come from a host or from the ledger."""
    click.echo(clean(words), err=err)


def sentence(error: OSError) -> str:
    """What the operating system refused, and where."""
    words = (error.strerror or str(error) or type(error).__name__).lower()
    place = error.filename2 or error.filename
    return words if place is None else f"{os.fsdecode(str(place))}: {words}"
