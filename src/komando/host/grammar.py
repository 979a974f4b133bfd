"""The grammar of the command line, which teaches by its help."""

from __future__ import annotations

import argparse

from .typed import TYPE_CHECKING

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - has no other name

DESCRIPTION = """\
Keeps this machine at what its current generation wants at this moment.

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
  komando-host metrics                          what Prometheus was told in the last minute
  komando-host status dinas-kesehatan           what an office is promised, and has this second
  komando-host reboot --window 02:00-04:00      the timer's: restart if it is due and nobody works
  komando-host clock 2026-11-24T20:00:00+07:00  rehearse: run as if it were that evening
  komando-host clock off                        back to the real clock

An answer is one JSON line on standard output (of `record` a line for each entry; of `metrics` and
`export` text); narration and errors go to standard error.
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
    _questions(verbs)
    _changes(verbs)
    _at_the_console(verbs)
    return root


def _questions(verbs: Verbs) -> None:
    verbs.add_parser("observe", help="say what runs here and whether the kernel agrees")
    verbs.add_parser("drift", help="as observe, with all that stands otherwise than it should")
    status = verbs.add_parser("status", help="what an office, or each, is promised and has")
    status.add_argument("slug", metavar="SLUG", nargs="?", help="of one office or point alone")
    status.add_argument(
        "--seconds", type=int, default=1, metavar="N", help="how long to look: 1 (default) to 30"
    )
    verbs.add_parser("usage", help="how much each class used in the last week")
    verbs.add_parser("metrics", help="print the metrics as the last look at the hours wrote them")
    record = verbs.add_parser("record", help="print the record of what was done here")
    record.add_argument("--since", type=int, default=0, metavar="N", help="from entry N on")
    export = verbs.add_parser("export", help="print a generation as base64 tar.gz")
    export.add_argument("digest", metavar="DIGEST", nargs="?", help="default: the current one")
    reach = verbs.add_parser("probe", help="whether ssh of another machine is reached from here")
    reach.add_argument("address", metavar="ADDRESS")
    reach.add_argument("port", metavar="PORT", type=int)


def _changes(verbs: Verbs) -> None:
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
    verbs.add_parser("hours", help="bring the kernel to what is wanted at this moment")


def _at_the_console(verbs: Verbs) -> None:
    """What units and people at the machine itself ask for."""
    verbs.add_parser("boot", help="before the network: take back what a restart has overtaken")
    bypass = verbs.add_parser("bypass", help="take the policy out of the traffic's way")
    bypass.add_argument("state", choices=("on", "off"))
    reboot = verbs.add_parser("reboot", help="restart, if that is due and no office is at work")
    reboot.add_argument(
        "--window",
        metavar="HH:MM-HH:MM",
        help="local time in which it may restart where no calendar tells the hours",
    )
    clock = verbs.add_parser("clock", help="rehearse another moment; lost with a reboot")
    clock.add_argument("moment", metavar="ISO|off", help="a moment with its zone, or off")
