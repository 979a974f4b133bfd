"""Where each host stands while a rollout is under way: a table on a terminal, lines in a log."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

STYLES = {"confirmed": "green", "repaired": "green", "taken back": "red", "taking back": "red"}


class Board:
    """The stage of each host, and since when."""

    def __init__(self, waves: Sequence[Sequence[str]], out: Console) -> None:
        self._waves = waves
        self._out = out
        self._live: Live | None = None
        self._stages = {name: ("waiting", time.monotonic()) for wave in waves for name in wave}

    def told(self, host: str, stage: str) -> None:
        """Takes in where a host stands now."""
        begun = self._stages.get(host, ("", time.monotonic()))[1]
        self._stages[host] = (stage, begun if stage == "waiting" else time.monotonic())
        if not self._out.is_terminal:
            self._out.print(Text(f"{host}: {stage}"))

    @contextmanager
    def shown(self) -> Iterator[Board]:
        """On the terminal, for as long as the block lasts."""
        if not self._out.is_terminal:
            yield self
            return
        try:
            with Live(self, console=self._out, refresh_per_second=8) as self._live:
                yield self
        finally:
            self._live = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leaves the terminal to somebody else for a while, however that ends."""
        if self._live is None:
            yield
            return
        self._live.stop()
        try:
            yield
        finally:
            self._live.start()

    def __rich__(self) -> Table:
        """One line a host, in the order of the waves."""
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        for number, wave in enumerate(self._waves, 1):
            for name in wave:
                stage, since = self._stages[name]
                seconds = "" if stage == "waiting" else f"{time.monotonic() - since:.0f} s"
                label = "canary" if number == 1 < len(self._waves) else f"wave {number}"
                style = STYLES.get(stage, "dim" if stage == "waiting" else "")
                table.add_row(Text(label, "dim"), name, Text(stage, style), Text(seconds, "dim"))
        return table
