"""A second party: whoever keeps a clone says which entries they have seen, and found whole.

Their word is the branch `witnesses/<environment>/<name>` on the remote, which names an entry of the
ledger and only goes forward. Whoever rewrote the ledger would have to rewrite that, too, and the
clone of the witness, which is not theirs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from komando.ledger.branch import Branch
from komando.ledger.chain import read
from komando.ledger.errors import LedgerError, UnreachedError
from komando.ledger.ledger import Ledger
from komando.ledger.verify import Signers, Verified, verify

_NAME = re.compile(r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?")


def require_name(who: str) -> None:
    """Raises LedgerError for a name that no witness can have."""
    if not _NAME.fullmatch(who):
        raise LedgerError(
            f"{who!r} cannot name a witness: expected 1 to 63 small letters, digits, - and _, "
            "with a letter or digit at both ends, as `inspektorat`"
        )


class RefusedWitnessError(LedgerError):
    """The ledger does not hold, or is not the one that this witness has seen: the alarm."""

    def __init__(self, words: str, verified: Verified | None = None) -> None:
        super().__init__(words)
        self.verified = verified


@dataclass(frozen=True)
class Witnessed:
    """What a witness has seen now: so many entries, `fresh` of them for the first time."""

    branch: str
    commit: str
    entries: int
    fresh: int


class WitnessBranch(Branch):
    """`witnesses/<environment>/<name>` on a ledger's remote, and what this clone knew of it."""

    def __init__(self, ledger: Ledger, who: str) -> None:
        """Raises LedgerError for a name that is none."""
        branch = ledger.branch
        super().__init__(ledger.git, branch.environment, branch.remote, branch.timeout)
        require_name(who)
        name = f"witnesses/{branch.environment}/{who}"
        self._name(name, name)


def witness(ledger: Ledger, who: str, signers: Signers | None = None) -> Witnessed:
    """Verify a ledger, and let the branch of a witness go on to its newest entry; never by force.

    Raises RefusedWitnessError where the ledger does not hold, or does not go on from what this
    witness has seen; UnreachedError where the remote could not be asked.
    """
    found = verify(ledger, None, signers)
    if found.disagreements:
        raise RefusedWitnessError("the ledger does not hold, and was not witnessed", found)
    with ledger.spool.alone():
        tip = ledger.fetch()
        if tip is None:
            raise LedgerError(f"{ledger.branch.name} has no entry yet: there is nothing to witness")
        branch = WitnessBranch(ledger, who)
        there = branch.look()
        for before, where in ((branch.known(), "in this clone"), (there, "on the forge")):
            if before is not None and not _goes_on(ledger, before, tip):
                raise RefusedWitnessError(
                    f"{who} has seen {before[:12]} ({where}), which the ledger's {tip[:12]} does "
                    "not go on from: somebody has rewritten the one or the other. Keep this clone "
                    "as it is, and see docs/runbooks/lost-ledger.md"
                )
        # the remote takes no step backwards without force: who was quicker has seen as much
        if there != tip and not branch.push(tip, there) and branch.look() != tip:
            raise UnreachedError(f"{branch.name} moved meanwhile: witness once more")
        known = 0 if there is None else len(read(ledger.git, there))
    links = ledger.links()
    return Witnessed(branch.name, tip, len(links), len(links) - known)


def _goes_on(ledger: Ledger, older: str, newer: str) -> bool:
    """Whether a head was seen before another; one that this clone does not have was not."""
    return ledger.git.commit_at(older) is not None and ledger.git.goes_on_from(older, newer)


def heads(ledger: Ledger, *, offline: bool) -> dict[str, str]:
    """What each witness has seen, by name: as the remote says, or as this clone last knew it.

    Raises UnreachedError.
    """
    below = f"witnesses/{ledger.branch.environment}/"
    if offline:
        every = ledger.git.references("refs/heads/", "refs/remotes/", "refs/komando/known/")
        return _named(every, below)
    answer = ledger.git.run(
        "ls-remote",
        "--",
        ledger.branch.remote,
        f"refs/heads/{below}*",
        timeout=ledger.branch.timeout,
    )
    if answer.status != 0:
        raise UnreachedError(f"{ledger.branch.remote} does not tell its witnesses: {answer.words}")
    rows = (line.split("\t", 1) for line in answer.out.decode().splitlines())
    return _named({name: commit for commit, name in rows}, below)


def _named(references: dict[str, str], below: str) -> dict[str, str]:
    found = {}
    for name, commit in references.items():
        _, here, who = name.partition(f"/{below}")
        if here:
            found[who] = commit
    return found
