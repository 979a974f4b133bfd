"""What is done to a host."""

from __future__ import annotations

from collections.abc import Iterator

from pyinfra.api import StringCommand, operation

from komando.generation import PROGRAM


@operation(is_idempotent=True)
def activate(digest: str, archive: str) -> Iterator[StringCommand]:
    """Make the generation `digest` the running one, in one exec.

    `archive` is the base64 text of its tar.gz, or "" where the host has the generation already.
    """
    yield StringCommand("sudo", "-n", PROGRAM, "activate", digest, _stdin=archive)
