"""The child processes of a measurement: one process group, all gone at the end, come what may."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self


class Crew:
    """Children in a process group of their own; a context manager that ends them all.

    The group keeps a Ctrl-C of the terminal from them (they end in order, by us), and the kernel
    kills each one when its parent is killed without a chance to do that.
    """

    def __init__(self) -> None:
        self._all: list[subprocess.Popen[bytes]] = []
        self._leader = self._start(["sleep", "infinity"], 0, subprocess.DEVNULL)

    def spawn(self, command: Sequence[str], output: Path | None = None) -> subprocess.Popen[bytes]:
        """Start a child; what it prints goes to the file, or nowhere."""
        if output is None:
            return self._start(command, self._leader.pid, subprocess.DEVNULL)
        with output.open("wb") as file:
            return self._start(command, self._leader.pid, file)

    def _start(
        self, command: Sequence[str], group: int, output: int | IO[bytes]
    ) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=group,
        )
        self._all.append(child)
        return child

    @property
    def pids(self) -> list[int]:
        """The children that were started, ended ones too."""
        return [child.pid for child in self._all if child.returncode is None]

    def dismiss(self, children: Sequence[subprocess.Popen[bytes]]) -> None:
        """End these at once."""
        for child in children:
            child.kill()
        for child in children:
            child.wait()
            self._all.remove(child)

    def end(self) -> None:
        """End all of them at once and wait until they are gone."""
        with suppress(ProcessLookupError):
            os.killpg(self._leader.pid, signal.SIGKILL)
        while self._all:
            self._all.pop().wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()
