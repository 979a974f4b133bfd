"""The ways between machines: who is reached over whom, and ways that lead nowhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from komando.diagnostics import Diagnostic, Location
from komando.documents.addresses import Address
from komando.documents.document import Document, Path
from komando.documents.near import nearest
from komando.inventory.machines import HostKind


@dataclass(frozen=True)
class Entry:
    """One machine as an inventory's file states it; `path` leads to it there.

    None stands for what is not stated, or cannot be read. Only routers are neighbours.
    """

    kind: HostKind | None
    path: Path
    jump: str | None
    neighbour: str | None
    address: Address | None


def way_to(name: str, jumps: Mapping[str, str | None]) -> list[str]:
    """The machines that ssh goes over to reach one, the first that it meets first.

    Ends at a machine that is not in `jumps`, and before one that it has met already.
    """
    way: list[str] = []
    hop = jumps.get(name)
    while hop is not None and hop in jumps and hop not in (*way, name):
        way.insert(0, hop)
        hop = jumps[hop]
    return way


def check_ways(document: Document, entries: Mapping[str, Entry]) -> Iterator[Diagnostic]:
    """Jump hosts and neighbours that are none, and circles: errors, each at its value."""
    jumps = {name: entry.jump for name, entry in entries.items()}
    for name, entry in entries.items():
        for key, other in (("jump", entry.jump), ("neighbour", entry.neighbour)):
            if other is not None:
                at = document.value((*entry.path, key))
                yield from _named(name, key, other, entries, at)
        if _returns(name, jumps):
            yield _loop(name, jumps, document.value((*entry.path, "jump")))


def _named(
    name: str, key: str, other: str, entries: Mapping[str, Entry], at: Location
) -> Iterator[Diagnostic]:
    known = [
        one for one, entry in entries.items() if key == "jump" or entry.kind in ("router", None)
    ]
    purpose = {"jump": "over which ssh reaches it", "neighbour": "that has to reach it"}[key]
    others = [one for one in known if one != name]
    choice = f"one of {', '.join(others)}" if others else f"no `{key}`: it is alone"
    if other == name:
        yield Diagnostic(
            "host-itself",
            "error",
            f"{name} is its own `{key}`",
            found=other,
            expected=f"another machine, {purpose}",
            remedy=f"name that machine, or remove `{key}`",
            location=at,
        )
    elif other not in entries:
        near = nearest(other, others)
        yield Diagnostic(
            "host-unknown",
            "error",
            f"the `{key}` of {name} is no machine of this inventory",
            found=other,
            expected=choice,
            remedy=f"did you mean `{near}`?" if near else "add it, or name another one",
            location=at,
        )
    elif other not in known:
        yield Diagnostic(
            "neighbour-jump",
            "error",
            f"the `{key}` of {name} is no router, but is in the group `{entries[other].kind}`",
            found=other,
            expected=choice,
            remedy=f"name a router, or remove `{key}`",
            location=at,
        )


def _returns(name: str, jumps: Mapping[str, str | None]) -> bool:
    """Whether the way to a machine, followed backwards, comes to that machine again."""
    way = way_to(name, jumps)
    return bool(way) and jumps[way[0]] == name


def _loop(name: str, jumps: Mapping[str, str | None], at: Location) -> Diagnostic:
    way = " over ".join([name, *reversed(way_to(name, jumps)), name])
    return Diagnostic(
        "jump-loop",
        "error",
        f"nobody can reach {name}: the way to it leads over itself",
        found=way,
        expected="a way that begins at a machine without `jump`",
        remedy="remove `jump` from the machine that the controller reaches by itself",
        location=at,
    )
