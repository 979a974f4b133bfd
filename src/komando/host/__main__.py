"""The command line of the host program: one verb, one JSON line.

What is asked of every host all the time loads no more than it needs: the modules of the verbs that
change something, and the grammar of the command line, are two thirds of all that there is to load.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import SimpleNamespace

from .errors import HostError
from .typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .layout import Paths
    from .timer import Timer


def understood(argv: Sequence[str]) -> SimpleNamespace:
    """The verb and what was given with it; exits with code 2 when that is not understood.

    What the clock, the alarm and a controller say is known at sight, in the words that they use:
    argparse would take longer to load than most answers. All else, also what is said wrong, is for
    the grammar.
    """
    match argv:
        case ["observe" | "drift" | "hours" | "boot" | "usage" | "metrics"]:
            given: dict[str, Any] = {}
        case ["record"]:
            given = {"since": 0}
        case ["status", *rest] if (of := _looked_at(rest)) is not None:
            given = of
        case ["export"]:
            given = {"digest": None}
        case ["export" | "confirm", digest] if _plain(digest):
            given = {"digest": digest}
        case ["revert", digest] if _plain(digest):
            given = {"digest": digest, "due": None}
        case ["revert", "--due", token] if _plain(token):
            given = {"digest": None, "due": token}
        case ["probe", address, port] if _plain(address) and _number(port):
            given = {"address": address, "port": int(port)}
        case ["activate", digest, "--before", before, "--within", seconds, *rest] if (
            _plain(digest, before) and _number(seconds.replace(".", "", 1), *rest[1::2])
            and rest[::2] == ["--sequence", "--protocol"] and len(rest) == 4
        ):  # fmt: skip
            sequence, protocol = map(int, rest[1::2])
            given = {"digest": digest, "before": before, "within": float(seconds)}
            given |= {"sequence": sequence, "protocol": protocol}
        case _:
            from .grammar import parser

            return parser().parse_args(argv, SimpleNamespace())
    return SimpleNamespace(verb=argv[0], **given)


def _looked_at(words: Sequence[str]) -> dict[str, Any] | None:
    """What `status` is asked: of which office (None: of all), for how many seconds."""
    match words:
        case [*slug, "--seconds", seconds] if _number(seconds):
            pass
        case [*slug]:
            seconds = "1"
    if len(slug) > 1 or not _plain(*slug):
        return None
    return {"slug": slug[0] if slug else None, "seconds": int(seconds)}


def _plain(*words: str) -> bool:
    """Whether none of them can be an option."""
    return not any(word.startswith("-") for word in words)


def _number(*words: str) -> bool:
    return all(word.isascii() and word.isdecimal() and len(word) < 10 for word in words)


def answer(
    arguments: SimpleNamespace, paths: Paths | None, timer: Timer | None
) -> dict[str, Any] | str:
    """Carries out one verb; the JSON object or the text that it prints."""
    if arguments.verb == "probe":
        from .probe import probe

        return probe(arguments.address, arguments.port)
    from .layout import Paths
    from .lock import locked, undisturbed

    paths = paths or Paths()
    if arguments.verb == "metrics":
        from .textfile import told

        return told(paths)
    if arguments.verb == "status":
        from .status import status

        return status(paths, arguments.slug, arguments.seconds)
    if arguments.verb in ("observe", "drift", "record", "export"):
        from .standing import QUESTIONS, Standing

        with locked(paths), undisturbed():
            return QUESTIONS[arguments.verb](Standing(paths), arguments)
    from .verbs import carry_out

    return carry_out(arguments, paths, timer)


def main(
    argv: Sequence[str] | None = None, paths: Paths | None = None, timer: Timer | None = None
) -> int:
    """Runs one verb; the exit code is 0, or 1 with the reason on standard error."""
    arguments = understood(sys.argv[1:] if argv is None else argv)
    try:
        said = answer(arguments, paths, timer)
    except (HostError, OSError, ValueError) as error:
        print(f"komando-host: {error}", file=sys.stderr)
        return 1
    if isinstance(said, str):
        sys.stdout.write(said)
    else:
        import json

        sys.stdout.write(json.dumps(said) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
