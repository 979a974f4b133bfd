"""What each class of a device has sent and dropped since it was made, asked over rtnetlink.

`tc -s class show` tells the same, in a process for each device (4 ms) and rounded to three digits;
this is one question a device on a socket, and one more for all queues: what a queue such as
fq_codel drops by itself is on no class. Layouts: linux/rtnetlink.h, pkt_sched.h, gen_stats.h.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterator, Mapping

from .frozen import Frozen
from .netlink import ROUTE, answers, attributes, first

_RTM_NEWQDISC, _RTM_GETQDISC, _RTM_NEWTCLASS, _RTM_GETTCLASS = 36, 38, 40, 42
_KIND, _OPTIONS, _STATS2 = 1, 2, 7
_BASIC, _QUEUE = 1, 3
_HTB_PARAMETERS, _HTB_CEIL64 = 1, 7

_TC = struct.Struct("=BxxxiIII")
_SENT = struct.Struct("=QI")
"""Of gnet_stats_basic: bytes, packets."""
_WAITING = struct.Struct("=4xII")
"""Of gnet_stats_queue: backlog in bytes, drops."""
_CEIL = struct.Struct("=20xI")
"""Of tc_htb_opt: the ceiling's tc_ratespec stands second, its rate last in that, in byte/s."""


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
        if number in found and (stats := first(message, _TC.size, _STATS2)):
            found[number][_name(parent)] = _waiting(stats)[1]
    return [found[number] for number in numbers]


def lost(class_id: str, classes: Mapping[str, Counter], dropped: Mapping[str, int]) -> int:
    """Packets that a class lost; where its queue says nothing, those that it did not take."""
    return dropped.get(class_id, classes[class_id].refused)


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
        parts = dict(attributes(message, _TC.size))
        if parts.get(_KIND) != b"htb\0" or _STATS2 not in parts:
            continue
        sent, packets = _SENT.unpack_from(first(parts[_STATS2], 0, _BASIC))
        backlog, refused = _waiting(parts[_STATS2])
        ceiling = _ceiling(parts[_OPTIONS])
        yield _name(handle), Counter(sent, ceiling, packets, refused, backlog, bool(queue))


def _ceiling(options: bytes) -> int:
    htb = dict(attributes(options, 0))
    if _HTB_CEIL64 in htb:
        return int.from_bytes(htb[_HTB_CEIL64], sys.byteorder) * 8
    return int(_CEIL.unpack_from(htb[_HTB_PARAMETERS])[0]) * 8


def _waiting(stats: bytes) -> tuple[int, int]:
    found = first(stats, 0, _QUEUE)
    return _WAITING.unpack_from(found) if found else (0, 0)


def _answers(asks: int, device: int, told: int) -> Iterator[bytes]:
    """Asks for all of a kind; what follows the header of each message that tells of one."""
    for kind, message in answers(ROUTE, asks, _TC.pack(socket.AF_UNSPEC, device, 0, 0, 0)):
        if kind == told:
            yield message
