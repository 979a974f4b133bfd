"""Another program that is run: what goes in, what comes out, and how long it may take.

Both lie in memory (memfd_create(2)), not in pipes: neither side ever waits for the other to read,
and there is nothing to do until the program has ended. `subprocess` would load threads, selectors
and locales for it, 4 ms of each start of this program.
"""

from __future__ import annotations

import os
import select
from collections.abc import Sequence

from .frozen import Frozen
from .signals import signal

TIMEOUT = 60
"""Seconds that one command may take; a batch of 2,000 classes takes 0.2 (measured)."""

_RESTORED = (signal.SIGPIPE, signal.SIGXFSZ)
"""Signals that Python ignores, and that a program expects to end it."""


class Done(Frozen):
    """How a program ended: its exit code (that of a signal is negative), and all that it said."""

    code: int
    output: str
    errors: str


def finish(argv: Sequence[str], stdin: str | None = None) -> Done:
    """Runs a program to its end; raises OSError where it cannot be started, or does not end.

    It inherits the lock's descriptor: should this process be killed, the lock stays with the tc
    that it started until that one has ended, too.
    """
    with _Memory() as given, _Memory() as output, _Memory() as errors:
        actions = [
            (os.POSIX_SPAWN_DUP2, output.descriptor, 1),
            (os.POSIX_SPAWN_DUP2, errors.descriptor, 2),
            (os.POSIX_SPAWN_DUP2, given.descriptor, 0),
        ]
        if stdin:
            given.put(stdin)
        process = os.posix_spawnp(
            argv[0], list(argv), os.environ, file_actions=actions, setsigdef=_RESTORED
        )
        code = _end(process)
        return Done(code, output.text(), errors.text())


def _end(process: int) -> int:
    """The exit code of a process, which is killed when it takes too long."""
    watched = os.pidfd_open(process)
    try:
        poll = select.poll()
        poll.register(watched, select.POLLIN)
        ended = poll.poll(TIMEOUT * 1000)
        if not ended:
            os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
    finally:
        os.close(watched)
    if not ended:
        raise TimeoutError(f"no end after {TIMEOUT} s")
    return os.waitstatus_to_exitcode(status)


class _Memory:
    """A file in memory that ends with its block."""

    def __enter__(self) -> _Memory:
        self.descriptor = os.memfd_create("komando")
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)

    def put(self, text: str) -> None:
        """Fills it; who inherits the descriptor reads from its begin."""
        content = text.encode()
        while content:
            content = content[os.write(self.descriptor, content) :]
        os.lseek(self.descriptor, 0, os.SEEK_SET)

    def text(self) -> str:
        """All that was written; others name their things as they like."""
        size = os.fstat(self.descriptor).st_size
        return os.pread(self.descriptor, size, 0).decode(errors="replace")
