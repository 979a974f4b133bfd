"""A rollout in its turn: alone in the environment, and what came of it written down.

The ledger is imported when somebody begins: an apply that finds nothing to do never asks for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from komando.rollout.outcome import Outcome, Rollout
from komando.rollout.wave import Target
from komando.rollout.waves import Waves

if TYPE_CHECKING:
    from komando.ledger import HostResult, Ledger, Turn
    from komando.ledger.entries import Kind, Request, WholeOutcome

EASE = timedelta(minutes=5)
"""What a turn may last beyond the longest that all its waves can take: for connections."""

Work = Callable[[int, Callable[[], bool]], Rollout]
"""Is given its sequence, and what says whether its turn is over."""

Note = Callable[[str], None]
"""Takes in a sentence that whoever applies should read."""


class NotOurTurnError(Exception):
    """Nothing was changed: somebody else is at it, or the ledger cannot be reached."""


@dataclass(frozen=True)
class Undertaken:
    """What a rollout is, for the ledger: of what kind, by which policies, with which risks.

    `least` is the highest sequence that a host has told of. An `emergency`, like a rollback, goes
    on without the forge; it alone takes a turn over whose holder may still be at work. A look from
    outside, after each wave, may take `look` seconds. With `commit` nothing is begun unless that
    is what is checked out, and no file differs from it.
    """

    kind: Kind
    least: int
    emergency: bool = False
    look: float = 0.0
    policies: tuple[str, ...] = ()
    limit: tuple[str, ...] = ()
    acknowledged: tuple[str, ...] = ()
    requests: tuple[Request, ...] = ()
    commit: str = ""


def in_turn(
    ledger: Callable[[], Ledger],
    what: Undertaken,
    targets: Mapping[str, Target],
    waves: Waves,
    work: Work,
    note: Note,
) -> Rollout:
    """Do `work` while nobody else is at it; record what came of it.

    `ledger` opens the environment's. Raises NotOurTurnError, and nothing was changed, while
    somebody else is at it or the ledger cannot be reached; a rollback and an emergency go on
    without it.
    """
    ends = _seconds_up() + _lease(what, targets, waves).total_seconds()
    turn = _begin(ledger, what, targets, waves, note)
    if turn is None:
        return work(what.least + 1, lambda: False)
    for words in turn.notes:
        note(f"ledger: {words}")
    try:
        rollout = work(turn.sequence, lambda: _seconds_up() >= ends)
    except BaseException:
        lost = {name: _lost(target) for name, target in targets.items()}
        _finish(turn, lost, "interrupted", note)
        raise
    results = {one.host: _result(one) for one in rollout.outcomes}
    recorded = _finish(turn, results, _whole(rollout, what), note)
    return replace(rollout, recorded=recorded)


def _begin(
    opened: Callable[[], Ledger],
    what: Undertaken,
    targets: Mapping[str, Target],
    waves: Waves,
    note: Note,
) -> Turn | None:
    from komando.ledger import HeldError, LedgerError, Move, Policy, Undertaking

    anyway = what.emergency or what.kind == "rollback"
    moves = {
        name: Move(before=target.before or "", after=target.digest)
        for name, target in targets.items()
    }
    try:
        ledger = opened()
        policy = ledger.policy(*what.policies)
        if what.commit and policy != Policy(what.commit, changed=False):
            raise NotOurTurnError(
                f"no host was changed: {what.commit[:12]} was planned, and that is not what is "
                "checked out any more; apply again"
            )
        undertaking = Undertaking(
            kind="emergency" if what.emergency and what.kind == "apply" else what.kind,
            hosts=moves,
            lease=_lease(what, targets, waves),
            policy=policy,
            limit=what.limit,
            acknowledged=what.acknowledged,
            requests=what.requests,
        )
        return ledger.begin(undertaking, least=what.least, offline=anyway, emergency=what.emergency)
    except LedgerError as error:
        if not anyway or isinstance(error, HeldError):
            raise NotOurTurnError(f"no host was changed: {error}") from error
        note(f"NOT RECORDED: {error}")
        return None


def _seconds_up() -> float:
    """Seconds since boot, those asleep too: no stepped clock ends a turn, or makes one longer."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _lease(what: Undertaken, targets: Mapping[str, Target], waves: Waves) -> timedelta:
    """How long it can take: each wave goes there, is looked at from outside, and goes back."""
    windows = (max(targets[name].host.confirm_within for name in wave) for wave in waves)
    return EASE + timedelta(seconds=sum(2 * window + what.look for window in windows))


def _finish(turn: Turn, results: Mapping[str, HostResult], whole: WholeOutcome, note: Note) -> bool:
    """Whether it is written down, on the forge or in this clone."""
    from komando.ledger import LedgerError

    try:
        landing = turn.finish(results, whole)
    except LedgerError as error:
        note(f"NOT RECORDED: {error}")
        return False
    if landing.spooled:
        note(f"ledger: {landing.why}")
    return True


def _result(one: Outcome) -> HostResult:
    from komando.ledger import HostResult

    known = one.state not in ("unknown", "unreached")
    note = one.note if one.state == "carried" else ""
    return HostResult(
        before=None if one.state == "unreached" else one.before or "",
        after=(one.runs or "") if known else None,
        result=one.state,
        reason="; ".join(filter(None, (one.reason, note))),
        head=one.head,
        time=one.time,
    )


def _lost(target: Target) -> HostResult:
    from komando.ledger import HostResult

    return HostResult(
        before=target.before or "", after=None, result="unknown", reason="the apply broke off"
    )


def _whole(rollout: Rollout, what: Undertaken) -> WholeOutcome:
    if rollout.interrupted:
        return "interrupted"
    if not rollout.holds:
        return "failed"
    return "partial" if what.limit or any(rollout.of("unreached")) else "done"
