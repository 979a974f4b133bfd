"""The questions that a host is asked."""

from __future__ import annotations

import json
from typing import Any

from pyinfra.api.command import StringCommand
from pyinfra.api.exceptions import FactProcessError
from pyinfra.api.facts import FactBase

from komando.generation import PROGRAM


class Observed(FactBase[dict[str, Any]]):
    """What the host runs: the one question that every plan and every apply asks.

    Gives the host program's `observe` line: generation, profile, clock, kernel.
    """

    def command(self) -> StringCommand:
        """The question, as pyinfra sends it."""
        return StringCommand("sudo", "-n", PROGRAM, "observe")

    def process(self, output: list[str]) -> dict[str, Any]:
        """Read the answer; raises FactProcessError for anything but a JSON object."""
        try:
            answer = json.loads("\n".join(output))
        except ValueError as error:
            raise FactProcessError(f"observe did not answer in JSON: {error}") from error
        if not isinstance(answer, dict):
            raise FactProcessError(f"observe answered {answer!r}, which is no object")
        return answer


class Exported(FactBase[str]):
    """The files of the generation that the host runs, as the base64 text of a tar.gz."""

    def command(self) -> StringCommand:
        """The question, as pyinfra sends it."""
        return StringCommand("sudo", "-n", PROGRAM, "export")

    def process(self, output: list[str]) -> str:
        """Join the lines of the answer."""
        return "".join(output)
