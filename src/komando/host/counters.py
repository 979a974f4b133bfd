"""What each class of a device has sent since it was made, asked of the kernel over rtnetlink.

`tc -s class show` tells the same, in a process for each device (4 ms) and rounded to three digits;
this is one question on a socket. Layouts: linux/rtnetlink.h, linux/pkt_sched.h, linux/gen_stats.h.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

from .errors import HostError
from .frozen import Frozen

_NETLINK_ROUTE = 0
_RTM_NEWTCLASS, _RTM_GETTCLASS = 40, 42
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_REQUEST_DUMP = 0x1 | 0x300
_KIND, _OPTIONS, _STATS2 = 1, 2, 7
_BASIC = 1
_HTB_PARAMETERS, _HTB_CEIL64 = 1, 7
_NESTED = 0x3FFF
"""An attribute's type without the flags for nesting and byte order."""

_HEADER = struct.Struct("=IHHII")
_TC = struct.Struct("=BxxxiIII")
_CEIL = struct.Struct("=20xI")
"""Of tc_htb_opt: the ceiling's tc_ratespec stands second, its rate last in that, in byte/s."""

_ANSWER = 256 * 2**10
"""Bytes that are read at once; the kernel sends some 16 KiB."""

SECONDS = 5.0
"""How long the kernel is waited for."""


class Counter(Frozen):
    """One leaf class: bytes of whole frames sent since it was made, its ceiling in bit/s."""

    sent: int
    ceiling: int


def counters(device: str) -> dict[str, Counter]:
    """The HTB classes of a device that have no children, by id; none where there is no device.

    Raises HostError when the kernel refuses, OSError when it does not answer.
    """
    try:
        index = socket.if_nametoindex(device)
    except OSError:
        return {}
    asks = _TC.pack(socket.AF_UNSPEC, index, 0, 0, 0)
    head = _HEADER.pack(_HEADER.size + len(asks), _RTM_GETTCLASS, _REQUEST_DUMP, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_ROUTE) as kernel:
        kernel.settimeout(SECONDS)
        kernel.send(head + asks)
        return dict(_leaves(kernel, device))


def _leaves(kernel: socket.socket, device: str) -> Iterator[tuple[str, Counter]]:
    while True:
        answer = memoryview(kernel.recv(_ANSWER))
        while len(answer) >= _HEADER.size:
            length, kind, _, _, _ = _HEADER.unpack_from(answer)
            message = answer[_HEADER.size : length]
            answer = answer[(length + 3) & ~3 :]
            if kind == _NLMSG_DONE:
                return
            if kind == _NLMSG_ERROR:
                code = struct.unpack_from("=i", message)[0]
                raise HostError(f"{device}: the kernel does not tell its classes: error {-code}")
            if kind == _RTM_NEWTCLASS and (found := _leaf(message)):
                yield found


def _leaf(message: memoryview) -> tuple[str, Counter] | None:
    """A class with a queue of its own; None for a node, and for one that is no HTB class."""
    _, _, handle, _, queue = _TC.unpack_from(message)
    parts = dict(_attributes(message[_TC.size :]))
    if not queue or bytes(parts.get(_KIND, b"")) != b"htb\0" or _STATS2 not in parts:
        return None
    htb = dict(_attributes(parts[_OPTIONS]))
    basic = dict(_attributes(parts[_STATS2]))[_BASIC]
    if _HTB_CEIL64 in htb:
        ceiling = struct.unpack_from("=Q", htb[_HTB_CEIL64])[0]
    else:
        ceiling = _CEIL.unpack_from(htb[_HTB_PARAMETERS])[0]
    sent = struct.unpack_from("=Q", basic)[0]
    return f"{handle >> 16:x}:{handle & 0xFFFF:x}", Counter(sent, ceiling * 8)


def _attributes(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            return
        yield kind & _NESTED, data[4:length]
        data = data[(length + 3) & ~3 :]
