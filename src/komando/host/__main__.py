"""The command line of the host program: one verb, one JSON line."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, BinaryIO

from .calendar import parse_moment
from .change import UNCONFIRMED, Order
from .generation import ARCHIVE_LIMIT
from .layout import HostError, Paths
from .private import leave_no_core
from .program import PROTOCOL, Program, probe
from .timer import Timer

LOCK_SECONDS = 60.0
"""How long a verb waits for another one to end; an activation takes about 1 s."""

EVICT_SECONDS = 0.5
"""How long an alarm waits for a run that holds the lock, before it kills it."""

BYPASS_SECONDS = 5.0
"""How long a person at the console waits for such a run. Killed half-way, it is made up for by the
next one; an activation, which takes about 1 s, is over by then."""

DESCRIPTION = """\
Keeps this router at what its current generation wants at this moment.

A generation is the set of files of one policy, under its digest, below
/var/lib/komando/generations; the link /var/lib/komando/current says which one is in force. A timer
calls `hours` every minute: it looks up the profile of this moment in the generation's calendar and
mends whatever of the trees, tables, filters, addresses and routes does not stand. Every verb may be
run again at any time: the second run changes nothing.
"""

EPILOG = """\
examples:
  komando-host observe                          what runs here, and is the kernel as it should be?
  komando-host drift                            what was changed by hand, with diffs
  komando-host hours                            mend what is missing, now rather than in a minute
  komando-host activate DIGEST < bundle.b64     bring a bundle into force
  komando-host activate DIGEST < /dev/null      go back to a generation that is on this host
  komando-host export | base64 -d | tar -tz     the files that are in force
  komando-host revert                           take back what waits for a confirmation
  komando-host bypass on                        at the console: no limits, no guard, until `off`
  komando-host record                           what was done here, a line each
  komando-host usage                            what each class used in the last week
  komando-host clock 2026-11-24T20:00:00+07:00  rehearse: run as if it were that evening
  komando-host clock off                        back to the real clock

An answer is one JSON line on standard output; narration and errors go to standard error.
Exit codes: 0 done, 1 failed (after `activate` the generation before is in force again, where there
was one), 2 the command line was not understood.
"""


def parser() -> argparse.ArgumentParser:
    """The grammar of the command line, which teaches by its help."""
    root = argparse.ArgumentParser(
        prog="komando-host",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = root.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("observe", help="say what runs here and whether the kernel agrees")
    verbs.add_parser("drift", help="as observe, with all that stands otherwise than it should")
    activate = verbs.add_parser("activate", help="bring a bundle (base64 tar.gz on stdin) in force")
    activate.add_argument(
        "digest", metavar="DIGEST", help="the digest of the bundle, 64 hex digits"
    )
    activate.add_argument(
        "--within",
        type=float,
        metavar="SECONDS",
        help="revert unless it is confirmed in time (default: at the console)",
    )
    activate.add_argument(
        "--sequence",
        type=int,
        default=0,
        metavar="N",
        help="which apply this is; one before the last is refused",
    )
    activate.add_argument(
        "--before",
        metavar="DIGEST",
        help="refuse unless this generation (or `none`) runs here",
    )
    activate.add_argument(
        "--protocol", type=int, default=1, metavar="N", help="what the controller speaks"
    )
    confirm = verbs.add_parser("confirm", help="keep a change, if the kernel holds all of it")
    confirm.add_argument("digest", metavar="DIGEST")
    revert = verbs.add_parser("revert", help="take a change back that waits for its confirmation")
    revert.add_argument("digest", metavar="DIGEST", nargs="?", help="only if it is this one")
    revert.add_argument("--due", metavar="TOKEN", help="the alarm's call, which waits for nobody")
    verbs.add_parser("boot", help="before the network: take back what a restart has overtaken")
    bypass = verbs.add_parser("bypass", help="take the policy out of the traffic's way")
    bypass.add_argument("state", choices=("on", "off"))
    reach = verbs.add_parser("probe", help="whether ssh of another machine is reached from here")
    reach.add_argument("address", metavar="ADDRESS")
    reach.add_argument("port", metavar="PORT", type=int)
    record = verbs.add_parser("record", help="print the record of what was done here")
    record.add_argument("--since", type=int, default=0, metavar="N", help="from entry N on")
    verbs.add_parser("usage", help="how much each class used in the last week")
    verbs.add_parser("hours", help="bring the kernel to what is wanted at this moment")
    export = verbs.add_parser("export", help="print a generation as base64 tar.gz")
    export.add_argument("digest", metavar="DIGEST", nargs="?", help="default: the current one")
    clock = verbs.add_parser("clock", help="rehearse another moment; lost with a reboot")
    clock.add_argument("moment", metavar="ISO|off", help="a moment with its zone, or off")
    return root


@contextmanager
def locked(paths: Paths, evict: Callable[[], bool] | None = None) -> Iterator[None]:
    """Holds the program's lock; raises HostError when another run keeps it for too long.

    With `evict` the holder is killed, with all that it has started, after half a second, as long as
    that answers yes: the alarm of a change must not wait for a run that hangs in it.
    """
    paths.run.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(paths.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    # tc and its like inherit it: a killed run's child keeps the next run waiting until it has ended
    os.set_inheritable(descriptor, True)
    begun = time.monotonic()
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                waited = time.monotonic() - begun
                if waited > LOCK_SECONDS:
                    raise HostError("another run of komando-host does not end") from None
                if evict and waited > EVICT_SECONDS and evict():
                    _kill(descriptor)
                time.sleep(0.01)
        with suppress(PermissionError):  # it leads a session: then it leads a group as well
            os.setpgid(0, 0)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpgid(0)).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _impatient(deadline: float) -> bool:
    return time.monotonic() > deadline


def _kill(descriptor: int) -> None:
    """Kills the group of processes that holds the lock."""
    group = os.pread(descriptor, 20, 0).decode()
    if group.isdigit() and int(group) not in (0, 1, os.getpgid(0)):
        with suppress(ProcessLookupError):
            os.killpg(int(group), signal.SIGKILL)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Lets no lost terminal and no Ctrl-C end a run half way: it takes a second, children too."""
    signals = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(one, signal.SIG_IGN) for one in signals]
    try:
        yield
    finally:
        for one, handler in zip(signals, before, strict=True):
            signal.signal(one, handler)


def received(stream: BinaryIO) -> bytes:
    """The archive that a sender gives; raises HostError when there is more than a bundle may be."""
    archive = stream.read(ARCHIVE_LIMIT + 1)
    if len(archive) > ARCHIVE_LIMIT:
        raise HostError(f"no bundle: more than {ARCHIVE_LIMIT} bytes came on standard input")
    return archive


def answer(
    arguments: argparse.Namespace, paths: Paths, timer: Timer | None
) -> dict[str, Any] | str:
    """Carries out one verb; the JSON object or the text that it prints."""
    program = Program(paths, timer)
    if arguments.verb == "probe":
        return probe(arguments.address, arguments.port)
    order = _order(arguments) if arguments.verb == "activate" else None
    # read before the lock is taken: a slow sender must not keep the hours waiting
    archive = received(sys.stdin.buffer) if arguments.verb == "activate" else b""
    due = arguments.due if arguments.verb == "revert" else None
    evict = partial(program.awaits, due) if due else None
    if arguments.verb == "bypass":
        evict = partial(_impatient, time.monotonic() + BYPASS_SECONDS)
    with locked(paths, evict), undisturbed():
        if arguments.verb == "activate":
            return program.activate(arguments.digest, archive, order)
        if due and not program.awaits(due):
            return program.boot()  # it was confirmed, or taken back, meanwhile
        return _VERBS[arguments.verb](program, arguments)


def _order(arguments: argparse.Namespace) -> Order | None:
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


def _asker() -> str | None:
    """The address of whoever asks over ssh."""
    return os.environ.get("SSH_CONNECTION", "").partition(" ")[0] or None


def _rehearse(program: Program, arguments: argparse.Namespace) -> dict[str, Any]:
    moment = None if arguments.moment == "off" else parse_moment(arguments.moment)
    return program.rehearse(moment, datetime.now(UTC))


_VERBS: dict[str, Callable[[Program, argparse.Namespace], dict[str, Any] | str]] = {
    "observe": lambda program, _: program.observe(_asker()),
    "drift": lambda program, _: program.drift(_asker()),
    "confirm": lambda program, given: program.confirm(given.digest),
    "revert": lambda program, given: program.revert(
        given.digest, UNCONFIRMED if given.due else "taken back by hand or by the controller"
    ),
    "boot": lambda program, _: program.boot(),
    "usage": lambda program, _: program.usage(),
    "hours": lambda program, _: program.hours(),
    "bypass": lambda program, given: program.bypass(on=given.state == "on"),
    "record": lambda program, given: program.record.lines(given.since),
    "export": lambda program, given: program.export(given.digest).decode(),
    "clock": _rehearse,
}


def main(
    argv: Sequence[str] | None = None, paths: Paths | None = None, timer: Timer | None = None
) -> int:
    """Runs one verb; the exit code is 0, or 1 with the reason on standard error."""
    arguments = parser().parse_args(argv)
    try:
        leave_no_core()
        said = answer(arguments, paths or Paths(), timer)
    except (HostError, OSError, ValueError) as error:
        print(f"komando-host: {error}", file=sys.stderr)
        return 1
    sys.stdout.write(said if isinstance(said, str) else json.dumps(said) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
