"""What a moment on an office's line looks like: for the help desk, and for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from rich.cells import cell_len
from rich.text import Text

from komando.cli.streams import clean
from komando.status import (
    Flow,
    Office,
    RouterStatus,
    Verdict,
    judge,
    office_notes,
    router_notes,
    spelt_rate,
)
from komando.units import DIRECTION_WORDS, DIRECTIONS, Direction, Pair, about

BAR = 20
"""Columns of a bar: the whole of a ceiling."""

GOOD = ("all-it-asks-for", "observed")
"""Verdicts in which nothing holds the office back."""

Row = Sequence[Text]
One = tuple[RouterStatus, Office]


def named_lines(routers: Sequence[RouterStatus], *, bars: bool) -> Iterator[Text]:
    """The one office of each: of two, where it moved and only one of them was applied since."""
    (first, office), *others = _pairs(routers)
    if others:
        hosts = " and ".join(router.host for router in routers)
        yield _note(
            f"{hosts} have {office.path} in force, and one of them should: "
            "`komando plan` says which"
        )
        yield Text()
    yield from office_lines(first, office, bars=bars)
    for router, one in others:
        yield Text()
        yield from office_lines(router, one, bars=bars)


def _pairs(routers: Iterable[RouterStatus]) -> list[One]:
    """Each office with the router that told of it."""
    return [(router, office) for router in routers for office in router.offices]


def office_lines(router: RouterStatus, office: Office, *, bars: bool) -> Iterator[Text]:
    """The answer first, then the numbers that it rests on, then what is next."""
    verdict = judge(router, office)
    yield Text(f"{_capital(verdict.sentence)}.", _style(verdict))
    yield Text()
    where = f"   {office.path}, {router.host}, pool {office.pool}, profile {router.profile}"
    yield Text(office.name, "bold").append(where, "not bold dim")
    yield from _columns([*_numbers(office, bars=bars), *_line(router, office)])
    yield Text()
    yield from _hosts(router)
    for note in (*office_notes(office), *router_notes(router)):
        yield _note(note)
    yield Text.assemble(("next: ", "bold"), verdict.next)
    yield Text(f"      {verdict.page}", "dim")


def _numbers(office: Office, *, bars: bool) -> Iterator[Row]:
    yield [_dim(""), *(_dim(DIRECTION_WORDS[way]) for way in DIRECTIONS)]
    yield _rates("promised now", office.promised)
    free = office.mode == "observe"
    yield [_dim("ceiling"), *(_rate(office.ceiling, way, free=free) for way in DIRECTIONS)]
    yield [_dim("has now"), *(_has(office, way) for way in DIRECTIONS)]
    if bars:
        yield [_dim(""), *(_bar(office, way) for way in DIRECTIONS)]
    yield [_dim("dropped"), *(_dropped(office.flows.get(way)) for way in DIRECTIONS)]
    yield [_dim("waits"), *(_waits(office.flows.get(way)) for way in DIRECTIONS)]


def _line(router: RouterStatus, office: Office) -> Iterator[Row]:
    line = office.line
    state = "signal" if line.carrier else "no signal"
    yield [_dim("line"), Text(f"segment {office.segment}, {line.device or '?'}: {state}")]
    words = {"answers": "answers", "silent": "does not answer", "unknown": "not asked lately"}
    for address, said in line.gateways.items():
        yield [_dim("gateway"), Text(f"{address} {words[said]}", "red" if said == "silent" else "")]
    if uplink := router.uplink:
        parts = [
            f"{spelt_rate(uplink.rate[way])} of {about(uplink.link.of(way))} {DIRECTION_WORDS[way]}"
            for way in DIRECTIONS
        ]
        yield [_dim("uplink"), Text(f"{', '.join(parts)} (everybody)")]


def _hosts(router: RouterStatus) -> Iterator[Text]:
    if router.unseen:
        yield Text(f"hosts: not told: {router.unseen}", "dim")
        return
    if not router.top:
        yield Text("hosts: none of them carries anything", "dim")
        return
    rows: list[Row] = [
        [_dim("hosts"), *(_dim(DIRECTION_WORDS[way]) for way in DIRECTIONS), _dim("connections")]
    ]
    rows += [
        [
            Text(one.address),
            Text(spelt_rate(one.down)),
            Text(spelt_rate(one.up)),
            Text(str(one.connections)),
        ]
        for one in router.top
    ]
    yield from _columns(rows)
    if router.others:
        yield Text(f"  and {router.others} more", "dim")


def table_lines(routers: Sequence[RouterStatus], *, bars: bool) -> Iterator[Text]:
    """One line for each office and point of all routers, the busiest of its ceiling first."""
    offices = _pairs(routers)
    if not offices:
        yield Text("No office and no public point is in force.")
        return
    bar = [""] if bars else []
    heads = ("", "", "download", "of", *bar, "upload", "of", "dropped", "waits")
    rows: list[Row] = [[_dim(head) for head in heads]]
    for router, office in sorted(offices, key=_fullest):
        verdict = judge(router, office)
        cells = [Text(office.path), Text(verdict.short, _style(verdict))]
        for way in DIRECTIONS:
            cells += [_has(office, way), Text(about(office.promised.of(way)), "dim")]
            if bars and way == "down":
                cells.append(_bar(office, way))
        cells.append(_worst(office, _dropped, lambda flow: flow.lost))
        cells.append(_worst(office, _waits, lambda flow: (flow.waiting, flow.backlog)))
        rows.append(cells)
    yield from _columns(rows)
    for router in routers:
        for note in router_notes(router):
            yield _note(f"{router.host}: {note}")


def _fullest(one: One) -> float:
    """Whoever has most of its ceiling first."""
    return -max(_part_of(one[1], way) for way in DIRECTIONS)


def _worst(office: Office, shown: Callable[[Flow | None], Text], by: Callable[[Flow], Any]) -> Text:
    """What is shown of the worse direction."""
    cell = shown(max(office.flows.values(), key=by, default=None))
    return Text(cell.plain, "dim") if cell.plain == "nothing" else cell


# --- cells ---------------------------------------------------------------------------------------


def _note(words: str) -> Text:
    return Text(f"note: {words}", "yellow")


def _dim(words: str) -> Text:
    return Text(words, "dim")


def _rates(label: str, pair: Pair) -> Row:
    return [_dim(label), *(Text(about(pair.of(way))) for way in DIRECTIONS)]


def _rate(pair: Pair, way: Direction, *, free: bool) -> Text:
    return Text("none: observed") if free else Text(about(pair.of(way)))


def _has(office: Office, way: Direction) -> Text:
    flow = office.flows.get(way)
    return Text(spelt_rate(flow.rate), "bold") if flow else Text("?", "red")


def _part_of(office: Office, way: Direction) -> float:
    """What it has of its ceiling."""
    flow = office.flows.get(way)
    return flow.rate / office.ceiling.of(way).bits if flow else 0.0


def _bar(office: Office, way: Direction) -> Text:
    """Full for what it has, up to its ceiling; the mark is what it is promised."""
    full = min(BAR, round(_part_of(office, way) * BAR))
    promised = office.promised.of(way).bits * BAR // office.ceiling.of(way).bits
    cells = ["█" if place < full else "·" for place in range(BAR)]
    if full <= promised < BAR:
        cells[promised] = "│"
    return Text("".join(cells), "red" if full == BAR else "green")


def _dropped(flow: Flow | None) -> Text:
    if flow is None or not flow.dropped:
        return Text("nothing")
    return Text(f"{flow.dropped} packets ({flow.lost:.1%})", "yellow")


def _waits(flow: Flow | None) -> Text:
    if flow is None or not flow.backlog:
        return Text("nothing")
    size = f"{flow.backlog} bytes" if flow.backlog < 1000 else f"{flow.backlog / 1000:.0f} kB"
    return Text(f"{size}, {flow.waiting:.0f} ms" if flow.rate else size, "yellow")


def _columns(rows: Iterable[Row]) -> Iterator[Text]:
    """Cells under each other, two of distance; what comes last is not filled up."""
    whole = list(rows)
    count = max((len(row) for row in whole), default=0)
    widths = [
        max((cell_len(row[at].plain) for row in whole if at < len(row) - 1), default=0)
        for at in range(count)
    ]
    for row in whole:
        line = Text("  ")
        for at, cell in enumerate(row):
            gap = widths[at] - cell_len(cell.plain) + 2 if at < len(row) - 1 else 0
            line.append_text(cell).append(" " * gap)
        line.rstrip()
        yield line


def _style(verdict: Verdict) -> str:
    return "bold green" if verdict.id in GOOD else "bold red"


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


# --- JSON ----------------------------------------------------------------------------------------


def as_data(
    routers: Sequence[RouterStatus], failures: Mapping[str, str], slug: str
) -> dict[str, Any]:
    """One object; rates in bit/s, backlogs in bytes, waiting in milliseconds."""
    return {
        "format": 1,
        "asked": slug or None,
        "routers": [_plain_router(one) for one in routers],
        "failures": {name: clean(why) for name, why in failures.items()},
    }


def _plain_router(router: RouterStatus) -> dict[str, Any]:
    fields: dict[str, Any] = _plain(asdict(router))
    del fields["known"]
    if fields["uplink"]:
        fields["uplink"].update(fields["uplink"].pop("line"))
    for office, told in zip(router.offices, fields["offices"], strict=True):
        verdict = judge(router, office)
        told.update(told.pop("line"))
        told["verdict"] = {**asdict(verdict), "page": verdict.page}
        told["notes"] = [*office_notes(office), *router_notes(router)]
        for way, flow in office.flows.items():
            told["flows"][way] |= {"lost": flow.lost, "waiting": round(flow.waiting, 1)}
    return fields


def _plain(value: Any) -> Any:
    """Rates as numbers and networks as texts, whatever they stand in."""
    if isinstance(value, dict):
        if value.keys() == {"bits"}:
            return value["bits"]
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, IPv4Network | IPv6Network) else value
