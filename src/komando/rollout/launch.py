"""Starts the pyinfra process. It imports next to nothing, so that a verb can begin with it.

The process takes a third of a second to import what it needs; the verb takes as long to read
policies. Started first, it is ready when they are.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

from komando.rollout.protocol import Opening, Request, encode


@dataclass
class Launched:
    """A pyinfra process, what stands before its command, and its opening line, once it has one."""

    process: subprocess.Popen[str]
    prefix: tuple[str, ...]
    opening: Opening | None = None

    def open(self, opening: Opening) -> None:
        """Let it connect; whoever speaks with it then hears what came of that."""
        self.tell(opening)
        self.opening = opening

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
    return Launched(process, prefix)
