"""The drawing as text, for a terminal of any width."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from komando.inventory.drawing.chart import Chart, Node
from komando.inventory.known import place_of
from komando.inventory.machines import Host

LEAST = 24
"""Columns that the words of a line have at least, however deep it stands."""


def as_tree(chart: Chart, width: int) -> str:
    """Lines of at most `width` columns, as far as the names allow."""
    networks = ", ".join(map(str, chart.management))
    lines = textwrap.wrap(f"{chart.environment}, managed from {networks}", width)
    begin = [_head(chart, host) for host in chart.controllers] or ["the controller"]
    lines += ["", *(line for head in begin for line in textwrap.wrap(head, width))]
    lines += _branches(chart, chart.direct, "", width)
    return "\n".join(lines)


def _branches(chart: Chart, nodes: Sequence[Node], before: str, width: int) -> Iterator[str]:
    for number, node in enumerate(nodes, 1):
        last = number == len(nodes)
        below = before + ("   " if last else "│  ")
        first = before + ("└─ " if last else "├─ ")
        room = max(width - len(below), LEAST)
        head, *rest = textwrap.wrap(_head(chart, node.host), room, subsequent_indent="  ")
        yield first + head
        beside = below + ("│ " if node.behind else "  ")
        for line in rest:
            yield below + line
        for detail in _details(node.host):
            for line in textwrap.wrap(detail, room - 2, subsequent_indent="  "):
                yield beside + line
        yield from _branches(chart, node.behind, below, width)


def _head(chart: Chart, host: Host) -> str:
    words = [host.name, f"({host.kind})", place_of(host)]
    if host.canary:
        words.append("canary")
    if host.name in chart.keyless:
        words.append("no key known")
    return " ".join(words)


def _details(host: Host) -> Iterator[str]:
    if host.interfaces:
        yield ", ".join(f"{segment} on {one}" for segment, one in host.interfaces.items())
    if host.neighbour is not None:
        yield f"┄ {host.neighbour} has to reach it before a change is confirmed"
