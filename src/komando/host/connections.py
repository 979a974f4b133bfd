"""Which addresses of an office carry how much: the kernel's own count of each connection.

Asked over ctnetlink, for `/proc/net/nf_conntrack` is not in every kernel and takes three times as
long to read. A router has 200,000 connections and an office a hundred of them: what does not belong
to it is left aside by one look at a fixed place, for the kernel always tells the two ends first.
Layouts: linux/netfilter/nfnetlink_conntrack.h.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path

from .netlink import DONE, ERROR, HEADER, NETFILTER, attributes, buffers, first, refused
from .typed import Any

_GET = 1 << 8 | 1
_COUNTERS = (9, 10)
"""What the first speaker sent, and what came back."""
_ID = 12
_BYTES = 2

_NFGEN = 4
"""Bytes of struct nfgenmsg, before the first attribute."""

_FIRST = {
    socket.AF_INET: (struct.Struct("=IH14xH10x4s"), 4),
    socket.AF_INET6: (struct.Struct("=IH14xH10x16s"), 16),
}
"""A message to the address that spoke first, and the size of an address. In front of that stand the
headers of the message, of the first end (whose length is told), of its addresses and of one."""

MOST = 300_000
"""Connections of a router that are looked through: 200,000 take 1 s of CPU, most of it the
kernel's (measured, on a slow machine)."""

SHOWN = 5
"""Addresses that are told."""

_COUNT = Path("/proc/sys/net/netfilter/nf_conntrack_count")
_COUNTED = Path("/proc/sys/net/netfilter/nf_conntrack_acct")

Flows = dict[tuple[int, int], list[Any]]
"""By family and id: the office's address, and the bytes down and up since it began."""


def prefixes(networks: Iterable[str], version: int) -> tuple[bytes, ...]:
    """What the addresses of the networks of this version begin with, to whole bytes.

    A network of 22 bits is four of 24: `bytes.startswith` asks for all in a tenth of a microsecond.
    """
    found = []
    for text in networks:
        network = ip_network(text)
        if network.version == version:
            missing = -network.prefixlen % 8
            size = (network.prefixlen + missing) // 8
            first = int.from_bytes(network.network_address.packed[:size], "big")
            found += [(first + n).to_bytes(size, "big") for n in range(1 << missing)]
    return tuple(found)


def why_not() -> str:
    """Why no top hosts can be told of this machine; "" where they can."""
    try:
        counted = _COUNTED.read_text().strip() == "1"
        count = int(_COUNT.read_text())
    except (OSError, ValueError):
        return "this kernel does not follow connections"
    if not counted:
        return "the bytes of connections are not counted (net.netfilter.nf_conntrack_acct)"
    if count > MOST:
        return f"there are {count} connections, and at most {MOST} are looked through"
    return ""


def flows(office: Iterable[str], region: Iterable[str]) -> Flows:
    """The connections of an office's networks with what lies outside of all of the region's.

    What offices send each other passes no tree. Raises HostError when the kernel refuses, OSError
    when it does not answer.
    """
    office, region = tuple(office), tuple(region)
    found: Flows = {}
    for family, version in ((socket.AF_INET, 4), (socket.AF_INET6, 6)):
        inside = prefixes(office, version)
        if inside:
            around = prefixes(region, version)
            for number, *flow in _told(family, inside, around):
                found[family, number] = flow
    return found


def _told(
    family: socket.AddressFamily,
    inside: tuple[bytes, ...],
    around: tuple[bytes, ...],
) -> Iterator[tuple[int, bytes, int, int]]:
    """The id of each connection, its address in the office, and its bytes down and up."""
    head, size = _FIRST[family]
    beyond = head.size - size
    for answer in buffers(NETFILTER, _GET, struct.pack("=BBH", family, 0, 0)):
        at, end = 0, len(answer)
        while end - at >= head.size:
            length, kind, end_one, source = head.unpack_from(answer, at)
            if kind <= DONE:
                break
            if source.startswith(inside):
                other = answer[at + head.size + 4 : at + head.size + 4 + size]
                if not other.startswith(around):
                    yield _flow(answer[at : at + length], source, up_first=True)
            else:
                # whoever answers: the office was called, perhaps by another address
                second = at + beyond + ((end_one + 3) & ~3)
                host = answer[second : second + size]
                if host.startswith(inside) and not source.startswith(around):
                    yield _flow(answer[at : at + length], host, up_first=False)
            at += (length + 3) & ~3
        if at < end:  # what is no connection
            length, kind, _, _, _ = HEADER.unpack_from(answer, at)
            if kind == ERROR:
                raise refused(answer[at + HEADER.size : at + length])
            return


def _flow(message: bytes, host: bytes, *, up_first: bool) -> tuple[int, bytes, int, int]:
    parts = dict(attributes(message, HEADER.size + _NFGEN))
    # none of a connection that is older than the counting
    there, back = (_number(first(parts.get(one, b""), 0, _BYTES)) for one in _COUNTERS)
    down, up = (back, there) if up_first else (there, back)
    return _number(parts[_ID]), host, down, up


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def top(before: Flows, after: Flows, seconds: float) -> dict[str, Any]:
    """The addresses that carry the most, in bit/s of IP packets, and how many others carry any.

    A connection that ended in between has taken its count with it.
    """
    totals: dict[bytes, list[int]] = {}
    for key, (host, down, up) in after.items():
        _, was_down, was_up = before.get(key, (host, 0, 0))
        if down > was_down or up > was_up:
            one = totals.setdefault(host, [0, 0, 0])
            one[0] += max(down - was_down, 0)
            one[1] += max(up - was_up, 0)
            one[2] += 1
    order = sorted(totals.items(), key=lambda item: (-item[1][0] - item[1][1], item[0]))
    return {
        "hosts": [
            {
                "address": str(ip_address(host)),
                "down": round(down * 8 / seconds),
                "up": round(up * 8 / seconds),
                "connections": count,
            }
            for host, (down, up, count) in order[:SHOWN]
        ],
        "others": max(0, len(order) - SHOWN),
        "why": "",
    }
