"""A turn that was taken, until its holder finishes it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from komando.ledger.entries import Finished, HostResult, Started, WholeOutcome
from komando.ledger.errors import (
    LedgerError,
    RefusedError,
    UnreachedError,
)

if TYPE_CHECKING:
    from komando.ledger.ledger import Ledger

PAUSES = (1.0, 3.0)
"""Seconds before a failed push is tried again: a line that drops for a moment."""


@dataclass(frozen=True)
class Landing:
    """Where the last entry of a turn is.

    On the forge: its `number` and `commit`. `spooled`: it waits in this clone, and `why` says so.
    """

    number: int
    commit: str
    spooled: bool = False
    why: str = ""


@dataclass(frozen=True)
class Turn:
    """A turn of ours. `notes` are sentences that whoever applies should read."""

    ledger: Ledger
    started: Started
    spooled: bool = False
    notes: tuple[str, ...] = ()

    @property
    def sequence(self) -> int:
        """What hosts are given; they refuse an older one."""
        return self.started.sequence

    def finish(
        self,
        hosts: Mapping[str, HostResult],
        result: WholeOutcome,
        pauses: tuple[float, ...] = PAUSES,
    ) -> Landing:
        """Write down what came of it, for good: first in this clone, then on the forge.

        A forge that is away is asked again after `pauses` (seconds); then the entry waits.
        """
        ledger = self.ledger
        finished = Finished(
            environment=self.started.environment,
            time=ledger.clock(),
            turn=self.started.turn,
            sequence=self.sequence,
            result=result,
            hosts=dict(hosts),
        )
        with ledger.spool.alone():
            ledger.spool.add([finished], ledger.pen)
            for pause in (*pauses, None):
                try:
                    made = ledger.land(finished)
                except (RefusedError, UnreachedError) as away:
                    if pause is not None and not isinstance(away, RefusedError):
                        time.sleep(pause)
                        continue
                    return _waits(str(away))
                except LedgerError as broken:
                    return _waits(str(broken))
                entry = made[-1].entry if made else None
                number = 0 if entry is None else entry.number
                return Landing(number, made[-1].commit if made else "")
        raise AssertionError("the last pause is None, after which a landing is returned")


def _waits(why: str) -> Landing:
    return Landing(
        0,
        "",
        spooled=True,
        why=f"{why}. The result waits in this clone; `komando ledger push`, or the next apply from "
        "here, lands it",
    )
