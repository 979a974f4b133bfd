"""Questions to the kernel over a netlink socket: one request, and all messages of its answer.

Layouts: linux/netlink.h, netlink(7).
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

from .errors import HostError

ROUTE, NETFILTER = 0, 12
"""Protocols: links, classes, queues; connections."""

ERROR, DONE = 2, 3
"""Kinds of messages."""

HEADER = struct.Struct("=IHHII")

_REQUEST_DUMP = 0x1 | 0x300
_ATTRIBUTE = struct.Struct("=HH")
_NESTED = 0x3FFF
"""An attribute's type without the flags for nesting and byte order."""

_ANSWER = 256 * 2**10
"""Bytes that are read at once; the kernel sends some 16 KiB, of connections 32."""

SECONDS = 5.0
"""How long the kernel is waited for."""


def buffers(protocol: int, asks: int, words: bytes) -> Iterator[bytes]:
    """Asks for all of a kind; the answer as it comes, many messages at once, without an end.

    Raises OSError when the kernel does not answer.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol) as kernel:
        kernel.settimeout(SECONDS)
        kernel.send(HEADER.pack(HEADER.size + len(words), asks, _REQUEST_DUMP, 1, 0) + words)
        while True:
            yield kernel.recv(_ANSWER)


def answers(protocol: int, asks: int, words: bytes) -> Iterator[tuple[int, bytes]]:
    """The kind of each message of the answer, and what follows its header.

    Raises HostError when the kernel refuses, OSError when it does not answer.
    """
    for answer in buffers(protocol, asks, words):
        start = 0
        while len(answer) - start >= HEADER.size:
            length, kind, _, _, _ = HEADER.unpack_from(answer, start)
            message = answer[start + HEADER.size : start + length]
            start += (length + 3) & ~3
            if kind == DONE:
                return
            if kind == ERROR:
                raise refused(message)
            yield kind, message


def refused(message: bytes) -> HostError:
    """What a message of the kind ERROR says."""
    return HostError(f"the kernel does not tell: error {-struct.unpack_from('=i', message)[0]}")


def attributes(data: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    """The type and the content of each attribute in `data`, from `start` on."""
    while len(data) - start >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data, start)
        if length < _ATTRIBUTE.size:
            return
        yield kind & _NESTED, data[start + _ATTRIBUTE.size : start + length]
        start += (length + 3) & ~3


def first(data: bytes, start: int, wanted: int) -> bytes:
    """The first attribute of a kind; empty where there is none."""
    return next((value for kind, value in attributes(data, start) if kind == wanted), b"")
