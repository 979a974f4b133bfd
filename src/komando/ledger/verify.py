"""All that can be held against a ledger, in one go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from komando.ledger.chain import read
from komando.ledger.check import (
    Disagreement,
    chain_disagreements,
    finished_late,
    signature_disagreements,
)
from komando.ledger.entries import Finished
from komando.ledger.errors import RewrittenError, UnreachedError
from komando.ledger.ledger import Ledger
from komando.ledger.records import record_disagreements


@dataclass(frozen=True)
class Verified:
    """How many entries were looked at, what does not fit, and what could not be looked at."""

    entries: int
    disagreements: tuple[Disagreement, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Signers:
    """Who may sign: a file of allowed signers, and the first entry that has to be signed."""

    file: Path
    since: int = 1


def verify(
    ledger: Ledger,
    records: Mapping[str, Sequence[str]] | None = None,
    signers: Signers | None = None,
) -> Verified:
    """Hold a ledger against itself, against what this clone knew, signatures and hosts' records.

    `records` has the lines of each host's record by its name. Raises LostBranchError and what
    reading git raises; a forge that is away is a note.
    """
    notes: list[str] = []
    found: list[Disagreement] = []
    with ledger.spool.alone():
        try:
            tip = ledger.fetch()
        except UnreachedError as away:
            tip = ledger.branch.known()
            notes.append(f"{away}. What this clone knew was looked at")
        except RewrittenError as error:
            tip = error.found
            found.append(_rewritten(ledger, error))
        waiting = len(ledger.spool.links())
    if waiting:
        notes.append(f"{waiting} entries wait in this clone: `komando ledger push` lands them")
    links = [] if tip is None else read(ledger.git, tip)
    found += chain_disagreements(links, ledger.branch.environment)
    notes += finished_late(links)
    if signers is not None:
        found += signature_disagreements(ledger.git, links, signers.file, signers.since)
    if records is not None:
        differ, by_hand = record_disagreements(links, records)
        found += differ
        notes += by_hand
        results = (it.entry.hosts for it in links if isinstance(it.entry, Finished))
        silent = {host for hosts in results for host in hosts} - set(records)
        notes += [f"no record of {host} was given" for host in sorted(silent)]
    return Verified(len(links), tuple(found), tuple(notes))


def _rewritten(ledger: Ledger, error: RewrittenError) -> Disagreement:
    """Where the two part: the first entry that is not what this clone knew."""
    known, found = read(ledger.git, error.known), read(ledger.git, error.found)
    pairs = list(zip(known, found, strict=False))
    at = next((n for n, (a, b) in enumerate(pairs) if a.commit != b.commit), len(pairs))
    there = found[at].commit if at < len(found) else ""
    return Disagreement(
        f"{ledger.branch.name} of {ledger.branch.remote} does not go on from what this clone knew",
        f"commit {there[:12]}" if there else f"an end after entry {len(found)}",
        f"commit {known[at].commit[:12]}, and {len(known)} entries",
        at + 1,
        there,
    )
