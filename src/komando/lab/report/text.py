"""What was measured, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from komando.lab.measure.results import Event, Measurement, Row, worst_first
from komando.units import DIRECTIONS, Rate, about

SHOWN = 3
"""Rows of a direction that are printed when not all are asked for: the worst."""

NAME = 34
"""Characters of a name that fit on a line of 80 beside its figures."""

_GOOD, _BAD, _WARN = "green", "bold red", "yellow"
_ARROWS = {"down": "↓", "up": "↑"}


def print_measurement(one: Measurement, console: Console, *, everything: bool) -> None:
    """Print promised against measured, worst first in each direction, and a verdict."""
    scale = f", every rate divided by {one.divisor}" if one.divisor > 1 else ""
    console.print(Text(f"{one.lab}: {one.region}{scale}", style="bold"))
    console.print(
        f"usable {one.usable.down} down, {one.usable.up} up of {one.capacity}"
        f"; generation {one.generation[:12]}; below in Mbit/s of Ethernet frames",
        soft_wrap=True,
    )
    for scenario in one.scenarios:
        console.print()
        _print_scenario(one, scenario, console, everything)
    for unseen in one.unseen:
        console.print()
        console.print(Text(unseen.scenario, style="bold").append("  not shown", style="not bold"))
        console.print(Text(f"  {unseen.why}", style=_WARN), soft_wrap=True)
    console.print()
    console.print(_verdict(one))


def _print_scenario(one: Measurement, scenario: str, console: Console, everything: bool) -> None:
    rows = [row for row in one.rows if row.scenario == scenario]
    moment = next(item for item in one.moments if item.scenario == scenario)
    local = datetime.fromisoformat(moment.at).astimezone(ZoneInfo(one.zone))
    head = Text(scenario, style="bold")
    head.append(f"  {local:%a %d %b %Y %H:%M %Z}, profile {moment.profile}", style="not bold dim")
    console.print(head)
    for event in one.events:
        if event.scenario == scenario:
            _print_event(one, event, console)
    if rows:
        console.print(_table(one, rows, everything))
    for total in one.totals:
        if total.scenario == scenario:
            what = "the usable link" if total.what == "link" else "what the offices leave"
            console.print(
                f"  {_ARROWS[total.direction]} {_mbit(total.measured)} of {_mbit(total.promised)}"
                f" Mbit/s, {what}: [{_GOOD if total.kept else _BAD}]{total.ratio:.4f}[/]"
            )
    for machine in one.machine:
        if machine.scenario == scenario:
            busy = f"processors {machine.busy:.0%} busy, {machine.own:.0%} by the load itself"
            stolen = f", {machine.stolen:.0%} taken by other machines" if machine.stolen else ""
            console.print(f"  [dim]{busy}{stolen}[/]")


def _table(one: Measurement, rows: Sequence[Row], everything: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False)
    table.add_column("", min_width=1, no_wrap=True)
    table.add_column("office or point", overflow="ellipsis", no_wrap=True, max_width=NAME)
    for title in ("promised", "measured", "of it", "goodput"):
        table.add_column(title, justify="right", no_wrap=True, min_width=len(title))
    for direction in DIRECTIONS:
        ordered = worst_first(rows, direction)
        shown = ordered if everything or len(ordered) <= SHOWN + 1 else ordered[:SHOWN]
        for row in shown:
            name = one.names.get(row.office, row.office)
            if row.peer:
                name = f"{one.names.get(row.peer, row.peer)} to {name}"
            table.add_row(
                _ARROWS[direction],
                Text(name),
                _mbit(row.promised),
                _mbit(row.measured),
                Text(f"{row.ratio:.4f}", style=_GOOD if row.kept else _BAD),
                "" if row.goodput is None else _mbit(row.goodput),
            )
        if rest := ordered[len(shown) :]:
            table.add_row(
                _ARROWS[direction],
                f"[dim]and {len(rest)} more, {rest[0].ratio:.4f} to {rest[-1].ratio:.4f}[/]",
            )
    return table


def _print_event(one: Measurement, event: Event, console: Console) -> None:
    right = event.changed == event.expected and not event.rebuilt
    classes = ", ".join(f"{change.device} {change.class_id}" for change in event.changed) or "none"
    what = f"  {event.what}: {event.before} → {event.after}, {event.seconds:.1f} s"
    console.print(Text(what), soft_wrap=True)
    if event.rebuilt:
        words = "a whole tree was built anew"
    elif right:
        words = "these and no others should"
    else:
        wanted = ", ".join(f"{change.device} {change.class_id}" for change in event.expected)
        words = f"expected: {wanted or 'none'}"
    changed = Text(f"  classes changed in the kernel: {classes}; ")
    console.print(changed.append(words, _GOOD if right else _BAD), soft_wrap=True)
    probe = event.probe
    lost, sent = sum(probe.lost.values()), sum(probe.sent.values())
    told = Text(f"  probe of {one.names.get(probe.office, probe.office)}")
    told.append(f" at {about(Rate(probe.rate))}: ")
    told.append(f"{lost} of {sent} packets lost by the router", _GOOD if probe.whole else _BAD)
    told.append(f", longest gap {max(probe.longest_gap.values()):.0f} ms; the provider dropped")
    told.append(
        f" {sum(probe.lost_by_provider.values())}, and {event.provider_drops} of everybody's"
    )
    console.print(told, soft_wrap=True)


def _verdict(one: Measurement) -> Text:
    broken = [finding for finding in one.findings if not finding.kept]
    if one.kept:
        return Text(f"kept: all of {len(one.findings)} findings", style=_GOOD)
    if one.failure is not None:
        rest = f", {len(broken)} of them broken" if broken else ", none of them broken"
        return Text(f"ended early after {len(one.findings)} findings{rest}", style=_BAD)
    if not broken:
        return Text("nothing was measured", style=_BAD)
    return Text(f"broken: {len(broken)} of {len(one.findings)} findings", style=_BAD)


def _mbit(bits: int) -> str:
    return f"{bits / 1_000_000:.3f}"
