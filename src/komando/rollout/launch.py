"""Starts the pyinfra process. It imports next to nothing, so that a verb can begin with it.

The process takes a third of a second to import what it needs; the verb takes as long to read
policies. Started first, it is ready when they are.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Launched:
    """A pyinfra process that waits for its opening line, and what stands before its command."""

    process: subprocess.Popen[str]
    prefix: tuple[str, ...]

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
