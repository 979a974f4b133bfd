"""Symptoms as people read them: on a terminal the worst last, in an issue the worst first."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from komando.diagnostics import printable
from komando.doctor import LEVELS, Symptom
from komando.doctor.symptom import counted
from komando.plan.inert import worded

_STYLES = {"ok": "green", "note": "cyan", "warning": "bold yellow", "error": "bold red"}


def print_text(symptoms: Sequence[Symptom]) -> None:
    """Print them with the worst at the bottom, where the eye is when the command has ended."""
    if sys.stdout.isatty():
        _print_table(symptoms)
    else:
        click.echo("\n".join([*_lines(symptoms), "", summary(symptoms)]))


def _lines(symptoms: Sequence[Symptom]) -> Iterator[str]:
    """A line for each, and one for how to mend it: a program, or a mail, breaks none of them."""
    levels = max((len(one.level) for one in symptoms), default=0)
    ids = max((len(one.id) for one in symptoms), default=0)
    for one in reversed(symptoms):
        yield f"{one.level:<{levels}}  {one.id:<{ids}}  {printable(one.what)}"
        if one.mend:
            yield f"{'':<{levels + ids + 4}}-> {printable(one.mend)}"


def _print_table(symptoms: Sequence[Symptom]) -> None:
    console = Console(file=sys.stdout, highlight=False)
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for one in reversed(symptoms):
        what = Text(printable(one.what))
        if one.mend:
            what.append(f"\n-> {printable(one.mend)}", "dim")
        table.add_row(Text(one.level, _STYLES[one.level]), Text(one.id), what)
    console.print(Padding(table, (0, 0, 1, 0)))
    worst = symptoms[0].level if symptoms else "ok"
    console.print(Text(summary(symptoms), _STYLES[worst]))


def summary(symptoms: Sequence[Symptom]) -> str:
    """How many of each level, in a line."""
    levels = Counter(one.level for one in symptoms)
    errors, warnings = levels["error"], levels["warning"]
    if not errors and not warnings:
        return f"All is well around the network: {counted(levels['note'], 'note', 'notes')}"
    told = (
        (errors, counted(errors, "error", "errors")),
        (warnings, counted(warnings, "warning", "warnings")),
        (levels["note"], counted(levels["note"], "note", "notes")),
    )
    return ", ".join(words for number, words in told if number)


def as_json(symptoms: Sequence[Symptom]) -> str:
    """The symptoms and how many there are of each level."""
    levels = Counter(one.level for one in symptoms)
    rows = [{"id": it.id, "level": it.level, "what": it.what, "mend": it.mend} for it in symptoms]
    counts = {level: levels[level] for level in LEVELS}
    return json.dumps({"counts": counts, "symptoms": rows}, indent=1, ensure_ascii=False)


def as_markdown(symptoms: Sequence[Symptom]) -> str:
    """The symptoms as a list, the worst first; what is in order in one line at the end."""
    lines = [f"**{worded(summary(symptoms))}**", ""]
    for one in symptoms:
        if one.level != "ok":
            lines.append(f"- **{one.level}** `{one.id}`: {worded(one.what)}")
            if one.mend:
                lines.append(f"  - {worded(one.mend)}")
    good = sorted({f"`{one.id}`" for one in symptoms if one.level == "ok"})
    if good:
        lines += ["", f"In order: {', '.join(good)}"]
    return "\n".join(lines)
