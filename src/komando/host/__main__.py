"""The command line of the host program: one verb, one JSON line."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, BinaryIO

from .calendar import parse_moment
from .generation import ARCHIVE_LIMIT
from .layout import HostError, Paths
from .private import leave_no_core
from .program import Program

LOCK_SECONDS = 60.0
"""How long a verb waits for another one to end; an activation takes about 1 s."""

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
  komando-host hours                            mend what is missing, now rather than in a minute
  komando-host activate DIGEST < bundle.b64     bring a bundle into force
  komando-host activate DIGEST < /dev/null      go back to a generation that is on this host
  komando-host export | base64 -d | tar -tz     the files that are in force
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
    activate = verbs.add_parser("activate", help="bring a bundle (base64 tar.gz on stdin) in force")
    activate.add_argument(
        "digest", metavar="DIGEST", help="the digest of the bundle, 64 hex digits"
    )
    verbs.add_parser("hours", help="bring the kernel to what is wanted at this moment")
    export = verbs.add_parser("export", help="print a generation as base64 tar.gz")
    export.add_argument("digest", metavar="DIGEST", nargs="?", help="default: the current one")
    clock = verbs.add_parser("clock", help="rehearse another moment; lost with a reboot")
    clock.add_argument("moment", metavar="ISO|off", help="a moment with its zone, or off")
    return root


@contextmanager
def locked(paths: Paths) -> Iterator[None]:
    """Holds the program's lock; raises HostError when another run keeps it for too long."""
    paths.run.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(paths.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    # tc and its like inherit it: a killed run's child keeps the next run waiting until it has ended
    os.set_inheritable(descriptor, True)
    deadline = time.monotonic() + LOCK_SECONDS
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise HostError("another run of komando-host does not end") from None
                time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)


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


def answer(arguments: argparse.Namespace, paths: Paths) -> dict[str, Any] | str:
    """Carries out one verb; the JSON object or the text that it prints."""
    program = Program(paths)
    # read before the lock is taken: a slow sender must not keep the hours waiting
    archive = received(sys.stdin.buffer) if arguments.verb == "activate" else b""
    with locked(paths), undisturbed():
        if arguments.verb == "observe":
            return program.observe()
        if arguments.verb == "activate":
            return program.activate(arguments.digest, archive)
        if arguments.verb == "export":
            return program.export(arguments.digest).decode()
        if arguments.verb == "clock":
            off = arguments.moment == "off"
            moment = None if off else parse_moment(arguments.moment)
            return program.rehearse(moment, datetime.now(UTC))
        return program.hours()


def main(argv: Sequence[str] | None = None, paths: Paths | None = None) -> int:
    """Runs one verb; the exit code is 0, or 1 with the reason on standard error."""
    arguments = parser().parse_args(argv)
    try:
        leave_no_core()
        said = answer(arguments, paths or Paths())
    except (HostError, OSError, ValueError) as error:
        print(f"komando-host: {error}", file=sys.stderr)
        return 1
    sys.stdout.write(said if isinstance(said, str) else json.dumps(said) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
