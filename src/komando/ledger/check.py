"""Whether a chain is whole: numbers, hashes, turns, and the signatures on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from komando.ledger.chain import Link
from komando.ledger.entries import Abandoned, Anew, Finished, Started
from komando.ledger.errors import LedgerError
from komando.ledger.git import Git

SIGNATURE_TIMEOUT = 3600.0
"""Seconds for all signatures: about 12 ms each."""


@dataclass(frozen=True)
class Disagreement:
    """One thing that does not fit: at which entry, commit and host ("" for none of them)."""

    what: str
    found: str
    expected: str
    number: int = 0
    commit: str = ""
    host: str = ""

    def __str__(self) -> str:
        place = [f"entry {self.number}"] if self.number else []
        place += [f"commit {self.commit[:12]}"] if self.commit else []
        place += [f"host {self.host}"] if self.host else []
        head = f"{', '.join(place)}: " if place else ""
        return f"{head}{self.what}\n  found:    {self.found}\n  expected: {self.expected}"


def chain_disagreements(links: Sequence[Link], environment: str = "") -> list[Disagreement]:
    """All that is wrong with a chain, oldest first: its links, then its turns."""
    found: list[Disagreement] = []
    before: Link | None = None
    for number, link in enumerate(links, 1):
        found += _of_link(number, link, before, environment)
        before = link
    turns = _Turns()
    for number, link in enumerate(links, 1):
        turns.see(number, link)
    return found + turns.found


def finished_late(links: Sequence[Link]) -> Iterator[str]:
    """The turns that somebody took over, and whose holders told their end all the same."""
    abandoned: dict[str, tuple[int, Abandoned]] = {}
    for number, link in enumerate(links, 1):
        if isinstance(entry := link.entry, Abandoned):
            abandoned[entry.turn] = number, entry
        elif isinstance(entry, Finished) and entry.turn in abandoned:
            at, over = abandoned[entry.turn]
            yield (
                f"entry {number}: the holder of sequence {entry.sequence} came to an end "
                f"({entry.result}) after {over.by.person} on {over.by.machine} had taken over "
                f"(entry {at}: {over.why})"
            )


def _of_link(
    number: int, link: Link, before: Link | None, environment: str
) -> Iterator[Disagreement]:
    def wrong(what: str, found: str, expected: str) -> Disagreement:
        return Disagreement(what, found, expected, number, link.commit)

    parents = () if before is None else (before.commit,)
    if link.parents != parents:
        words = [", ".join(it[:12] for it in some) or "none" for some in (link.parents, parents)]
        yield wrong("the commit's parent is not the entry before", *words)
    if link.fault:
        yield wrong("the commit holds no good entry", link.fault, "one file entry.json")
    entry = link.entry
    if entry is None:
        return
    if entry.number != number:
        yield wrong("the numbers have a gap", str(entry.number), str(number))
    expected = before.digest if before else ""
    if entry.before != expected:
        yield wrong(
            "its `before` is not the hash of the entry before",
            entry.before or "none",
            expected or "none",
        )
    if environment and entry.environment != environment:
        yield wrong("it belongs to another environment", entry.environment, environment)
    if isinstance(entry, Anew) and number != 1:
        yield wrong("a ledger begins anew in its midst", "anew", "as the first entry alone")


class _Turns:
    """Every turn starts once, ends once, and is closed before the next one starts.

    What was spooled landed later than it happened, so that it may lie across another turn; and a
    holder who was slow may finish a turn that was abandoned.
    """

    def __init__(self) -> None:
        self.found: list[Disagreement] = []
        self._started: dict[str, Started] = {}
        self._open: dict[str, int] = {}
        self._finished: set[str] = set()
        self._highest = 0
        self._at = (0, "")

    def see(self, number: int, link: Link) -> None:
        """Take the next entry in."""
        self._at = number, link.commit
        match link.entry:
            case Started() as entry:
                self._starts(entry)
            case Finished() | Abandoned() as entry:
                self._goes_on(entry)
            case _:
                pass

    def _starts(self, entry: Started) -> None:
        if entry.turn in self._started:
            self._wrong("a turn starts twice", entry.turn, "a name of its own")
        if not entry.spooled:
            for turn, number in list(self._open.items()):
                other = self._started[turn]
                if not other.spooled:
                    del self._open[turn]
                    self._wrong(
                        "it starts while another turn is open",
                        f"entry {number}, sequence {other.sequence}, is open",
                        "a `finished` or an `abandoned` of it before",
                    )
            if entry.sequence <= self._highest:
                words = str(entry.sequence), f"above {self._highest}"
                self._wrong("the sequence does not rise", *words)
        self._highest = max(self._highest, entry.sequence)
        self._started[entry.turn] = entry
        self._open[entry.turn] = self._at[0]

    def _goes_on(self, entry: Finished | Abandoned) -> None:
        begun = self._started.get(entry.turn)
        if begun is None:
            words = f"sequence {entry.sequence}", "a `started` before it"
            self._wrong(f"`{entry.entry}` of a turn that never started", *words)
            return
        if entry.sequence != begun.sequence:
            self._wrong("the sequence is not its turn's", str(entry.sequence), str(begun.sequence))
        if isinstance(entry, Finished):
            if entry.turn in self._finished:
                self._wrong("a turn finishes twice", f"sequence {entry.sequence}", "once")
            self._finished.add(entry.turn)
        elif entry.turn not in self._open and not entry.spooled:
            words = f"sequence {entry.sequence}", "an open turn"
            self._wrong(f"`{entry.entry}` of a turn that is closed", *words)
        self._open.pop(entry.turn, None)

    def _wrong(self, what: str, found: str, expected: str) -> None:
        self.found.append(Disagreement(what, found, expected, *self._at))


def signature_disagreements(
    git: Git, links: Sequence[Link], allowed_signers: Path, since: int = 1
) -> list[Disagreement]:
    """Entries from number `since` on whose commit no key of `allowed_signers` has signed.

    The file is as ssh-keygen(1) has it under ALLOWED SIGNERS. Raises LedgerError where git cannot
    be asked.
    """
    if not allowed_signers.is_file():
        raise LedgerError(f"{allowed_signers} does not stand: expected a file of allowed signers")
    if not links:
        return []
    answer = git.run(
        "-c",
        "gpg.format=ssh",
        "-c",
        f"gpg.ssh.allowedSignersFile={allowed_signers.resolve()}",
        "log",
        "--first-parent",
        "--no-show-signature",
        "--format=%H%x00%G?%x00%GF%x00%GS",
        links[-1].commit,
        "--",
        timeout=SIGNATURE_TIMEOUT,
    )
    if answer.status != 0:
        raise LedgerError(f"the signatures cannot be read: {answer.words}")
    rows = (line.split("\0") for line in answer.out.decode("utf-8", "replace").splitlines())
    told = {row[0]: row[1:] for row in rows}
    found = []
    for number, link in enumerate(links, 1):
        status, key, _signer = told.get(link.commit, ["N", "", ""])
        # another form of signature (gpg's, by the keyring of whoever asks) is none of ours
        good = status == "G" and key.startswith("SHA256:")
        if number >= since and not good:
            words = _SIGNATURES.get(status, f"git says {status!r}") + (f" ({key})" if key else "")
            expected = f"a signature of a key in {allowed_signers.name}"
            found.append(Disagreement("not signed", words, expected, number, link.commit))
    return found


_SIGNATURES = {
    "N": "no signature",
    "B": "a signature that does not fit what it signs",
    "U": "a signature of a key that is not allowed",
    "E": "a signature that cannot be checked",
    "G": "a signature of another kind than ssh's",
}
