"""The command line of the host program: one verb, one JSON line.

What is asked of every host all the time loads no more than it needs: the modules of the verbs that
change something, and the grammar of the command line, are two thirds of all that there is to load.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from .layout import HostError, Paths
from .lock import locked, undisturbed
from .standing import Standing, asker

if TYPE_CHECKING:
    from .timer import Timer


def understood(argv: Sequence[str]) -> SimpleNamespace:
    """The verb and what was given with it; exits with code 2 when that is not understood.

    The verbs of the clock and of every apply are known at sight: argparse would take 15 ms.
    """
    match argv:
        case ["observe" | "drift" | "hours" | "boot" as verb]:
            return SimpleNamespace(verb=verb)
        case ["confirm", digest] if not digest.startswith("-"):
            return SimpleNamespace(verb="confirm", digest=digest)
    from .grammar import parser

    return parser().parse_args(argv, SimpleNamespace())


def answer(arguments: SimpleNamespace, paths: Paths, timer: Timer | None) -> dict[str, Any] | str:
    """Carries out one verb; the JSON object or the text that it prints."""
    if arguments.verb == "observe":
        with locked(paths), undisturbed():
            return Standing(paths).observe(asker())
    from .verbs import carry_out

    return carry_out(arguments, paths, timer)


def main(
    argv: Sequence[str] | None = None, paths: Paths | None = None, timer: Timer | None = None
) -> int:
    """Runs one verb; the exit code is 0, or 1 with the reason on standard error."""
    arguments = understood(sys.argv[1:] if argv is None else argv)
    try:
        said = answer(arguments, paths or Paths(), timer)
    except (HostError, OSError, ValueError) as error:
        print(f"komando-host: {error}", file=sys.stderr)
        return 1
    sys.stdout.write(said if isinstance(said, str) else json.dumps(said) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
