"""Two looks at the kernel, some seconds apart, and what became of its counters in between."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from .carrier import carriers
from .connections import Flows, flows, top, why_not
from .counters import Counter, counters, drops, lost
from .errors import HostError
from .frozen import Frozen
from .neighbours import Neighbours, call, neighbours
from .typed import Any

LOOKS = 5
"""Times that the queues are looked at within one answer: they fill and empty in milliseconds."""

_DEVICES = Path("/proc/net/dev")


class Devices(Frozen):
    """The interfaces of both trees, and the neighbours (device, address) that are of interest."""

    ifb: str
    uplink: str
    neighbours: tuple[tuple[str, str], ...]

    @property
    def trees(self) -> tuple[str, str]:
        """Those that have a tree of classes."""
        return (self.ifb, self.uplink)

    @property
    def cables(self) -> tuple[str, ...]:
        """Those that may be without a signal."""
        return (self.uplink, *(device for device, _ in self.neighbours))


class Seen(Frozen):
    """What was seen: at each look the classes of each tree; `seconds` from the first to the last.

    `drops` are those of the queues of each tree, before the first look and after the last; `uplink`
    is what passed the interface in bit/s, whoever it was for; `top` the addresses.
    """

    seconds: float
    looks: Sequence[Mapping[str, Mapping[str, Counter]]]
    drops: Sequence[Mapping[str, Mapping[str, int]]]
    uplink: Mapping[str, int]
    carriers: Mapping[str, bool]
    neighbours: Neighbours
    top: Mapping[str, Any] | None

    def flow(self, tree: str, class_id: str) -> dict[str, Any] | None:
        """The rate and the queue of a class; None of one that did not stand all the time.

        `backlog` is the mean of all looks, `queued` the part of them at which anything waited.
        """
        stood = [one[tree][class_id] for one in self.looks if class_id in one[tree]]
        if len(stood) < len(self.looks) or stood[-1].sent < stood[0].sent:
            return None
        first, last = stood[0], stood[-1]
        return {
            "rate": round((last.sent - first.sent) * 8 / self.seconds),
            "packets": max(0, last.packets - first.packets),
            "dropped": max(0, self._lost(-1, tree, class_id) - self._lost(0, tree, class_id)),
            "backlog": round(sum(one.backlog for one in stood) / len(stood)),
            "queued": sum(one.backlog > 0 for one in stood) / len(stood),
        }

    def _lost(self, at: int, tree: str, class_id: str) -> int:
        return lost(class_id, self.looks[at][tree], self.drops[at][tree])


def look(
    devices: Devices, seconds: int, office: Sequence[str] | None, region: Sequence[str]
) -> Seen:
    """Looks for so long at all classes, and, where `office` has networks, at its connections.

    Raises HostError when the kernel refuses, OSError when it does not answer.
    """
    if office is not None:
        call(neighbours(), devices.neighbours)
    watched = _Connections(office, region) if office is not None else None
    dropped = [_drops(devices)]
    looks, passed, begun = [_classes(devices)], _passed(devices.uplink), time.monotonic()
    for number in range(1, LOOKS):
        time.sleep(max(0.0, begun + seconds * number / (LOOKS - 1) - time.monotonic()))
        looks.append(_classes(devices))
    took, now = time.monotonic() - begun, _passed(devices.uplink)
    return Seen(
        seconds=took,
        looks=looks,
        drops=[*dropped, _drops(devices)],
        uplink={way: round(more * 8 / took) for way, more in _gained(passed, now).items()},
        carriers=carriers(devices.cables),
        neighbours=neighbours(),
        top=watched.top() if watched else None,
    )


def _classes(devices: Devices) -> dict[str, Mapping[str, Counter]]:
    return {tree: counters(tree) for tree in devices.trees}


def _gained(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """How much more each number is; 0 of one that is new, or began anew."""
    return {key: max(0, now - before.get(key, now)) for key, now in after.items()}


def _drops(devices: Devices) -> dict[str, dict[str, int]]:
    return dict(zip(devices.trees, drops(*devices.trees), strict=True))


def _passed(device: str) -> dict[str, int]:
    """Bytes that have passed an interface; nothing of one that is not there."""
    for line in _DEVICES.read_text().splitlines():
        name, _, numbers = line.partition(":")
        if name.strip() == device:
            fields = numbers.split()
            return {"down": int(fields[0]), "up": int(fields[8])}
    return {}


class _Connections:
    """The connections of an office at the first look, and what became of them."""

    def __init__(self, office: Sequence[str], region: Sequence[str]) -> None:
        self._office, self._region = office, region
        self._began = 0.0
        self._before: Flows = {}
        self._why = why_not()
        if not self._why:
            self._before = self._flows()
            self._began = time.monotonic()

    def top(self) -> dict[str, Any]:
        """The addresses that carried the most since the first look."""
        after: Flows = {} if self._why else self._flows()
        if self._why:
            return {"hosts": [], "others": 0, "why": self._why}
        return top(self._before, after, time.monotonic() - self._began)

    def _flows(self) -> Flows:
        try:
            return flows(self._office, self._region)
        except (HostError, OSError) as error:  # the rest of the answer is worth having
            self._why = str(error)
            return {}
