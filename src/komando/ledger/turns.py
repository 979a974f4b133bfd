"""What a chain says about whose turn it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from komando.ledger.entries import (
    Abandoned,
    Anew,
    Entry,
    Extended,
    Finished,
    Holder,
    Started,
)
from komando.ledger.errors import written
from komando.ledger.holder import has_died, is_same

GRACE = timedelta(seconds=30)
"""How long after its end a turn of another machine still stands: clocks differ by so much."""


@dataclass(frozen=True)
class Open:
    """A turn that nobody has closed, and until when it holds."""

    started: Started
    until: datetime

    def why_over(self, me: Holder, now: datetime) -> str:
        """Why `me` may take over; "" while the turn stands."""
        holder = self.started.holder
        if is_same(holder, me):
            return f"the same process {holder.process} begins again"
        if has_died(holder, me):
            return f"process {holder.process} on {holder.machine} is no more"
        if now >= self.until + GRACE:
            return f"its time ran out at {written(self.until)}"
        return ""


def open_turns(entries: Iterable[Entry]) -> list[Open]:
    """The turns that stand open after these entries, oldest first."""
    found: dict[str, Open] = {}
    for entry in entries:
        if isinstance(entry, Started):
            found[entry.turn] = Open(entry, entry.expires)
        elif isinstance(entry, Extended) and entry.turn in found:
            found[entry.turn] = Open(found[entry.turn].started, entry.expires)
        elif isinstance(entry, Finished | Abandoned):
            found.pop(entry.turn, None)
    return list(found.values())


def highest(entries: Iterable[Entry]) -> int:
    """The highest sequence that was given; 0 where none was."""
    return max((it.sequence for it in entries if not isinstance(it, Anew)), default=0)
