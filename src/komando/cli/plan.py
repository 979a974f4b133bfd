"""`komando plan`: what would change, in offices and Mbit/s, and the line of policy behind it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from komando.cli import changing_nothing
from komando.cli.scope import Scope, host_options
from komando.cli.streams import clean

if TYPE_CHECKING:
    from komando.plan import Plan

CHANGES = 2
"""The exit status when an apply would change something; 0 is nothing, 1 an error."""


@click.command()
@host_options
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json"]), default="text",
              show_default=True, help="How to print it.")  # fmt: skip
@click.option("--diff/--no-diff", default=True, help="With the files' unified diffs, or without.")
@click.option("--acknowledge", is_flag=True,
              help="Write an acknowledgement to fill in for each finding that stops.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False),
              help="Also write the plan as JSON: `komando apply FILE` holds to it.")  # fmt: skip
def plan(
    scope: Scope,
    form: str,
    diff: bool,
    out: Path | None,
    acknowledge: bool,
) -> None:
    """What an apply would change, and what of it stops an apply; nothing is changed now.

    Findings come first: that a change cuts many offices, or that a person has to look at it for
    another reason (docs/safety).

    Exit status: 0 nothing would change, 2 something would, 1 an error, a wrong command line
    among them.
    """
    if out is not None:
        try_place(out)
    with scope.ahead() as launched:
        wanted = scope.desired(launched=launched)

        # only now: while all of it is loaded, the hosts answer
        from komando.cli.planning import planned
        from komando.cli.progress import tell_failures
        from komando.plan import to_json

        with changing_nothing(), planned(wanted, scope.access(wanted), launched) as found:
            made, failures = found.plan, found.failures
    show_plan(made, form, diff=diff)
    if out is not None:
        out.write_text(to_json(made), encoding="utf-8")
    if acknowledge:
        write_skeletons(made, scope.policies)
    if failures:
        tell_failures(failures)
        raise click.exceptions.Exit(1)
    raise click.exceptions.Exit(CHANGES if made.changes else 0)


def write_skeletons(plan: Plan, policies: Path) -> None:
    """Write what people have to fill in before a finding is accepted; no check passes it so."""
    folder = policies / "acknowledgements"
    for finding in plan.stopping():
        if not finding.skeleton:
            continue
        folder.mkdir(exist_ok=True)
        file = folder / f"{finding.slug}.yaml"
        with file.open("x", encoding="utf-8") as out:
            out.write(finding.skeleton)
        click.echo(f"{file}: say why in `reason`, and by whom; then have it reviewed", err=True)


def try_place(out: Path) -> None:
    """Raise OSError where nothing can be written, before any host is asked.

    A pipe or a device is left alone: to open it and close it again would tell its reader the end.
    """
    stood = out.exists()
    if stood and not out.is_file():
        return
    out.open("a").close()
    if not stood:
        out.unlink()


def show_plan(
    plan: Plan, form: str, *, diff: bool, by: str | None = None, asked: bool = True
) -> None:
    """Print the plan on stdout, in one of the formats.

    `by` is what would carry it out; `asked` says that the hosts were asked what they run.
    """
    from rich.console import Console

    from komando.plan import APPLY, markdown, text_lines, to_json

    if form == "json":
        click.echo(to_json(plan), nl=False)
    elif form == "markdown":
        click.echo(markdown(plan, diff=diff), nl=False)
    else:
        console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
        for line in text_lines(plan, diff=diff, by=by or APPLY, asked=asked):
            line.plain = clean(line.plain)
            console.print(line)
