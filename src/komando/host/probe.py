"""Whether a machine beside this one is reached: the question that asks nothing of this one."""

from __future__ import annotations

# `socket` would load selectors and enumerations, half of what this question costs
from _socket import SOCK_STREAM, getaddrinfo, socket

from .errors import HostError

SECONDS = 3.0
"""How long a neighbour is waited for: a machine in the same room answers in a millisecond."""


def probe(address: str, port: int) -> str:
    """What an ssh server says first over a fresh connection from here; raises HostError if not."""
    where = f"{address} port {port}"
    try:
        banner = _first_words(address, port)
    except OSError as error:
        raise HostError(f"{where} cannot be reached from here: {error}") from None
    if not banner.startswith(b"SSH-"):
        raise HostError(f"{where} answers, but not as an ssh server: {banner[:40]!r}")
    return f"{ascii(banner.decode(errors='replace').strip())[1:-1]}\n"


def _first_words(address: str, port: int) -> bytes:
    # as bytes: of a word, Python would first look whether it is a name of the Internet in Unicode
    found = getaddrinfo(address.encode("ascii"), port, 0, SOCK_STREAM)
    family, kind, protocol, _, place = found[0]
    connection = socket(family, kind, protocol)
    try:
        connection.settimeout(SECONDS)
        connection.connect(place)
        return connection.recv(256)
    finally:
        connection.close()
