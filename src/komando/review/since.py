"""What was applied last, by the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from komando.ledger.entries import Entry, Finished, Started


@dataclass(frozen=True)
class Applied:
    """The last whole apply: of which commit, with which sequence, and when it was finished.

    `running` maps each host that the ledger knows to the digest that it runs by the newest word of
    it, "" for nothing; a host of which that is not known is left out.
    """

    commit: str
    sequence: int
    time: datetime
    running: Mapping[str, str]


def last_applied(entries: Iterable[Entry], leads_to: Callable[[str], bool]) -> Applied | None:
    """The newest apply that is done, of a whole commit that `leads_to` what is wanted now.

    One that failed, was partial, or had files that differ from its commit does not count: what it
    left undone is still to be done. None where there is no such apply.
    """
    started: dict[str, Started] = {}
    running: dict[str, str] = {}
    done: list[tuple[Started, Finished]] = []
    for entry in entries:
        if isinstance(entry, Started):
            started[entry.turn] = entry
        elif isinstance(entry, Finished):
            running |= {name: it.after for name, it in entry.hosts.items() if it.after is not None}
            for name, it in entry.hosts.items():
                if it.after is None:
                    running.pop(name, None)
            if entry.turn in started and _is_whole(started[entry.turn], entry):
                done.append((started[entry.turn], entry))
    for began, ended in reversed(done):
        if leads_to(began.policy):
            return Applied(began.policy, ended.sequence, ended.time, running)
    return None


def _is_whole(began: Started, ended: Finished) -> bool:
    return (
        began.kind in ("apply", "emergency")
        and ended.result == "done"
        and bool(began.policy)
        and not began.policy_changed
        and not began.limit
    )
