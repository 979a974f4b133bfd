"""Starts the pyinfra process. It imports next to nothing, so that a verb can begin with it.

The process takes a third of a second to import what it needs; the verb takes as long to read
policies. Started first, it is ready when they are.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from fcntl import F_SETPIPE_SZ, fcntl

from komando.rollout.protocol import Opening, Request, encode

UNHEARD = 1 << 20
"""Bytes of answers that the process can give before anyone listens: a host says 600 or so. The most
that Linux lets a user's pipe have (pipe(7), pipe-max-size)."""


@dataclass
class Launched:
    """A pyinfra process, what stands before its command, and its opening line, once it has one.

    `asked` are the hosts that it asks what they run as soon as it is connected.
    """

    process: subprocess.Popen[str]
    prefix: tuple[str, ...]
    opening: Opening | None = None
    asked: tuple[str, ...] = ()

    def open(self, opening: Opening, ask: Iterable[str] = ()) -> None:
        """Let it connect, and ask; whoever speaks with it then hears what came of both."""
        self.tell(opening)
        self.opening = opening
        if asked := tuple(ask):
            self.tell(Request("observe", asked))
            self.asked = asked

    def tell(self, message: Opening | Request) -> None:
        """Write one line; raises BrokenPipeError when the process has ended."""
        assert self.process.stdin is not None  # noqa: S101  # a pipe was asked for
        self.process.stdin.write(encode(message))
        self.process.stdin.flush()

    def dismiss(self) -> None:
        """End it: nobody needs it."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


def launch(prefix: tuple[str, ...]) -> Launched:
    """Start it behind `prefix` (the lab's controller works from a network namespace)."""
    process = subprocess.Popen(
        [*prefix, sys.executable, "-m", "komando.rollout"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a terminal's Ctrl-C is ours to handle: the worker finishes what it has begun
        start_new_session=True,
    )
    assert process.stdout is not None  # noqa: S101  # a pipe was asked for
    with suppress(OSError):  # whose pipes have all their user may have keeps a smaller one
        fcntl(process.stdout, F_SETPIPE_SZ, UNHEARD)
    return Launched(process, prefix)
