"""What is done to a host."""

from __future__ import annotations

from collections.abc import Generator

from pyinfra.api.command import StringCommand
from pyinfra.api.operation import operation

from komando.generation import PROGRAM


@operation(is_idempotent=True)
def activate(words: list[str], archive: str) -> Generator[StringCommand]:
    """Bring a generation in force, in one exec; `words` are those behind `activate`.

    `archive` is the base64 text of its tar.gz, which a host that has it whole leaves aside.
    """
    yield StringCommand("sudo", "-n", PROGRAM, "activate", *words, _stdin=archive)


@operation(is_idempotent=True)
def conclude(verb: str, digest: str) -> Generator[StringCommand]:
    """`confirm` a change, or `revert` it."""
    yield StringCommand("sudo", "-n", PROGRAM, verb, digest)
