"""Entries of a ledger as people read them: one turn, one block, the newest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from komando.diagnostics import printable
from komando.ledger.chain import Link
from komando.ledger.entries import (
    Abandoned,
    Anew,
    Entry,
    Finished,
    HostResult,
    Move,
    Request,
    Started,
)
from komando.ledger.errors import written

_STYLES = {
    "done": "green",
    "carried": "green",
    "failed": "bold red",
    "reverted": "bold red",
    "refused": "bold red",
    "unknown": "bold red",
    "partial": "yellow",
    "interrupted": "yellow",
    "unreached": "yellow",
    "untouched": "dim",
}


def print_links(links: Sequence[Link], waiting: Sequence[Link], console: Console) -> None:
    """Print chained entries, and above them those that wait in this clone; newest first."""
    for link in reversed(waiting):
        _print(link, "not pushed yet", console)
    for link in reversed(links):
        _print(link, link.commit[:12], console)


def plain(link: Link, *, waits: bool) -> dict[str, Any]:
    """One entry for JSON: its own keys, and where it stands."""
    where = {"commit": None if waits else link.commit, "waits": waits}
    if link.entry is None:
        return where | {"fault": link.fault}
    return where | link.entry.model_dump(mode="json")


def _print(link: Link, place: str, console: Console) -> None:
    entry = link.entry
    if entry is None:
        console.print(Text(f"{place}  no entry can be read here: {link.fault}", "bold red"))
        return
    number = "" if place == "not pushed yet" else f"{entry.number:>5}  "
    head = Text(f"{number}{written(entry.time)}  ", "dim")
    head.append(printable(_title(entry)), _STYLES.get(getattr(entry, "result", ""), "bold"))
    head.append(f"  {place}", "dim")
    if entry.spooled and number:
        head.append("  landed later", "yellow")
    console.print(head)
    for line in _lines(entry):
        console.print(line)


def _title(entry: Entry) -> str:
    match entry:
        case Anew():
            return "begun anew"
        case Started():
            return f"{entry.kind} {entry.sequence} started by {entry.holder.person}"
        case Finished():
            return f"{entry.sequence} {entry.result}"
        case Abandoned():
            return f"{entry.sequence} abandoned"


def _lines(entry: Entry) -> Iterator[Text]:
    if isinstance(entry, Started):
        holder = entry.holder
        words = f"on {holder.machine}, process {holder.process}, until {written(entry.expires)}"
        yield _line(words)
        changed = ", and files that differ from it" if entry.policy_changed else ""
        if entry.policy:
            yield _line(f"policies of {entry.policy[:12]}{changed}")
        if entry.limit:
            yield _line(f"PARTIAL: {', '.join(entry.limit)} alone")
        if entry.acknowledged:
            yield _line(f"acknowledged: {', '.join(entry.acknowledged)}")
        yield from (_line(_request(one)) for one in entry.requests)
        for host, move in entry.hosts.items():
            yield _line(f"{host}: {_move(move)}")
    elif isinstance(entry, Finished):
        for host, result in entry.hosts.items():
            yield _result(host, result)
    elif isinstance(entry, Abandoned | Anew):
        yield _line(f"{entry.why} ({entry.by.person} on {entry.by.machine})")


def _request(one: Request) -> str:
    """`#12 Raise a ceiling, by requester-1, approved by approver-1 on 2026-11-30`."""
    who = ", ".join(f"{it.by} on {it.time:%Y-%m-%d}" for it in one.approvals)
    how = f"approved by {who}" if who else "approved by nobody"
    if one.emergency:
        how = f"EMERGENCY by {one.emergency}, {how}"
    return f"#{one.number} {one.title}, by {one.author}, {how}"


def _result(host: str, result: HostResult) -> Text:
    line = _line(f"{host}: ")
    line.append(result.result, _STYLES[result.result])
    line.append(printable(f" {_move(result)}"))
    if result.time:  # no turn lasts a day
        line.append(f" at {result.time:%H:%M:%S}", "dim")
    if result.reason:
        line.append(printable(f": {result.reason.splitlines()[0]}"))
    return line


def _line(words: str) -> Text:
    return Text(f"         {printable(words)}")


def _move(move: Move | HostResult) -> str:
    return f"{_short(move.before)} -> {_short(move.after)}"


def _short(digest: str | None) -> str:
    return "not known" if digest is None else digest[:12] or "nothing"
