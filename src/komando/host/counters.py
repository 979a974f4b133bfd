"""What each class of a device has sent and dropped since it was made, asked over rtnetlink.

`tc -s class show` tells the same, in a process for each device (4 ms) and rounded to three digits;
this is one question a device on a socket, and one more for all queues: what a queue such as
fq_codel drops by itself is on no class. Layouts: linux/rtnetlink.h, pkt_sched.h, gen_stats.h.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterator

from .errors import HostError
from .frozen import Frozen

_NETLINK_ROUTE = 0
_RTM_NEWQDISC, _RTM_GETQDISC, _RTM_NEWTCLASS, _RTM_GETTCLASS = 36, 38, 40, 42
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_REQUEST_DUMP = 0x1 | 0x300
_KIND, _OPTIONS, _STATS2 = 1, 2, 7
_BASIC, _QUEUE = 1, 3
_HTB_PARAMETERS, _HTB_CEIL64 = 1, 7
_NESTED = 0x3FFF
"""An attribute's type without the flags for nesting and byte order."""

_HEADER = struct.Struct("=IHHII")
_TC = struct.Struct("=BxxxiIII")
_ATTRIBUTE = struct.Struct("=HH")
_SENT = struct.Struct("=QI")
"""Of gnet_stats_basic: bytes, packets."""
_WAITING = struct.Struct("=4xII")
"""Of gnet_stats_queue: backlog in bytes, drops."""
_CEIL = struct.Struct("=20xI")
"""Of tc_htb_opt: the ceiling's tc_ratespec stands second, its rate last in that, in byte/s."""

_ANSWER = 256 * 2**10
"""Bytes that are read at once; the kernel sends some 16 KiB."""

SECONDS = 5.0
"""How long the kernel is waited for."""


class Counter(Frozen):
    """One class: bytes of whole frames sent since it was made, its ceiling in bit/s.

    `packets` were sent, `refused` were not taken by its queue, and `backlog` bytes wait in it now.
    `leaf`: it has a queue, and no children; what a node sent is what its children did.
    """

    sent: int
    ceiling: int
    packets: int = 0
    refused: int = 0
    backlog: int = 0
    leaf: bool = True


def counters(device: str) -> dict[str, Counter]:
    """The HTB classes of a device by id; none where there is no device.

    Raises HostError when the kernel refuses, OSError when it does not answer.
    """
    number = _number(device)
    return dict(_classes(number)) if number else {}


def drops(*devices: str) -> list[dict[str, int]]:
    """By class, what its queue has dropped since it was made, of each device.

    A class tells only what its queue refused; what fq_codel drops later, because it stood for too
    long, is told by the queue. Raises as `counters` does.
    """
    numbers = [_number(device) for device in devices]
    found: dict[int, dict[str, int]] = {number: {} for number in (0, *numbers)}
    for message in _answers(_RTM_GETQDISC, 0, _RTM_NEWQDISC):  # the kernel tells of all devices
        _, number, _, parent, _ = _TC.unpack_from(message)
        if number in found and (stats := _found(message, _TC.size, _STATS2)):
            found[number][_name(parent)] = _waiting(stats)[1]
    return [found[number] for number in numbers]


def _number(device: str) -> int:
    """The kernel's number of an interface; 0, which none has, where it is not there."""
    try:
        return socket.if_nametoindex(device)
    except OSError:
        return 0


def _name(handle: int) -> str:
    return f"{handle >> 16:x}:{handle & 0xFFFF:x}"


def _classes(number: int) -> Iterator[tuple[str, Counter]]:
    for message in _answers(_RTM_GETTCLASS, number, _RTM_NEWTCLASS):
        _, _, handle, _, queue = _TC.unpack_from(message)
        parts = dict(_attributes(message, _TC.size))
        if parts.get(_KIND) != b"htb\0" or _STATS2 not in parts:
            continue
        sent, packets = _SENT.unpack_from(_found(parts[_STATS2], 0, _BASIC))
        backlog, refused = _waiting(parts[_STATS2])
        ceiling = _ceiling(parts[_OPTIONS])
        yield _name(handle), Counter(sent, ceiling, packets, refused, backlog, bool(queue))


def _ceiling(options: bytes) -> int:
    htb = dict(_attributes(options, 0))
    if _HTB_CEIL64 in htb:
        return int.from_bytes(htb[_HTB_CEIL64], sys.byteorder) * 8
    return int(_CEIL.unpack_from(htb[_HTB_PARAMETERS])[0]) * 8


def _waiting(stats: bytes) -> tuple[int, int]:
    found = _found(stats, 0, _QUEUE)
    return _WAITING.unpack_from(found) if found else (0, 0)


def _answers(asks: int, device: int, told: int) -> Iterator[bytes]:
    """Asks for all of a kind; what follows the header of each message that tells of one."""
    words = _TC.pack(socket.AF_UNSPEC, device, 0, 0, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_ROUTE) as kernel:
        kernel.settimeout(SECONDS)
        kernel.send(_HEADER.pack(_HEADER.size + len(words), asks, _REQUEST_DUMP, 1, 0) + words)
        while True:
            for kind, message in _messages(kernel.recv(_ANSWER)):
                if kind == _NLMSG_DONE:
                    return
                if kind == _NLMSG_ERROR:
                    code = struct.unpack_from("=i", message)[0]
                    raise HostError(f"the kernel does not tell its classes: error {-code}")
                if kind == told:
                    yield message


def _messages(answer: bytes) -> Iterator[tuple[int, bytes]]:
    start = 0
    while len(answer) - start >= _HEADER.size:
        length, kind, _, _, _ = _HEADER.unpack_from(answer, start)
        yield kind, answer[start + _HEADER.size : start + length]
        start += (length + 3) & ~3


def _attributes(data: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    while len(data) - start >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data, start)
        if length < _ATTRIBUTE.size:
            return
        yield kind & _NESTED, data[start + _ATTRIBUTE.size : start + length]
        start += (length + 3) & ~3


def _found(data: bytes, start: int, wanted: int) -> bytes:
    """The first attribute of a kind; empty where there is none."""
    return next((value for kind, value in _attributes(data, start) if kind == wanted), b"")
