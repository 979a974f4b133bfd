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

    `packets` were sent, `dropped` were let go by its queue, and `backlog` bytes wait in it now.
    `leaf`: it has a queue, and no children; what a node sent is what its children did.
    """

    sent: int
    ceiling: int
    packets: int = 0
    dropped: int = 0
    backlog: int = 0
    leaf: bool = True


def counters(*devices: str) -> list[dict[str, Counter]]:
    """The HTB classes of each device by id; none where there is no such device.

    Raises HostError when the kernel refuses, OSError when it does not answer.
    """
    numbers = [_number(device) for device in devices]
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_ROUTE) as kernel:
        kernel.settimeout(SECONDS)
        dropped = dict(_queues(kernel, {*numbers})) if any(numbers) else {}
        return [dict(_classes(kernel, number, dropped)) if number else {} for number in numbers]


def _number(device: str) -> int:
    """The kernel's number of an interface; 0, which none has, where it is not there."""
    try:
        return socket.if_nametoindex(device)
    except OSError:
        return 0


def _queues(kernel: socket.socket, devices: set[int]) -> Iterator[tuple[tuple[int, int], int]]:
    """What the queue of each class dropped, by device and class; the kernel tells of all."""
    for message in _answers(kernel, _RTM_GETQDISC, 0, _RTM_NEWQDISC):
        _, device, _, parent, _ = _TC.unpack_from(message)
        if device in devices and (stats := _found(message, _TC.size, _STATS2)):
            yield (device, parent), _waiting(stats)[1]


def _classes(
    kernel: socket.socket, device: int, dropped: dict[tuple[int, int], int]
) -> Iterator[tuple[str, Counter]]:
    for message in _answers(kernel, _RTM_GETTCLASS, device, _RTM_NEWTCLASS):
        _, _, handle, _, queue = _TC.unpack_from(message)
        parts = dict(_attributes(message, _TC.size))
        if parts.get(_KIND) != b"htb\0" or _STATS2 not in parts:
            continue
        sent, packets = _SENT.unpack_from(_found(parts[_STATS2], 0, _BASIC))
        backlog, refused = _waiting(parts[_STATS2])
        yield (
            f"{handle >> 16:x}:{handle & 0xFFFF:x}",
            Counter(
                sent,
                _ceiling(parts[_OPTIONS]),
                packets,
                dropped.get((device, handle), refused),
                backlog,
                bool(queue),
            ),
        )


def _ceiling(options: bytes) -> int:
    htb = dict(_attributes(options, 0))
    if _HTB_CEIL64 in htb:
        return int.from_bytes(htb[_HTB_CEIL64], sys.byteorder) * 8
    return int(_CEIL.unpack_from(htb[_HTB_PARAMETERS])[0]) * 8


def _waiting(stats: bytes) -> tuple[int, int]:
    found = _found(stats, 0, _QUEUE)
    return _WAITING.unpack_from(found) if found else (0, 0)


def _answers(kernel: socket.socket, asks: int, device: int, told: int) -> Iterator[bytes]:
    """Asks for all of a kind; what follows the header of each message that tells of one."""
    words = _TC.pack(socket.AF_UNSPEC, device, 0, 0, 0)
    kernel.send(_HEADER.pack(_HEADER.size + len(words), asks, _REQUEST_DUMP, 1, 0) + words)
    while True:
        answer, start = kernel.recv(_ANSWER), 0
        while len(answer) - start >= _HEADER.size:
            length, kind, _, _, _ = _HEADER.unpack_from(answer, start)
            message = answer[start + _HEADER.size : start + length]
            start += (length + 3) & ~3
            if kind == _NLMSG_DONE:
                return
            if kind == _NLMSG_ERROR:
                code = struct.unpack_from("=i", message)[0]
                raise HostError(f"the kernel does not tell its classes: error {-code}")
            if kind == told:
                yield message


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
