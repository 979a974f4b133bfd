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
            raise FactProcessError(f"{PROGRAM} did not answer in JSON: {error}") from error
        if not isinstance(answer, dict):
            raise FactProcessError(f"{PROGRAM} answered {answer!r}, which is no object")
        return answer


class Drifted(Observed):
    """The host program's `drift` line: what `observe` tells, and what stands otherwise."""

    def command(self) -> StringCommand:
        """The question, as pyinfra sends it."""
        return StringCommand("sudo", "-n", PROGRAM, "drift")


class Used(Observed):
    """The host program's `usage` line: what each class of the host used in the last week."""

    def command(self) -> StringCommand:
        """The question, as pyinfra sends it."""
        return StringCommand("sudo", "-n", PROGRAM, "usage")


class Standing(Observed):
    """The host program's `status` line: what an office is promised and has at this moment."""

    def command(self, slug: str = "", seconds: int = 1) -> StringCommand:
        """The question, as pyinfra sends it; without a slug it is of all offices."""
        words = [slug] if slug else []
        return StringCommand("sudo", "-n", PROGRAM, "status", *words, "--seconds", str(seconds))


class Exported(FactBase[str]):
    """The files of a generation of the host, as the base64 text of a tar.gz."""

    def command(self, digest: str = "") -> StringCommand:
        """The question, as pyinfra sends it; without a digest it is what runs."""
        return StringCommand("sudo", "-n", PROGRAM, "export", *([digest] if digest else []))

    def process(self, output: list[str]) -> str:
        """Join the lines of the answer."""
        return "".join(output)


class Reached(FactBase[str]):
    """Whether the host reaches the ssh server of another one; gives what that said first."""

    def command(self, address: str, port: int) -> StringCommand:
        """The question, as pyinfra sends it."""
        return StringCommand("sudo", "-n", PROGRAM, "probe", address, str(port))

    def process(self, output: list[str]) -> str:
        """Join the lines of the answer."""
        return "".join(output)


class Recorded(FactBase[str]):
    """The lines of the host's own record."""

    def command(self) -> StringCommand:
        """The question, as pyinfra sends it."""
        return StringCommand("sudo", "-n", PROGRAM, "record")

    def process(self, output: list[str]) -> str:
        """Join the lines of the answer, each with its end."""
        return "".join(f"{line}\n" for line in output)
