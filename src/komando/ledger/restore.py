"""A branch that was lost: the longest chain that this clone has goes back."""

from __future__ import annotations

from komando.ledger.chain import Link, append, read
from komando.ledger.check import chain_disagreements
from komando.ledger.entries import Anew
from komando.ledger.errors import RUNBOOK, LedgerError, LostBranchError, RewrittenError
from komando.ledger.ledger import Ledger


def restore(ledger: Ledger) -> list[Link]:
    """Push the longest whole chain that this clone has; the links that the forge lacked.

    Raises LostBranchError where this clone has none, and RewrittenError where the forge has
    another one, which only a person can judge.
    """
    with ledger.spool.alone():
        found = ledger.branch.look()
        chains = {
            name: read(ledger.git, commit) for name, commit in ledger.branch.witnesses().items()
        }
        whole = [chain for chain in chains.values() if not chain_disagreements(chain)]
        if not whole:
            raise _nothing(ledger, sorted(chains))
        best = max(whole, key=len)
        tip = best[-1].commit
        if found is not None and not ledger.git.goes_on_from(found, tip):
            if ledger.git.goes_on_from(tip, found):
                return []
            heads = (tip, found)
            raise RewrittenError(ledger.branch.remote, ledger.branch.name, heads, behind=False)
        there = next((at for at, link in enumerate(best, 1) if link.commit == found), 0)
        if tip != found:
            ledger.git.set_reference(f"refs/komando/known/{ledger.branch.environment}", tip)
            if not ledger.branch.push(tip, found):
                raise LedgerError(
                    f"{ledger.branch.name} moved while it was restored: look again with "
                    "`komando ledger verify`"
                )
        return best[there:]


def begin_anew(ledger: Ledger, why: str) -> Link:
    """The first entry of a new ledger, where nobody has the old one any more.

    Raises LedgerError where the forge, or this clone, has one.
    """
    with ledger.spool.alone():
        if ledger.branch.look() is not None:
            raise LedgerError(f"{ledger.branch.remote} has {ledger.branch.name}: nothing is lost")
        if names := sorted(ledger.branch.witnesses()):
            raise LedgerError(
                f"this clone still has {', '.join(names)}: `komando ledger restore` without --anew "
                "brings it back"
            )
        entry = Anew(
            environment=ledger.branch.environment, time=ledger.clock(), by=ledger.holder, why=why
        )
        (made,) = append(ledger.git, [], [entry], ledger.pen)
        if not ledger.branch.push(made.commit, None):
            raise LedgerError(f"somebody else has just begun {ledger.branch.name}: nothing to do")
        return made


def _nothing(ledger: Ledger, names: list[str]) -> LostBranchError:
    has = f"has only damaged ones ({', '.join(names)})" if names else "has none"
    return LostBranchError(
        f"this clone {has} of {ledger.branch.name}: look for one in the other clones (controllers, "
        f"auditors), or begin anew with --anew WHY; see {RUNBOOK}"
    )
