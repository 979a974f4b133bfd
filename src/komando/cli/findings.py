"""What a verb that checks something has found, in any of the forms that it can be printed in."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import click

from komando.diagnostics import Diagnostic, Sources, as_text

format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    show_default=True,
    help="How to print what was found.",
)


@dataclass(frozen=True)
class Findings:
    """All diagnostics of one check; `counts` stand in the JSON, `summary` says it in a line.

    `command` finds the same again.
    """

    diagnostics: Sequence[Diagnostic]
    counts: dict[str, int]
    summary: str
    good: bool
    command: str = "komando check"


def print_findings(form: str, found: Findings) -> None:
    """Print them on stdout, in one of the forms of `--format`."""
    if form == "text":
        _print_text(found)
        return
    from komando.cli.formats import as_github, as_json, as_sarif

    if form == "json":
        click.echo(as_json(found.diagnostics, found.counts))
    elif form == "sarif":
        click.echo(as_sarif(found.diagnostics))
    else:
        if found.diagnostics:
            click.echo(as_github(found.diagnostics, found.command))
        click.echo(found.summary, err=True)


def _print_text(found: Findings) -> None:
    sources = Sources()
    texts = [as_text(one, sources) for one in found.diagnostics]
    if sys.stdout.isatty():
        from komando.cli.colours import print_diagnostics

        print_diagnostics(texts, found.summary, good=found.good)
    else:
        click.echo("\n\n".join([*texts, found.summary]))
    if found.diagnostics:
        click.echo("what an id means: docs/checks/<id>.md", err=True)


def severities(diagnostics: Sequence[Diagnostic]) -> dict[str, int]:
    """How many errors and warnings there are."""
    found = [one.severity for one in diagnostics]
    return {"errors": found.count("error"), "warnings": found.count("warning")}


def number(count: int, what: str) -> str:
    """A number of things, in words."""
    return f"{count} {what}" + ("" if count == 1 else "s")
