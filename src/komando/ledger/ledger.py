"""The ledger of one environment: whose turn it is, and the chained record of what was done."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from komando.ledger.branch import REMOTE_TIMEOUT, Branch
from komando.ledger.chain import Link, Pen, append, entries_of, read, read_tail
from komando.ledger.entries import Abandoned, Entry, Kind, Move, Request, Started, identity
from komando.ledger.errors import (
    BrokenChainError,
    FarAheadError,
    HeldError,
    LostBranchError,
    RefusedError,
    RewrittenError,
    UnreachedError,
    at_work,
    lost,
    written,
)
from komando.ledger.git import Git
from komando.ledger.holder import lives, person_of, this_process
from komando.ledger.spool import Spool
from komando.ledger.turn import Turn
from komando.ledger.turns import highest, open_turns, why_over

FAR = 100_000
"""How far ahead of the ledger a host may be: so many applies were never lost with a clone."""

_RACES = 20
"""Pushes that others win one after the other, before we give up."""

_WITHOUT_FORGE = (UnreachedError, LostBranchError, RewrittenError, BrokenChainError)


def _now() -> datetime:
    """Entries count whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True)
class Policy:
    """Which policies are carried out: a commit ("" for none), and whether files differ from it."""

    commit: str
    changed: bool


@dataclass(frozen=True)
class Undertaking:
    """What somebody is about to do.

    `hosts` says what shall become of each, by name; all of it is over after `lease` at the latest.
    `limit` names the hosts of a partial run, `acknowledged` has the ids of the accepted risks,
    `requests` the pull requests that are carried out.
    """

    kind: Kind
    hosts: Mapping[str, Move]
    lease: timedelta
    policy: Policy = field(default=Policy("", changed=False))
    limit: tuple[str, ...] = ()
    acknowledged: tuple[str, ...] = ()
    requests: tuple[Request, ...] = ()


class Ledger:
    """The branch `deployments/<environment>` of a remote, seen from one clone."""

    def __init__(
        self, git: Git, branch: Branch, pen: Pen, clock: Callable[[], datetime] = _now
    ) -> None:
        self.git, self.branch, self.pen, self.clock = git, branch, pen, clock
        self.spool = Spool(git, branch.environment)
        self.holder = this_process(pen.person)

    @classmethod
    def open(
        cls,
        repository: Path,
        environment: str,
        remote: str = "origin",
        *,
        key: Path | None = None,
        timeout: float = REMOTE_TIMEOUT,
    ) -> Ledger:
        """The ledger of an environment; nothing is asked of the remote yet.

        `repository` is any folder of a clone of the policies, shallow, bare or detached; `remote`
        a name, a URL or a path; entries are signed with the ssh `key`; `timeout` (seconds) ends
        each call of the remote. Raises EnvironmentNameError, NotRepositoryError, NoRemoteError.
        """
        git = Git(repository)
        return cls(git, Branch(git, environment, remote, timeout), Pen(person_of(git), key))

    def policy(self, *paths: str) -> Policy:
        """The commit that is checked out, and whether files under `paths` (all) differ from it.

        Paths are relative to the folder that the ledger was opened with.
        """
        commit = self.git.commit_at("HEAD") or ""
        answer = self.git.run("status", "--porcelain", "--untracked-files=all", "--", *paths)
        return Policy(commit, changed=answer.status != 0 or bool(answer.out))

    def begin(
        self,
        undertaking: Undertaking,
        *,
        least: int = 0,
        offline: bool = False,
        emergency: bool = False,
    ) -> Turn:
        """Take the turn: whoever gets it is alone, on every machine, until it is finished.

        `least` is the highest sequence that a host has told of. With `offline` a forge that is
        away, or has lost the ledger, does not keep us: the entries wait in this clone. Nor does it
        an `emergency`, which waits for no other turn either, unless its holder is seen to live on
        this machine: elsewhere nobody can tell, and hosts refuse the older of two sequences.

        Raises HeldError while somebody else is at it; UnreachedError, LostBranchError and
        RewrittenError, which name the way on.
        """
        with self.spool.alone():
            try:
                return self._begin_on_forge(undertaking, least, emergency=emergency)
            except _WITHOUT_FORGE as away:
                if not (offline or emergency):
                    raise _named_way(away) from away
                return self._begin_in_spool(undertaking, least, str(away), emergency=emergency)

    def fetch(self, least: int = 0) -> str | None:
        """The branch's last commit, as `Branch.fetch`; hosts, too, can know of a lost ledger."""
        tip = self.branch.fetch()
        if tip is None and least > 0:
            witness = f"a host has already seen sequence {least}"
            raise lost(self.branch.remote, self.branch.name, witness)
        return tip

    def links(self, most: int | None = None) -> list[Link]:
        """The chain as this clone last knew it, oldest first; asks no remote.

        With `most`, no more than so many of the newest.
        """
        known = self.branch.known()
        return [] if known is None else read(self.git, known, most)

    def push(self) -> int:
        """Land what waits in this clone; how many entries that were.

        They keep their times, and are marked as spooled. Raises UnreachedError and the like.
        """
        with self.spool.alone():
            return len(self.land())

    def land(self, own: Entry | None = None, *, least: int = 0) -> list[Link]:
        """Append what waits to the branch, and empty the spool; the links that were made.

        Inside `Spool.alone` only. `own` is the entry that did not wait: it was just written.
        """
        for _ in range(_RACES):
            waiting = self.spool.entries()
            if not waiting:
                return []
            tip = self.fetch(least)
            usual = own is not None and len(waiting) == 1
            chain = self._chain(tip, whole=not usual)
            landed = {identity(it) for it in entries_of(chain)}
            missing = [
                it.model_copy(update={"spooled": it is not waiting[-1] or not usual})
                for it in waiting
                if identity(it) not in landed
            ]
            made = append(self.git, chain, missing, self.pen)
            if not made or self.branch.push(made[-1].commit, tip):
                self.spool.clear()
                return made
        raise _outrun(self.branch)

    def _chain(self, tip: str | None, *, whole: bool = False) -> list[Link]:
        if tip is None:
            return []
        return read(self.git, tip) if whole else read_tail(self.git, tip)

    def _begin_on_forge(self, what: Undertaking, least: int, *, emergency: bool) -> Turn:
        self.land(least=least)
        for _ in range(_RACES):
            tip = self.fetch(least)
            chain = self._chain(tip)
            before = entries_of(chain)
            if least - highest(before) > FAR:
                raise FarAheadError(least, highest(before))
            closing, notes = self._take_over(before, emergency=emergency)
            sequence = max(highest(before), least) + 1
            started = self._started(what, sequence)
            made = append(self.git, chain, [*closing, started], self.pen)
            if self.branch.push(made[-1].commit, tip):
                if before and least > highest(before):
                    notes.append(
                        f"a host has seen sequence {least}, the ledger ends at "
                        f"{highest(before)}: entries wait in another clone (`komando ledger "
                        "push` there), or are lost"
                    )
                return Turn(self, started, notes=tuple(notes))
        raise _outrun(self.branch)

    def _begin_in_spool(self, what: Undertaking, least: int, away: str, *, emergency: bool) -> Turn:
        """What this clone knew of the forge may be old: it is told, and keeps nobody."""
        waiting = self.spool.entries()
        known = [it.entry for it in self._chain(self.branch.known()) if it.entry is not None]
        closing, taken = self._take_over(waiting, emergency=emergency)
        sequence = max(highest(known), highest(waiting), least) + 1
        started = self._started(what, sequence)
        self.spool.add([*closing, started], self.pen)
        lands = f"{away}. The entries wait in this clone; `komando ledger push` lands them"
        notes = [lands, *taken]
        now = self.clock()
        notes += [
            f"when the forge was last seen, {it.holder.person} on {it.holder.machine} held "
            f"sequence {it.sequence} until {written(it.expires)}; hosts refuse the older of two "
            "sequences"
            for it in open_turns(known)
            if not why_over(it, self.holder, now)
        ]
        return Turn(self, started, spooled=True, notes=tuple(notes))

    def _take_over(
        self, before: Sequence[Entry], *, emergency: bool
    ) -> tuple[list[Abandoned], list[str]]:
        """What closes the turns that stand open, and notes on it.

        Raises HeldError for one that still holds.
        """
        now, closing, notes = self.clock(), list[Abandoned](), list[str]()
        for turn in open_turns(before):
            if why := why_over(turn, self.holder, now):
                notes.append(f"took over sequence {turn.sequence}: {why}")
            elif emergency and not lives(turn.holder, self.holder):
                why = f"an emergency did not wait for {at_work(turn)}"
                notes.append(
                    f"EMERGENCY: took the turn over from {at_work(turn)}, who may still be at "
                    "work: tell them. Hosts refuse the older of two sequences"
                )
            else:
                raise HeldError(turn, here=emergency)
            closing.append(
                Abandoned(
                    environment=self.branch.environment,
                    time=now,
                    turn=turn.turn,
                    sequence=turn.sequence,
                    by=self.holder,
                    why=why,
                )
            )
        return closing, notes

    def _started(self, what: Undertaking, sequence: int) -> Started:
        now = self.clock()
        return Started(
            environment=self.branch.environment,
            time=now,
            turn=secrets.token_hex(8),
            sequence=sequence,
            kind=what.kind,
            holder=self.holder,
            expires=now + what.lease,
            policy=what.policy.commit,
            policy_changed=what.policy.changed,
            limit=what.limit,
            hosts=dict(what.hosts),
            acknowledged=what.acknowledged,
            requests=what.requests,
        )


def _outrun(branch: Branch) -> RefusedError:
    return RefusedError(
        f"others were quicker {_RACES} times in a row to push to {branch.name}: try again"
    )


def _named_way(away: Exception) -> Exception:
    """The same error, with the way on where nothing but the forge is missing."""
    if not isinstance(away, UnreachedError):
        return away
    return type(away)(
        f"{away}. Without it nobody can be sure to be alone, so nothing was changed. If it cannot "
        "wait: `--emergency`, whose record waits in this clone until `komando ledger push`"
    )
