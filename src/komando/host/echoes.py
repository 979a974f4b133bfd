"""How long the provider's queue is, by the time that an echo takes to its gateway and back.

What leaves here has the control class and waits for no office, so that what an echo waits for
stands behind our uplink. The time of an empty line is its least of a day; what is above that is a
queue which we do not hold. RFC 792, RFC 4443; raw sockets: raw(7), icmp6(4).
"""

from __future__ import annotations

import os
import select
import struct
import time
from _socket import (  # as in kernel.py
    AF_INET,
    AF_INET6,
    IPPROTO_ICMP,
    IPPROTO_ICMPV6,
    SO_BINDTODEVICE,
    SOCK_RAW,
    SOL_SOCKET,
    if_nametoindex,
    socket,
)
from contextlib import suppress

from .frozen import Frozen

ECHOES = 5
"""Of which one may have met a burst, and one may be lost, and the median still says something."""

APART = 0.02
"""Seconds from one to the next: so many that five stand in a queue at different lengths of it, and
few enough that the last has 0.32 s left, more than a queue has that people bear."""

SECONDS = 0.4
"""All that is waited for, from the first echo on."""

_ECHO = struct.Struct("!BBHHH8s")
"""Type, code, checksum, identifier, number, and what nobody else's echo bears."""

_REQUEST4, _REPLY4, _REQUEST6, _REPLY6 = 8, 0, 128, 129
_ICMP6_FILTER = 1
_REPLIES_ALONE = bytes(255 if one != _REPLY6 // 8 else 255 ^ 1 << _REPLY6 % 8 for one in range(32))
"""icmp6(4): a bit for each type that is kept out."""


class Echoes(Frozen):
    """What came of one measurement: seconds there and back, of those that came back; and of all."""

    gateway: str
    sent: int
    took: tuple[float, ...]

    @property
    def lost(self) -> int:
        """How many did not come back in time, or could not be sent."""
        return self.sent - len(self.took)


def measure(gateway: str, device: str) -> Echoes:
    """Sends echoes to a gateway behind a device, and waits SECONDS at most.

    What cannot be sent (no route, no rights) is as lost as what never comes back.
    """
    took: dict[int, float] = {}
    with suppress(OSError):
        took = _measure(gateway, device)
    return Echoes(gateway, ECHOES, tuple(took.values()))


def _measure(gateway: str, device: str) -> dict[int, float]:
    six = ":" in gateway
    wire = (
        socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6)
        if six
        else (socket(AF_INET, SOCK_RAW, IPPROTO_ICMP))
    )
    try:
        if six:
            wire.setsockopt(IPPROTO_ICMPV6, _ICMP6_FILTER, _REPLIES_ALONE)
        wire.setsockopt(SOL_SOCKET, SO_BINDTODEVICE, device.encode())
        wire.setblocking(False)
        # what others than the gateway say does not come here
        wire.connect((gateway, 0, 0, if_nametoindex(device)) if six else (gateway, 0))
        return _exchange(wire, six=six)
    finally:
        wire.close()


def _exchange(wire: socket, *, six: bool) -> dict[int, float]:
    """By number, the seconds that each echo took which came back."""
    token = os.urandom(8)
    begun = time.monotonic()
    sent: list[float] = []
    took: dict[int, float] = {}
    poll = select.poll()
    poll.register(wire, select.POLLIN)
    while (now := time.monotonic()) < begun + SECONDS and len(took) < ECHOES:
        due = begun + (APART * len(sent) if len(sent) < ECHOES else SECONDS)
        if now >= due:
            with suppress(OSError):
                wire.send(_request(len(sent), token, six=six))
            sent.append(time.monotonic())
        elif poll.poll((due - now) * 1000):
            with suppress(OSError):  # the gateway may refuse in words, which are read off here
                number = _number(wire.recv(2048), token, six=six)
                if number is not None and number < len(sent):
                    took.setdefault(number, time.monotonic() - sent[number])
    return took


def _request(number: int, token: bytes, *, six: bool) -> bytes:
    kind, name = (_REQUEST6 if six else _REQUEST4), os.getpid() & 0xFFFF
    bare = _ECHO.pack(kind, 0, 0, name, number, token)
    if six:  # the kernel reckons it, as it depends on the addresses
        return bare
    return _ECHO.pack(kind, 0, checksum(bare), name, number, token)


def checksum(data: bytes) -> int:
    """RFC 1071, of an even number of bytes."""
    total: int = sum(word for (word,) in struct.iter_unpack("!H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def _number(packet: bytes, token: bytes, *, six: bool) -> int | None:
    """Which of our echoes this answers; None for all else. IPv4 comes with its header."""
    start = 0 if six or not packet else (packet[0] & 0xF) * 4
    if len(packet) < start + _ECHO.size:
        return None
    kind, _, _, _, number, bears = _ECHO.unpack_from(packet, start)
    return number if kind == (_REPLY6 if six else _REPLY4) and bears == token else None
