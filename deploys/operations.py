"""What is done to a host."""

from __future__ import annotations

from collections.abc import Generator

from pyinfra.api.command import StringCommand
from pyinfra.api.operation import operation

from komando.generation import PROGRAM


@operation(is_idempotent=True)
def activate(digest: str, archive: str) -> Generator[StringCommand]:
    """Make the generation `digest` the running one, in one exec.

    `archive` is the base64 text of its tar.gz, which a host that has it whole leaves aside.
    """
    yield StringCommand("sudo", "-n", PROGRAM, "activate", digest, _stdin=archive)
