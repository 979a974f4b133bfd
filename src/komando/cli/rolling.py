"""The part that apply and rollback share: a rollout with its board, its words and its exit code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import click

from komando.cli.progress import console
from komando.cli.streams import tell

if TYPE_CHECKING:
    from komando.cli.board import Board
    from komando.ledger import Ledger
    from komando.rollout.outcome import Outcome, Rollout
    from komando.rollout.roll import Verify
    from komando.rollout.session import Session
    from komando.rollout.turn import Undertaken
    from komando.rollout.wave import Target
    from komando.rollout.waves import Waves

PARTLY = 3
"""The exit status when all that was tried holds, and some hosts could not be reached."""


@contextmanager
def ending_as_told() -> Iterator[None]:
    """A Ctrl-C that nobody has taken in ends the verb, and says what may be left."""
    try:
        yield
    except KeyboardInterrupt:
        raise click.ClickException(
            "interrupted; a change that was not confirmed reverts by itself, and `komando plan` "
            "asks the hosts what they run"
        ) from None


def as_it_was(failures: Mapping[str, str]) -> Rollout:
    """A rollout in which nothing was to be done; shows the hosts that could not be asked."""
    from komando.rollout.outcome import Rollout

    return _told(Rollout(()).with_unreached(failures))


def carry_out(
    session: Session,
    targets: Mapping[str, Target],
    waves: Waves,
    ledger: Callable[[], Ledger],
    what: Undertaken,
    *,
    failures: Mapping[str, str] = {},
    verify: Verify | None = None,
) -> Rollout:
    """Roll the targets out, in turn; show each host's stages meanwhile, and what became of it.

    Ends the verb, and nothing was changed, while somebody else is at it or the ledger cannot be
    reached. `failures` are hosts that could not be asked, and why.
    """
    from komando.cli.board import Board
    from komando.rollout.roll import roll
    from komando.rollout.turn import NotOurTurnError, in_turn

    def work(sequence: int, over: Callable[[], bool]) -> Rollout:
        board = Board(waves, console())
        with board.shown():
            look = _beside(board, verify) if verify else None
            done = roll(session, targets, waves, sequence, board.told, look, over)
        return done.with_unreached(failures)

    try:
        return _told(in_turn(ledger, what, targets, waves, work, partial(tell, err=True)))
    except NotOurTurnError as error:
        raise click.ClickException(str(error)) from error


def _beside(board: Board, verify: Verify) -> Verify:
    """The same, which may write to the terminal meanwhile."""

    def look(names: tuple[str, ...]) -> bool:
        with board.paused():
            return verify(names)

    return look


def conclude(rollout: Rollout, *, partial: bool) -> None:
    """The verb's end, with its exit status."""
    if partial:
        tell("PARTIAL: --limit left the other hosts out; `komando plan` tells what is open")
    if not rollout.holds or not rollout.recorded:
        raise click.exceptions.Exit(1)
    if away := [one.host for one in rollout.of("unreached")]:
        tell(f"not reached: {', '.join(away)}", err=True)
        raise click.exceptions.Exit(PARTLY)


def _told(rollout: Rollout) -> Rollout:
    for outcome in rollout.outcomes:
        _tell(outcome)
    return rollout


def _tell(outcome: Outcome) -> None:
    from komando.plan.narration import digest_words

    name, runs = outcome.host, digest_words(outcome.runs)
    if outcome.state == "carried":
        how = "built anew" if outcome.rebuilt else f"{outcome.touched} classes changed in place"
        tell(f"{name} runs {runs}: {how}")
        if outcome.reason:
            tell(f"{name} stays as it is: {outcome.reason}", err=True)
        if outcome.note:
            tell(f"{name} was confirmed all the same: {outcome.note}", err=True)
        return
    words = {
        "refused": f"refused it and runs {runs}, as before",
        "reverted": f"was taken back and runs {runs} again",
        "unreached": "was not reached",
        "unknown": "is not known to run the one or the other; `komando plan` asks it",
        "untouched": f"was not touched and runs {runs}",
    }[outcome.state]
    reason = f": {outcome.reason}" if outcome.reason else ""
    tell(f"{name} {words}{reason}", err=True)
