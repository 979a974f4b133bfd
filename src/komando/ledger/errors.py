"""What can be wrong with a ledger: each error says what was found, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from komando.ledger.entries import Started

RUNBOOK = "docs/runbooks/lost-ledger.md"


class LedgerError(Exception):
    """A ledger that cannot be read or written; the text is whole sentences for a person."""


class EnvironmentNameError(LedgerError):
    """A name that cannot be part of a branch's name."""


class GitError(LedgerError):
    """The git command failed where it should not have."""


class NotRepositoryError(LedgerError):
    """The folder is no git repository, or git refuses to work in it."""


class BusyError(LedgerError):
    """Another process works on the ledger of the same clone, and does not come to an end."""


class UnreachedError(LedgerError):
    """The remote did not answer, or would not let us read or write."""


class NoRemoteError(UnreachedError):
    """The repository has no remote of that name."""


class RefusedError(UnreachedError):
    """The remote answered and refused the push: a hook, a rule, a missing right."""


class BrokenChainError(LedgerError):
    """An entry that cannot be read, at a place where it has to be."""


class FarAheadError(LedgerError):
    """A host tells of a sequence that no ledger has given."""

    def __init__(self, told: int, ours: int) -> None:
        super().__init__(
            f"a host tells of sequence {told}, and the ledger ends at {ours}: no apply gave it "
            "that one, and to go on above it would leave no numbers for anybody. `sudo "
            "komando-host observe` shows each host's own: find out who was there, and write "
            f"{ours} into /var/lib/komando/sequence on it"
        )


class LostBranchError(LedgerError):
    """The remote has no such branch, yet there was one."""


class RewrittenError(LedgerError):
    """The remote's branch does not go on from what this clone knew of it."""

    def __init__(self, remote: str, branch: str, heads: tuple[str, str], *, behind: bool) -> None:
        known, found = heads
        how = "goes back behind" if behind else "does not go on from"
        mend = (
            "`komando ledger restore` pushes the missing entries back"
            if behind
            else "Somebody has rewritten it: compare the two before anything else"
        )
        super().__init__(
            f"{branch} of {remote} is at {found[:12]}, which {how} {known[:12]}, where this clone "
            f"knew it. A ledger only grows. {mend}; see {RUNBOOK}"
        )
        self.known, self.found, self.behind = known, found, behind


class HeldError(LedgerError):
    """Somebody else is at it: one apply at a time; `here`: an emergency, and it lives beside us."""

    def __init__(self, started: Started, *, here: bool = False) -> None:
        holder = started.holder
        way = (
            f"It lives on this machine: end it (`kill {holder.process}`), and the next one takes "
            "over at once"
            if here
            else f"Wait until it has finished. If it was killed, the next apply on "
            f"{holder.machine} takes over at once, and one from anywhere else after that time. If "
            "it cannot wait: `--emergency` takes over from another machine, too"
        )
        super().__init__(f"{started.environment} is held by {at_work(started)}. {way}")
        self.started = started


def at_work(started: Started) -> str:
    """Who holds a turn, with what, and since when until when."""
    holder = started.holder
    return (
        f"{holder.person} on {holder.machine} (process {holder.process}): {started.kind} with "
        f"sequence {started.sequence}, since {written(started.time)}, at most until "
        f"{written(started.expires)}"
    )


def lost(remote: str, branch: str, witness: str) -> LostBranchError:
    """A branch of which there is a witness, and nothing more."""
    return LostBranchError(
        f"{remote} has no branch {branch}, but {witness}: the ledger was lost, and is not begun "
        f"anew by itself. `komando ledger restore`, run in a clone that has it, brings it back; "
        f"see {RUNBOOK}"
    )


def written(moment: datetime) -> str:
    """A moment in UTC, to the second."""
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def words_of(error: str) -> str:
    """What git said on its standard error, in one line of at most 300 characters."""
    lines: Iterable[str] = (line.strip().rstrip(".") for line in error.splitlines())
    kept = [line for line in lines if line and not line.startswith("hint:")]
    return "; ".join(kept)[:300] or "nothing"
