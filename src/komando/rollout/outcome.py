"""What became of each host, as the terminal, the exit code and the ledger tell it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

State = Literal["carried", "refused", "reverted", "unreached", "unknown", "untouched"]
"""carried: it runs the wanted generation, confirmed. refused: it said no and nothing was changed
there. reverted: a change was begun there, and it runs what it ran again. unreached: it could not be
asked at all. unknown: it does not answer, and only itself can tell. untouched: the rollout ended
before."""


def now() -> datetime:
    """This moment as the ledger keeps it: in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True)
class Outcome:
    """What became of one host, and why; `runs` is the digest that it runs now, where that is known.

    `touched` counts the classes that changed in its kernel, `rebuilt` says that the trees were
    built anew. `head` is the digest of the last line of the host's own record. `note` says what a
    change that stays was confirmed without. `time` is when all this became known; None of a host
    that could not be asked.
    """

    host: str
    state: State
    before: str | None
    runs: str | None
    reason: str = ""
    touched: int = 0
    rebuilt: bool = False
    head: str = ""
    note: str = ""
    time: datetime | None = None


@dataclass(frozen=True)
class Rollout:
    """What became of all; `interrupted` by a Ctrl-C meanwhile.

    `doubted`: hosts that were confirmed were seen not to do what was intended. Those that had no
    way back are carried all the same. `recorded`: unless the ledger could not be told of it.
    """

    outcomes: tuple[Outcome, ...]
    interrupted: bool = False
    doubted: bool = False
    recorded: bool = True

    @property
    def holds(self) -> bool:
        """Whether everything that was tried is in force."""
        tried = all(one.state in ("carried", "unreached") for one in self.outcomes)
        return tried and not self.interrupted and not self.doubted

    def with_unreached(self, failures: Mapping[str, str]) -> Rollout:
        """The same, and the hosts that could not be asked, each with the reason."""
        away = (Outcome(host, "unreached", None, None, why) for host, why in failures.items())
        outcomes = sorted((*self.outcomes, *away), key=lambda one: one.host)
        return replace(self, outcomes=tuple(outcomes))

    def of(self, *states: State) -> Iterable[Outcome]:
        """The outcomes of some kinds."""
        return (one for one in self.outcomes if one.state in states)
