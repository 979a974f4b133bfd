"""Whether the next machine behind a cable answers."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress

from .frozen import Frozen
from .kernel import answer, ip_batch

_ANSWERS = ("REACHABLE", "PERMANENT", "NOARP")
_SILENT = ("FAILED", "INCOMPLETE", "PROBE")
_KEPT = ("PERMANENT", "NOARP")
_DISCARD = 9
"""The port of RFC 863: whatever comes there is thrown away."""


class Neighbours(Frozen):
    """The states that the kernel keeps of them, by device and address."""

    states: Mapping[tuple[str, str], str]

    def answering(self, device: str, address: str) -> str:
        """`answers`, `silent`, or `unknown` of one that nobody has asked lately."""
        state = self.states.get((device, address), "")
        return "answers" if state in _ANSWERS else "silent" if state in _SILENT else "unknown"


def neighbours() -> Neighbours:
    """Asks the kernel for its neighbours."""
    return Neighbours(
        {
            (one["dev"], one["dst"]): state
            for one in answer(["ip", "-j", "neigh", "show"])
            if "dst" in one and (state := next(iter(one.get("state") or ()), ""))
        }
    )


def call(seen: Neighbours, wanted: Iterable[tuple[str, str]]) -> None:
    """Has the kernel ask neighbours (device, address) now whether they are there.

    It would do so by itself some seconds after the next packet to each, and not before: the state
    of one that was cut off meanwhile says nothing. One that does not answer is `silent` at once,
    and given up by the kernel after 3 s, as with any traffic (arp(7), ucast_solicit).
    """
    lines = []
    for device, address in wanted:
        state = seen.states.get((device, address))
        if state in (None, "FAILED"):
            _touch(address)
        elif state not in _KEPT:
            lines.append(f"neigh change {address} dev {device} nud probe")
    if lines:
        ip_batch(lines)


def _touch(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as one:
        one.setblocking(False)
        one.sendto(b"", (address, _DISCARD))
