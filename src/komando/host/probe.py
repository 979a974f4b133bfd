"""Whether a machine beside this one is reached: the question that asks nothing of this one."""

from __future__ import annotations

import socket

from .errors import HostError

SECONDS = 3.0
"""How long a neighbour is waited for: a machine in the same room answers in a millisecond."""


def probe(address: str, port: int) -> dict[str, str]:
    """Whether a fresh connection from here reaches an ssh server; raises HostError if not."""
    where = f"{address} port {port}"
    # as bytes: of a word, Python would first look whether it is a name of the Internet in Unicode
    target = (address.encode("ascii"), port)
    try:
        with socket.create_connection(target, SECONDS) as connection:  # type: ignore[arg-type]
            banner = connection.recv(256)
    except OSError as error:
        raise HostError(f"{where} cannot be reached from here: {error}") from None
    if not banner.startswith(b"SSH-"):
        raise HostError(f"{where} answers, but not as an ssh server: {banner[:40]!r}")
    return {"banner": banner.decode(errors="replace").strip()}
