"""What an observing key may ask: the forced command of its log-in, run without rights.

It reads what the client wanted to run, and asks sudo for the host program if that is one of six
questions. sudoers has the same list: whoever slips past one of them meets the other.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Sequence

from .errors import HostError
from .typed import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NoReturn

PROGRAM = "/usr/local/sbin/komando-host"

SUDO = "/usr/bin/sudo"

QUESTIONS = re.compile(
    r"observe|drift|usage|metrics|record(?: --since [0-9]{1,18})?"
    r"|status(?: [a-z0-9][a-z0-9-]{0,59})?(?: --seconds (?:[1-9]|[12][0-9]|30))?",
    re.ASCII,
)

LONGEST = 400
"""Characters of a command that are looked at; a question has about 130."""

SHELLS = (["sh", "-c"], ["/bin/sh", "-c"])
"""How pyinfra wraps what it runs."""

PREFIXES: tuple[list[str], ...] = (
    ["sudo", "-n", PROGRAM],
    ["sudo", PROGRAM],
    [PROGRAM],
    ["komando-host"],
    [],
)


def question(wanted: str) -> list[str]:
    """The words for the host program in what a client wants to run; HostError for all else."""
    try:
        words = shlex.split(wanted) if len(wanted) <= LONGEST else []
        if len(words) == 3 and words[:2] in SHELLS:
            words = shlex.split(words[2])
    except ValueError:
        words = []
    for prefix in PREFIXES:
        if words[: len(prefix)] == prefix:
            words = words[len(prefix) :]
            break
    # no word has a space in it: what was checked as a line is what is run as words
    if any(" " in word for word in words) or not QUESTIONS.fullmatch(" ".join(words)):
        raise HostError(
            "this key asks observe, record, drift, usage, metrics and status, and no more; "
            f"it was {_shown(wanted)}"
        )
    return words


def _shown(wanted: str) -> str:
    if not wanted:
        return "given no command"
    return f"told {wanted[:120]!a}"


def main(sudo: Sequence[str] = (SUDO, "-n", PROGRAM)) -> NoReturn:
    """Become the host program, or end with exit code 1 and the reason on standard error."""
    try:
        words = question(os.environ.get("SSH_ORIGINAL_COMMAND", ""))
    except HostError as error:
        print(f"komando-host: {error}", file=sys.stderr)
        sys.exit(1)
    os.execv(sudo[0], [*sudo, *words])  # noqa: S606  # there is no shell
