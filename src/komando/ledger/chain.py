"""The entries of a branch as links of a chain: read in one go, and added to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from komando.ledger.entries import Entry, Started, digest, from_bytes, summary, to_bytes
from komando.ledger.errors import BrokenChainError, GitError
from komando.ledger.git import Git
from komando.ledger.holder import Person

FILE = "entry.json"

_TAIL = 32
"""How many entries are read at first when only the newest matter; an apply makes two."""


@dataclass(frozen=True)
class Link:
    """One commit of the branch. `entry` is None where `raw` is none, and `fault` then says why."""

    commit: str
    parents: tuple[str, ...]
    raw: bytes
    entry: Entry | None
    fault: str = ""

    @property
    def digest(self) -> str:
        """What the next entry has as its `before`."""
        return digest(self.raw)


@dataclass(frozen=True)
class Pen:
    """How entries are written: who signs as author, and with which ssh key, if any."""

    person: Person
    key: Path | None = None


def read(git: Git, tip: str, most: int | None = None) -> list[Link]:
    """The links up to a commit, oldest first; the newest `most` of them, where given.

    Two processes, however long the chain is. What cannot be read is a link with a fault.
    """
    some = [] if most is None else [f"--max-count={most}"]
    listing = git.ask(
        "log", "--first-parent", "--no-show-signature", "--format=%H %T %P", *some, tip, "--"
    )
    rows = [line.split(" ") for line in listing.decode().splitlines()]
    rows.reverse()
    names = "".join(f"{row[0]}:{FILE}\n" for row in rows)
    stream = _Stream(git.ask("cat-file", "--batch", data=names.encode()))
    return [_link(row[0], row[1], tuple(filter(None, row[2:])), stream) for row in rows]


def read_tail(git: Git, tip: str) -> list[Link]:
    """As many of the newest links as a new entry has to know, oldest first.

    Back to the newest `started` that was written with the forge at hand: it was only written when
    every turn before it was closed, and with a sequence above all before it.
    """
    most = _TAIL
    while True:
        links = read(git, tip, most)
        whole = len(links) < most
        if whole or any(isinstance(it.entry, Started) and not it.entry.spooled for it in links):
            return links
        most *= 8


def entries_of(links: Iterable[Link]) -> list[Entry]:
    """The entries. Raises BrokenChainError at one that cannot be read."""
    found = []
    for link in links:
        if link.entry is None:
            raise BrokenChainError(
                f"commit {link.commit[:12]} of the ledger holds no entry: {link.fault}. "
                "`komando ledger verify` names all that is wrong"
            )
        found.append(link.entry)
    return found


def append(git: Git, links: Sequence[Link], entries: Sequence[Entry], pen: Pen) -> list[Link]:
    """Write entries as commits on top of a chain; they belong to no branch yet.

    Each gets the number and the `before` of the place where it lands. The result has the new links
    alone.
    """
    last = links[-1] if links else None
    number = 0 if last is None or last.entry is None else last.entry.number
    made: list[Link] = []
    for entry in entries:
        number += 1
        landed = entry.model_copy(update={"number": number, "before": last.digest if last else ""})
        last = write(git, landed, last.commit if last else None, pen)
        made.append(last)
    return made


def write(git: Git, entry: Entry, parent: str | None, pen: Pen) -> Link:
    """One commit whose tree is one `entry.json`. Raises GitError where git cannot, or not sign."""
    raw = to_bytes(entry)
    blob = git.ask("hash-object", "-w", "--stdin", data=raw).decode().strip()
    tree = git.ask("mktree", data=f"100644 blob {blob}\t{FILE}\n".encode()).decode().strip()
    signed = []
    if pen.key is not None:
        signed = ["-c", "gpg.format=ssh", "-c", f"user.signingkey={pen.key.resolve()}"]
    made = git.run(
        *signed,
        "commit-tree",
        tree,
        *(["-p", parent] if parent else []),
        *(["-S"] if pen.key is not None else ["--no-gpg-sign"]),
        data=f"{summary(entry)}\n".encode(),
        environment=_named(pen.person, entry.time),
    )
    if made.status != 0:
        how = f" signed with {pen.key}" if pen.key else ""
        raise GitError(
            f"no entry could be written{how}: {made.words}. A key with a passphrase has to be in "
            "the ssh agent, and the file named then is its public half"
            if pen.key
            else f"no entry could be written: {made.words}"
        )
    commit = made.out.decode().strip()
    return Link(commit, (parent,) if parent else (), raw, entry)


def _named(person: Person, time: datetime) -> dict[str, str]:
    """Author and committer; the author's date is the entry's own time."""
    seconds = {"AUTHOR": time, "COMMITTER": datetime.now(UTC)}
    found = {}
    for role, moment in seconds.items():
        found[f"GIT_{role}_NAME"] = person.name
        found[f"GIT_{role}_EMAIL"] = person.mail
        found[f"GIT_{role}_DATE"] = f"@{int(moment.timestamp())} +0000"
    return found


class _Stream:
    """What `git cat-file --batch` writes, object by object."""

    def __init__(self, raw: bytes) -> None:
        self._raw, self._at = raw, 0

    def next(self) -> tuple[str, bytes] | None:
        """The next object's id and content; None where it is missing, or no file."""
        end = self._raw.index(b"\n", self._at)
        words = self._raw[self._at : end].split(b" ")
        self._at = end + 1
        if len(words) != 3 or not words[2].isdigit():  # `NAME missing`
            return None
        size = int(words[2])
        content = self._raw[self._at : self._at + size]
        self._at += size + 1
        return (words[0].decode(), content) if words[1] == b"blob" else None


def _link(commit: str, tree: str, parents: tuple[str, ...], stream: _Stream) -> Link:
    found = stream.next()
    if found is None:
        return Link(commit, parents, b"", None, f"it has no file {FILE}")
    blob, raw = found
    try:
        entry = from_bytes(raw)
    except ValueError as error:
        return Link(commit, parents, raw, None, str(error))
    if _tree_of(blob) != tree:
        return Link(commit, parents, raw, entry, f"it has more than the one file {FILE}")
    return Link(commit, parents, raw, entry)


def _tree_of(blob: str) -> str:
    """The id of the tree that holds `entry.json` and nothing else, as git computes it."""
    content = f"100644 {FILE}\0".encode() + bytes.fromhex(blob)
    raw = b"tree %d\0" % len(content) + content
    return (hashlib.sha256(raw) if len(blob) == 64 else _sha1(raw)).hexdigest()


def _sha1(raw: bytes) -> hashlib._Hash:
    """Git's name of an object: a name, not what the ledger's honesty hangs on."""
    return hashlib.sha1(raw, usedforsecurity=False)
