"""What a policy means, for people: wrapped on a terminal, whole lines anywhere else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from komando.cli.shown import Shown, Stated, rates, share_words
from komando.diagnostics import printable
from komando.policy import Opd
from komando.units import DIRECTION_WORDS

LABEL = 13
"""Columns before the words: two of indent, the label, and two of distance."""

NARROWEST = 24
"""Columns that words are given on the narrowest of terminals."""

Fact = tuple[str, Text]


def print_shown(shown: Shown, console: Console) -> None:
    """Print everything about one office or point."""
    head = Text(printable(shown.leaf.name), style="bold")
    place = shown.policy.where(shown.kind, shown.slug).file
    _line(head.append(f"   {printable(place)}", style="not bold dim"), console)
    for fact in _facts(shown):
        _print_fact(fact, console)
    _line(Text(), console)
    _print_rates(rates(shown), console)
    _line(Text(), console)
    for fact in _reasons(shown):
        _print_fact(fact, console)


def _line(text: Text, console: Console) -> None:
    """Never cut or broken here: what is too long is for the terminal to fold, and can be copied."""
    console.print(text, soft_wrap=True)


def _print_fact(fact: Fact, console: Console) -> None:
    label, words = fact
    lines = list(words.split("\n"))
    if console.is_terminal:
        width = max(NARROWEST, console.width - LABEL)
        lines = [part for line in lines for part in _wrapped(line, width)]
    for number, line in enumerate(lines):
        line.rstrip()
        shown = f"  {label}" if number == 0 else ""
        _line(Text.assemble((f"{shown:{LABEL}}", "dim"), line), console)


def _wrapped(line: Text, width: int) -> Iterable[Text]:
    """Lines of whole words; a word that is wider than all of them stays whole."""
    starts, used = [], 0
    for word in re.finditer(r"\S+\s*", line.plain):
        if used and used + cell_len(word[0].rstrip()) > width:
            starts.append(word.start())
            used = 0
        used += cell_len(word[0])
    return line.divide(starts)


def _print_rates(rows: list[Stated], console: Console) -> None:
    cells = [(one.key, str(one.rate.down), str(one.rate.up)) for one in rows]
    first, *others = zip(("", *DIRECTION_WORDS.values()), *cells, strict=True)
    columns = [_column(first, "<"), *(_column(other, ">") for other in others)]
    head, *lines = [Text("  " + "   ".join(row)) for row in zip(*columns, strict=True)]
    _line(head.append("   stated in", style="dim"), console)
    for line, one in zip(lines, rows, strict=True):
        where = Text(printable(str(one.where)), style="dim")
        if one.note:
            where.append(f"  {one.note}", style="not dim")
        if console.is_terminal and cell_len(line.plain + where.plain) + 3 > console.width:
            _line(line, console)
            _line(Text(" " * 6).append_text(where), console)
        else:
            _line(line.append(" " * 3).append_text(where), console)


def _column(cells: Sequence[str], side: str) -> list[str]:
    width = max(map(len, cells))
    return [f"{cell:{side}{width}}" for cell in cells]


def _facts(shown: Shown) -> Iterator[Fact]:
    leaf = shown.leaf
    by = ", ".join(leaf.gateways)
    yield _fact("router", f"{shown.router.router}, segment {leaf.segment}, by {by}")
    yield _fact("class", f"{leaf.class_id}, from the permanent id {leaf.id}; pool {leaf.pool}")
    yield _fact("networks", ", ".join(str(network) for network in leaf.networks))
    hours = hours_words(shown)
    yield _fact("hours", f"{hours} ({leaf.calendar})" if leaf.calendar else hours)
    if leaf.kind == "hotspot":
        parts = sum(one.share for one in shown.router.leaves if one.kind == "hotspot")
        yield _fact("share", f"{leaf.share} of {parts} parts of what is left to the public")
    elif leaf.mode == "observe":
        yield _fact("mode", "observe: counted, and held back by nothing but the uplink")
    else:
        yield _fact("mode", "enforce")


def _reasons(shown: Shown) -> Iterator[Fact]:
    """What it gets at the moment and after the next change, and why all that is so."""
    now = f" on {shown.moment:%a %d %b} {shown.moment.year} {shown.moment:%H:%M %Z}"
    words = f"{now}, when everyone wants more than there is (profile {shown.profile.name})"
    yield (
        "promised",
        Text(share_words(shown.profile, shown.leaf), style="bold").append(words, style="not bold"),
    )
    if shown.until and shown.following:
        then = f" from {shown.until:%a %d %b} {shown.until.year} {shown.until:%H:%M %Z} on"
        words = f"{then} (profile {shown.following.name})"
        yield (
            "next",
            Text(share_words(shown.following, shown.leaf), style="bold").append(
                words, style="not bold"
            ),
        )
    yield from _exceptions(shown)
    yield _fact("why", shown.source.justification)
    request = getattr(shown.source, "request", None)
    if request:
        yield _fact("asked for", f"{request.letter} of {request.date}")


def _exceptions(shown: Shown) -> Iterator[Fact]:
    if not isinstance(shown.source, Opd):
        return
    for index, item in enumerate(shown.source.exceptions):
        parts = [f"guarantee {item.guarantee}"] if item.guarantee else []
        parts += [f"the hours of {item.calendar}"] if item.calendar else []
        where = shown.policy.where("opd", shown.slug, "exceptions", index)
        words = Text(f"{item.start} to {item.end}: {' and '.join(parts)}  ")
        words.append(printable(str(where)), style="dim")
        yield "exception", words.append_text(_plain(f"\n{item.reason}"))


def _fact(label: str, words: str) -> Fact:
    return label, _plain(words)


def _plain(words: str) -> Text:
    """People's words as they are written: neither markup nor emoji codes are read in them."""
    return Text("\n".join(printable(line) for line in words.split("\n")))


def hours_words(shown: Shown) -> str:
    """When its calendar is open."""
    calendar = shown.leaf.calendar
    return shown.router.calendars[calendar] if calendar else "at all hours"
