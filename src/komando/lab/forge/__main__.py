"""`python -m komando.lab.forge FOLDER`: what the hook of the bare repository runs after a push."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from komando.lab.forge.receive import pusher, receive, updates_in
from komando.lab.forge.store import Store
from komando.lab.place import LabError
from komando.ledger.errors import LedgerError


def main() -> None:
    """Receive what standard input tells; every word of it goes to the pusher's terminal."""
    for name in [one for one in os.environ if one.startswith("GIT_")]:
        del os.environ[name]  # else every git command meant the bare repository

    def say(words: str) -> None:
        sys.stderr.write(words + "\n")

    try:
        receive(Store(Path(sys.argv[1])), list(updates_in(sys.stdin)), pusher(), say)
    except (LabError, LedgerError) as error:
        sys.exit(f"the lab's forge: {error}")


main()
