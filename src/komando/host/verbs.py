"""From the words of the command line to the verb that they ask for."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace

from .calendar import parse_moment
from .change import Order
from .errors import HostError
from .layout import Paths
from .lock import locked, undisturbed
from .program import Program
from .standing import PROTOCOL
from .typed import TYPE_CHECKING, Any
from .way_back import UNCONFIRMED

if TYPE_CHECKING:
    from .timer import Timer

BYPASS_SECONDS = 5.0
"""How long a person at the console waits for a run that holds the lock. Killed half-way, it is made
up for by the next one; an activation, which takes about 1 s, is over by then."""


def carry_out(
    arguments: SimpleNamespace, paths: Paths, timer: Timer | None
) -> dict[str, Any] | str:
    """Carries out one verb; the JSON object or the text that it prints."""
    program = Program(paths, timer)
    if arguments.verb == "activate":
        return _activate(program, arguments)
    due = arguments.due if arguments.verb == "revert" else None
    evict = partial(program.awaits, due) if due else None
    if arguments.verb == "bypass":
        evict = partial(_impatient, time.monotonic() + BYPASS_SECONDS)
    try:
        with locked(paths, evict), undisturbed():
            if due and not program.awaits(due):
                return program.settle()  # it was confirmed, or taken back, meanwhile
            return VERBS[arguments.verb](program, arguments)
    finally:
        if arguments.verb == "hours":
            program.measure_uplink()


def _activate(program: Program, arguments: SimpleNamespace) -> dict[str, Any]:
    from .archive import received
    from .private import leave_no_core

    leave_no_core()
    order = order_of(arguments)
    # read before the lock is taken: a slow sender must not keep the hours waiting
    archive = received(sys.stdin.buffer)
    with locked(program.paths), undisturbed():
        return program.activate(arguments.digest, archive, order)


def _impatient(deadline: float) -> bool:
    return time.monotonic() > deadline


def order_of(arguments: SimpleNamespace) -> Order | None:
    """Who asks for a change. A controller has to confirm it; a person at the console need not."""
    if arguments.within is None:
        if "SSH_CONNECTION" in os.environ and arguments.protocol < PROTOCOL:
            raise HostError(
                f"the controller is older than this host's program: it speaks protocol "
                f"{arguments.protocol}, and {PROTOCOL} is spoken here; bring it up to date "
                f"(a person who works here over ssh adds --protocol {PROTOCOL})"
            )
        return None
    if arguments.protocol != PROTOCOL:
        raise HostError(
            f"the controller speaks protocol {arguments.protocol}, and {PROTOCOL} is spoken here: "
            "bring the older of the two up to date"
        )
    return Order(arguments.sequence, arguments.within, arguments.before)


def _rehearse(program: Program, arguments: SimpleNamespace) -> dict[str, Any]:
    moment = None if arguments.moment == "off" else parse_moment(arguments.moment)
    return program.rehearse(moment, datetime.now(UTC))


def _restart(program: Program, arguments: SimpleNamespace) -> dict[str, Any]:
    from .restart import restart

    return restart(program.standing, arguments.window)


VERBS: dict[str, Callable[[Program, SimpleNamespace], dict[str, Any] | str]] = {
    "confirm": lambda program, given: program.confirm(given.digest),
    "revert": lambda program, given: program.revert(
        given.digest, UNCONFIRMED if given.due else "taken back by hand or by the controller"
    ),
    "boot": lambda program, _: program.boot(),
    "usage": lambda program, _: program.usage(),
    "hours": lambda program, _: program.hours(),
    "bypass": lambda program, given: program.bypass(on=given.state == "on"),
    "clock": _rehearse,
    "reboot": _restart,
}
