"""`komando doctor`: what is missing or drifting around the network, and how to mend it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, time

import click

from komando.cli.days import DAY
from komando.cli.doctor_looks import (
    looked_at_clone,
    looked_at_forge,
    looked_at_keys,
    looked_at_ledger,
    looked_at_policies,
)
from komando.cli.machines import folder_of
from komando.cli.options import policies_option
from komando.cli.progress import working
from komando.cli.register import Register, register_options
from komando.cli.scope import Scope, place_options
from komando.doctor import Symptom, worst_first

STATUSES = {"ok": 0, "note": 0, "warning": 2, "error": 1}
"""The exit status by the worst level."""


@click.command()
@policies_option
@place_options
@register_options
@click.option("--offline", is_flag=True, help="Ask nobody: what stands here alone.")
@click.option("--today", type=DAY, metavar="DATE", help="Judge as on this day. Default: now.")
@click.option("--format", "form", type=click.Choice(["text", "json", "markdown"]), default="text",
              show_default=True, help="How to print it.")  # fmt: skip
def doctor(
    scope: Scope, register: Register, *, offline: bool, today: date | None, form: str
) -> None:
    """Look for what is missing or drifting around the network, before it fails.

    Calendars that end, holidays that are estimated, people, keys, the forge's rules and runners,
    the ledger and who else has seen it, this clone. The network itself is what `verify` and `drift`
    look at. Each finding has an id with a line in docs/doctor.md, and says how to mend it.

    The forge is asked where its token (KOMANDO_FORGE_TOKEN or GITHUB_TOKEN) and GITHUB_REPOSITORY
    (owner/name) are set.

    Exit status: 0 nothing above a note, 2 warnings, 1 errors.
    """
    now = datetime.now(UTC) if today is None else datetime.combine(today, time(12), UTC)
    symptoms = examined(scope, register, now, offline=offline)
    _print(symptoms, form)
    levels = {one.level for one in symptoms}
    worst = next(level for level in ("error", "warning", "ok") if level in levels or level == "ok")
    sys.exit(STATUSES[worst])


def examined(
    scope: Scope, register: Register, now: datetime, *, offline: bool = False
) -> list[Symptom]:
    """All that the doctor finds at a moment (aware), the worst first.

    Ends the verb where there is no such inventory.
    """
    symptoms: list[Symptom] = []
    with working("looking") as say:
        for subject, looks in _looks(scope, register, now, offline=offline):
            say(f"looking at {subject}")
            symptoms += looks
    return worst_first(symptoms)


def _looks(
    scope: Scope, register: Register, now: datetime, *, offline: bool
) -> Iterator[tuple[str, Iterator[Symptom]]]:
    """Each subject, and what a look at it comes to; nothing is looked at before it is asked for."""
    folder = folder_of(scope.inventory)
    environment = folder.resolve().name
    yield "the policies", looked_at_policies(scope.policies, now)
    yield "the machines' keys", looked_at_keys(folder)
    yield (
        "the ledger",
        looked_at_ledger(register, environment, scope.lab_folder, now, offline=offline),
    )
    yield "the forge", looked_at_forge(environment, now, offline=offline)
    yield "this clone", looked_at_clone(register.repository)


def _print(symptoms: list[Symptom], form: str) -> None:
    from komando.cli.doctor_text import as_json, as_markdown, print_text

    if form == "json":
        click.echo(as_json(symptoms))
    elif form == "markdown":
        click.echo(as_markdown(symptoms))
    else:
        print_text(symptoms)
