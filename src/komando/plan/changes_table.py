"""What changes as one table, what weighs most at its top."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote

from komando.diagnostics import Location
from komando.plan.cuts import WHOLE
from komando.plan.inert import code, inert, short
from komando.plan.model import Change, Cut, Detail, HostPlan
from komando.plan.page import Block

SITES = ("opd", "hotspot")
"""Kinds of change that are an office or a point; the others are the network's."""

_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def place(location: Location, base: str) -> str:
    """The line of policy in Markdown: a link where `base` says where the files are read."""
    if not base:
        return code(short(f"{location.file}:{location.line}"))
    words = inert(short(f"{PurePosixPath(location.file).name}:{location.line}"))
    return f"[{words}]({address(base)}/{quote(location.file)}#L{location.line})"


def address(text: str) -> str:
    """A URL that ends where Markdown's parentheses end."""
    return quote(text, safe=":/?#@!$&'*+,;=%~")


@dataclass(frozen=True)
class _Ranked:
    """A change on its host, with what the site loses; smaller ranks weigh more."""

    host: str
    change: Change
    cuts: tuple[Cut, ...]

    @property
    def rank(self) -> tuple[int, int, str, str]:
        left = min((cut.left for cut in self.cuts), default=WHOLE)
        if self.change.action == "remove":
            weight = 0
        elif self.cuts:
            weight = 1
        elif self.change.kind not in SITES:
            weight = 2
        else:
            weight = 3 if self.change.action == "change" else 4
        return weight, left, self.change.name, self.host


def changes_blocks(hosts: Iterable[HostPlan], base: str) -> Iterator[Block]:
    """The table, and below it the hours that its numbers stand for. Nothing where nothing changes.

    Removed ones come first, then those that keep the smallest part of what they had, then the
    network, then the rest by name. The host has a column where there are several.
    """
    hosts = list(hosts)
    ranked = sorted(
        (_Ranked(host.host, one, _cuts(host, one)) for host in hosts for one in host.changes),
        key=lambda item: item.rank,
    )
    if not ranked:
        return
    several = len(hosts) > 1
    hours = _Hours()
    rows = tuple("\n".join(_rows(item, hours, base, several=several)) for item in ranked)
    offices = all(item.change.kind == "opd" for item in ranked)
    who, noun = ("office", "office") if offices else ("who", "change")
    heads = (*(("router",) if several else ()), who, "what", "before", "after", "set in")
    head = ("#### What changes", "", f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}")
    yield Block(head, rows, noun)
    if hours.told:
        told = (f"{_raised(number)} {inert(short(when))}  " for when, number in hours.told.items())
        yield Block((), tuple(told), "line")


class _Hours:
    """The hours in which rates hold, each told once and numbered as it comes."""

    def __init__(self) -> None:
        self.told: dict[str, int] = {}

    def mark(self, when: str) -> str:
        return _raised(self.told.setdefault(when, len(self.told) + 1)) if when else ""


def _raised(number: int) -> str:
    return str(number).translate(_RAISED)


def _cuts(host: HostPlan, change: Change) -> tuple[Cut, ...]:
    return tuple(cut for cut in host.cuts if (cut.kind, cut.slug) == (change.kind, change.slug))


def _rows(item: _Ranked, hours: _Hours, base: str, *, several: bool) -> Iterator[str]:
    """A row for each aspect that changes, the first with the name; what comes or goes has one."""
    change = item.change
    name = change.title if change.action == "remove" else change.name
    names = [f"**{inert(short(name))}**"]
    if several:
        names.insert(0, code(short(item.host)))
    if change.action == "change":
        lines = [_aspect(detail, item.cuts, hours, base) for detail in change.details]
    else:
        lines = [_whole(change, hours, base)]
    for cells in lines:
        yield f"| {' | '.join((*names, *cells))} |"
        names = ["" for _ in names]


def _aspect(detail: Detail, cuts: tuple[Cut, ...], hours: _Hours, base: str) -> tuple[str, ...]:
    lost = next((WHOLE - cut.left for cut in cuts if cut.what == detail.aspect), 0) // 100
    after = cell(detail.after)
    return (
        inert(short(detail.aspect)) + hours.mark(detail.when),
        cell(detail.before),
        f"{after} **(-{lost} %)**" if lost and detail.after else after,
        place(detail.location, base) if detail.location is not None else "",
    )


def _whole(change: Change, hours: _Hours, base: str) -> tuple[str, ...]:
    """What comes or goes as a whole, with all that it gets or had."""
    said = "; ".join(
        f"{inert(short(detail.aspect))} {cell(detail.after or detail.before)}"
        f"{hours.mark(detail.when)}"
        for detail in change.details
    )
    where = place(change.location, base) if change.location is not None else ""
    if change.action == "remove":
        return "**removed**", said, "-", where
    return "added", "-", said, where


def cell(text: str | None) -> str:
    """A value in a table; `-` where there is none."""
    return "-" if text is None else inert(short(text))
