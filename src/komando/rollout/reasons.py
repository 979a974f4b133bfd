"""Why a host did not do it, in its own words or in those of the connection."""

from __future__ import annotations

import logging
from collections import defaultdict

NO_REASON = "it gave no reason"
CUT = "the connection was lost before it answered"

HOST_SAYS = "komando-host: "
"""How the host program begins what it says went wrong; tc's and nft's own lines may follow."""

REFUSED = 1
"""The host program's exit code for a refusal, and Python's for a program that broke off."""


class Reasons(logging.Handler):
    """Why a host failed. pyinfra tells it to its log alone, each line led by the host's name."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._lines: dict[str, list[str]] = defaultdict(list)
        logger = logging.getLogger("pyinfra")
        logger.addHandler(self)
        logger.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line under its host's name."""
        prefix, found, text = record.getMessage().partition("] ")
        if found and prefix.startswith("["):
            self._lines[prefix[1:]].append(text.strip())

    def note(self, host: str, words: str) -> None:
        """A better reason than those of the log."""
        self._lines[host] = [words]

    def take(self, host: str) -> str:
        """The reason as one line, without pyinfra's closing remark when a better one stands."""
        said = self._lines.pop(host, [])
        lines = [line for line in said if line and not line.startswith("Error: executed ")]
        telling = [line for line in lines if not line.startswith(("Error: ", "could not load"))]
        return "; ".join(telling or lines)


NOT_LISTED = "sudo: a password is required"
"""What sudo says, before it runs anything, of a command that its list does not have."""


def refusal(lines: list[str]) -> str:
    """What the host program said at its end; nothing when it broke off after that or before."""
    if lines == [NOT_LISTED]:
        return "its sudoers does not let this user ask for that: run `komando prepare` on it"
    starts = [number for number, line in enumerate(lines) if line.startswith(HOST_SAYS)]
    said = lines[starts[-1] :] if starts else []
    if any(line.startswith("Traceback ") for line in said):
        return ""
    return "; ".join(said).removeprefix(HOST_SAYS)
