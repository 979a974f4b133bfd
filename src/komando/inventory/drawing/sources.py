"""The drawing in the words of Graphviz and Mermaid, and as plain data."""

from __future__ import annotations

import json
from collections.abc import Iterator

from komando.inventory.drawing.chart import Chart
from komando.inventory.known import place_of
from komando.inventory.machines import Host

COLOURS = {
    "controller": "#4453a6",
    "router": "#1f7a78",
    "hotspot": "#b9770e",
    "signing": "#8b3f8f",
    "jump": "#5b6b78",
}
"""One for each kind of machine; all have a contrast of 3.5 and more on white."""


def as_json(chart: Chart) -> str:
    """One object, with the machines in the inventory's order."""
    every = [*chart.controllers, *(node.host for node in chart.nodes())]
    whole = {
        "format": 1,
        "environment": chart.environment,
        "management": [str(network) for network in chart.management],
        "machines": [_plain(chart, host) for host in every],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False)


def _plain(chart: Chart, host: Host) -> dict[str, object]:
    return {
        "name": host.name,
        "kind": host.kind,
        "address": host.address,
        "port": host.port,
        "over": [hop.name for hop in host.hops],
        "interfaces": host.interfaces,
        "canary": host.canary,
        "neighbour": host.neighbour,
        "key_known": host.name not in chart.keyless,
    }


def _rows(host: Host) -> list[str]:
    canary = ", canary" if host.canary else ""
    rows = [host.name, f"{host.kind}{canary}", place_of(host)]
    return rows + [f"{segment}: {one}" for segment, one in host.interfaces.items()]


def as_dot(chart: Chart) -> str:
    """For `dot -Tsvg` and its like (Graphviz)."""
    return "\n".join(["digraph komando {", *(f"  {line}" for line in _dot(chart)), "}"])


def _dot(chart: Chart) -> Iterator[str]:
    networks = ", ".join(map(str, chart.management))
    yield f"label={_quoted(f'{chart.environment}, managed from {networks}')};"
    yield "labelloc=t; rankdir=LR; fontname=sans;"
    yield 'node [shape=box, style="rounded,filled", fillcolor=white, fontname=sans];'
    for host in (*chart.controllers, *(node.host for node in chart.nodes())):
        label = "\\n".join(_escaped(row) for row in _rows(host))
        twice = ", peripheries=2" if host.canary else ""
        yield f'{_quoted(host.name)} [label="{label}", color="{COLOURS[host.kind]}"{twice}];'
    for one, other in chart.ways():
        yield f"{_quoted(one or 'the controller')} -> {_quoted(other)};"
    for name, neighbour in chart.neighbours():
        ends = f"{_quoted(neighbour)} -> {_quoted(name)}"
        yield f"{ends} [style=dashed, constraint=false];"


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    r"""As a quoted string of DOT has it; a backslash alone would begin one of its marks (`\n`)."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")


def as_mermaid(chart: Chart) -> str:
    """For Markdown on a forge, in a block of the kind `mermaid`."""
    return "\n".join(["flowchart LR", *(f"  {line}" for line in _mermaid(chart))])


def _mermaid(chart: Chart) -> Iterator[str]:
    every = [*chart.controllers, *(node.host for node in chart.nodes())]
    ids = {host.name: f"m{number}" for number, host in enumerate(every)}
    networks = ", ".join(map(str, chart.management))
    if not chart.controllers:
        yield 'start["the controller"]'
    yield from (_box(ids, host) for host in every if not chart.managed(host))
    yield f'subgraph management["{_entities(f"management {networks}")}"]'
    yield from (f"  {_box(ids, host)}" for host in every if chart.managed(host))
    yield "end"
    for one, other in chart.ways():
        yield f"{ids[one] if one else 'start'} --> {ids[other]}"
    for name, neighbour in chart.neighbours():
        yield f"{ids[neighbour]} -.-> {ids[name]}"
    for kind in dict.fromkeys(host.kind for host in every):
        yield f"classDef {kind} fill:#fff,stroke:{COLOURS[kind]},stroke-width:2px,color:#14212b"
        members = ",".join(ids[host.name] for host in every if host.kind == kind)
        yield f"class {members} {kind}"


def _box(ids: dict[str, str], host: Host) -> str:
    first, *rest = map(_entities, _rows(host))
    return f'{ids[host.name]}["{"<br>".join([f"<b>{first}</b>", *rest])}"]'


def _entities(text: str) -> str:
    """As Mermaid has it: a `#` or `"` ends a text there, and the rest is HTML."""
    marks = {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "\n": " "}
    return "".join(marks.get(mark, mark) for mark in text)
