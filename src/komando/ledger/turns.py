"""What a chain says about whose turn it is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from komando.ledger.entries import (
    Abandoned,
    Anew,
    Entry,
    Finished,
    Holder,
    Started,
)
from komando.ledger.errors import written
from komando.ledger.holder import has_died, is_same

GRACE = timedelta(seconds=30)
"""How long after its end a turn of another machine still stands: clocks differ by so much."""


def why_over(turn: Started, me: Holder, now: datetime) -> str:
    """Why `me` may take a turn over; "" while it stands."""
    holder = turn.holder
    if is_same(holder, me):
        return f"the same process {holder.process} begins again"
    if has_died(holder, me):
        return f"process {holder.process} on {holder.machine} is no more"
    if now >= turn.expires + GRACE:
        return f"its time ran out at {written(turn.expires)}"
    return ""


def open_turns(entries: Iterable[Entry]) -> list[Started]:
    """The turns that nobody has closed after these entries, oldest first."""
    found: dict[str, Started] = {}
    for entry in entries:
        if isinstance(entry, Started):
            found[entry.turn] = entry
        elif isinstance(entry, Finished | Abandoned):
            found.pop(entry.turn, None)
    return list(found.values())


def highest(entries: Iterable[Entry]) -> int:
    """The highest sequence that was given; 0 where none was."""
    return max((it.sequence for it in entries if not isinstance(it, Anew)), default=0)
