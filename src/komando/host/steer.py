"""Sending what came over the uplink and leaves by a LAN interface through the download tree."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from .errors import HostError
from .frozen import Frozen
from .layout import STEER
from .shape import Line
from .tree import DEVICE, LiveQdisc
from .typed import Any

_CLSACT = re.compile(rf"qdisc add dev ({DEVICE}) clsact")
_FILTER = re.compile(
    rf"filter add dev ({DEVICE}) egress protocol (all|ip|ipv6) prio ([0-9]+) "
    r"bpf bytecode '([0-9]{1,2}(?:,[0-9]+ [0-9]+ [0-9]+ [0-9]+){1,64})' "
    rf"action mirred egress redirect dev ({DEVICE})"
)


class Redirect(Frozen):
    """What a filter does: which packets (protocol, bytecode of a classic BPF program) go where."""

    protocol: str
    bytecode: str
    target: str


class Filter(Frozen):
    """One filter line; found again in the kernel by device and priority."""

    device: str
    prio: int
    redirect: Redirect
    line: str
    source: str

    @property
    def place(self) -> tuple[str, int]:
        """Device and priority: of two filters in one place the kernel would ask both."""
        return (self.device, self.prio)


class Steering(Frozen):
    """The filters of one generation, each on a device that has clsact."""

    filters: tuple[Filter, ...]

    @property
    def devices(self) -> frozenset[str]:
        """The LAN interfaces that are steered."""
        return frozenset(item.device for item in self.filters)

    def text(self) -> str:
        """As `parse_steering` reads it again."""
        clsact = [f"qdisc add dev {device} clsact" for device in sorted(self.devices)]
        return "".join(f"{line}\n" for line in [*clsact, *(item.line for item in self.filters)])


def parse_steering(text: str, lans: Iterable[str], ifb: str) -> Steering:
    """Reads steer.tc; raises HostError for any line but clsact and redirects of LANs to the ifb."""
    ready: set[str] = set()
    filters: list[Filter] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line, source = " ".join(raw.split()), f"{STEER}:{number}"
        if not line or line.startswith("#"):
            continue
        if found := _CLSACT.fullmatch(line):
            ready.add(found[1])
        elif found := _FILTER.fullmatch(line):
            if found[1] not in ready or found[1] not in lans or found[5] != ifb:
                raise HostError(f"{source}: steers {found[1]}, no LAN with clsact, or not to {ifb}")
            redirect = Redirect(found[2], found[4], found[5])
            filters.append(Filter(found[1], int(found[3]), redirect, line, source))
        else:
            raise HostError(f"{source}: not understood: {line[:120]}")
    if len({item.place for item in filters}) < len(filters):
        raise HostError(f"{STEER}: two filters of one device have the same prio")
    if ready - {item.device for item in filters}:
        raise HostError(f"{STEER}: a device has clsact and no filter")
    return Steering(tuple(filters))


class LiveSteering(Frozen):
    """What one device has: clsact or not, and what stands at each priority.

    That is in `redirects` where it is one redirect and nothing beside it, and else in `others`, in
    words filter by filter.
    """

    clsact: bool
    redirects: Mapping[int, Redirect]
    others: Mapping[int, tuple[str, ...]] = MappingProxyType({})


def steering_of(qdiscs: Iterable[LiveQdisc], filters: Iterable[Mapping[str, Any]]) -> LiveSteering:
    """What steers one device, from its qdiscs and what `tc -j` tells of its egress filters."""
    if not any(item.kind == "clsact" for item in qdiscs):
        return LiveSteering(clsact=False, redirects={})
    standing: dict[int, list[Mapping[str, Any]]] = {}
    for item in filters:
        # a packet comes to another chain only by a filter of this one
        if "options" in item and not item.get("chain"):
            standing.setdefault(item["pref"], []).append(item)
    redirects: dict[int, Redirect] = {}
    others: dict[int, tuple[str, ...]] = {}
    for prio, items in standing.items():
        found = _redirect(items[0]) if len(items) == 1 else None
        if found:
            redirects[prio] = found
        else:
            others[prio] = tuple(_words(item) for item in items)
    return LiveSteering(clsact=True, redirects=redirects, others=others)


def _redirect(item: Mapping[str, Any]) -> Redirect | None:
    """What a filter does; None unless a program decides, and all it does is one redirect."""
    options = item["options"]
    actions = options.get("actions", [])
    does = [(one.get("mirred_action"), one.get("direction")) for one in actions]
    plain = item["kind"] == "bpf" and not options.get("direct-action")
    if not plain or does != [("redirect", "egress")]:
        return None
    code = _bytecode(options.get("bytecode", {}))
    return Redirect(item["protocol"], code, actions[0].get("to_dev", ""))


def _words(item: Mapping[str, Any]) -> str:
    options = item["options"]
    actions = [
        " ".join(str(one[key]) for key in ("kind", "mirred_action", "to_dev") if key in one)
        for one in options.get("actions", [])
    ]
    handle = options.get("handle", options.get("fh", "?"))
    done = ", ".join(actions) or "no action"
    return f"protocol {item['protocol']} {item['kind']} handle {handle}: {done}"


def _bytecode(shown: Mapping[str, Any]) -> str:
    """A program as tc reads it, from how tc shows it."""
    steps = [f"{one['code']} {one['jt']} {one['jf']} {one['k']}" for one in shown.get("insns", ())]
    return ",".join([str(len(steps)), *steps])


def remembered(sent: Steering | None, wanted: Steering) -> Steering:
    """What may stand once some of the lines were sent: `wanted`, and what was `sent` elsewhere."""
    places = {item.place for item in wanted.filters}
    others = [item for item in (sent.filters if sent else ()) if item.place not in places]
    return Steering((*wanted.filters, *others))


def plan_steering(
    wanted: Steering, sent: Steering | None, live: Mapping[str, LiveSteering]
) -> list[Line]:
    """The tc lines that bring the LANs from what stands to `wanted`.

    `sent` is what earlier runs laid, nothing after a reboot: of what is not wanted only that goes.
    `live` covers the devices of both, without those that are not there, which get no line.
    """
    with_clsact = {device for device, found in live.items() if found.clsact}
    standing = {
        (name, prio): on.redirects.get(prio)
        for name, on in live.items()
        for prio in (*on.redirects, *on.others)
    }
    wanted_here = [item for item in wanted.filters if item.device in live]
    lines = [
        (f"qdisc del dev {device} clsact", "a LAN that left")
        for device in sorted((sent.devices - wanted.devices) & with_clsact if sent else ())
    ]
    lines += [
        (f"qdisc add dev {device} clsact", STEER)
        for device in sorted(wanted.devices & live.keys() - with_clsact)
    ]
    for item in wanted_here:
        if standing.get(item.place) == item.redirect:
            continue
        if item.place in standing:
            lines.append((f"filter del dev {item.device} egress prio {item.prio}", item.source))
        lines.append((item.line, item.source))
    kept = {item.place for item in wanted.filters}
    lines += [
        (f"filter del dev {item.device} egress prio {item.prio}", "a filter that left")
        for item in (sent.filters if sent else ())
        if item.device in wanted.devices and item.place in standing.keys() - kept
    ]
    return lines
