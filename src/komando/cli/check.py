"""`komando check`: validate the policies, and say everything that is wrong at once."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import click

from komando.cli.findings import Findings, format_option, number, print_findings, severities
from komando.cli.options import POLICIES, policies_option
from komando.cli.progress import counting
from komando.diagnostics import Diagnostic, errors_in, in_order
from komando.documents.files import read_bytes
from komando.policy import Loaded, People, day_in, load_policy


@click.command()
@policies_option
@format_option
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE",
              help="Judge what depends on the day as on this one. Default: the region's today."
              )  # fmt: skip
def check(policies: Path, form: str, today: datetime | None) -> None:
    """Validate the policies: each file, the whole, the sums at every moment, and the owners.

    Exit status 0 when they are good (warnings may stand), 1 when they are not. Each finding has
    an id with a page in docs/checks.
    """
    day = today.date() if today is not None else datetime.now(UTC)
    with _short_life():
        loaded, diagnostics = examine(policies, day)
        over = _calendars_over(loaded, day)
        found = Findings(
            diagnostics,
            _counts(loaded, diagnostics),
            _summary(loaded, diagnostics, over=over),
            good=not (over or errors_in(diagnostics)),
        )
        print_findings(form, found)
    sys.exit(1 if errors_in(diagnostics) else 0)


@contextmanager
def _short_life() -> Iterator[None]:
    """All that is made lives until the process ends, a second later: nothing is worth collecting.

    Frozen, it is not walked at the exit either. Measured on ten thousand offices: a fifth of the
    whole time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def examine(policies: Path, today: date) -> tuple[Loaded, list[Diagnostic]]:
    """Load, and add up what can be: of a policy with errors the part that is sound."""
    loaded = load_policy(policies, today, counting("policies read"))
    if loaded.policy is None and loaded.sound is None:
        return loaded, loaded.diagnostics
    from komando.intent import check_sums, compile_intent

    if loaded.policy is not None:
        found = [
            *compile_intent(loaded.policy).diagnostics,
            *_owners(policies, loaded.policy.people),
        ]
    elif loaded.sound is not None:
        found = [*check_sums(loaded.sound.policy, loaded.sound.left_out)]
    return loaded, in_order([*loaded.diagnostics, *found])


def _owners(policies: Path, people: People) -> list[Diagnostic]:
    """What is wrong with the file of owners, in the folder of the policies or in that above it."""
    from komando.forge.owners import OWNERS_FILES, read_owners

    for file in OWNERS_FILES:
        path = policies.parent / file.replace(f"{POLICIES}/", f"{policies.name}/", 1)
        if path.exists():
            raw = read_bytes(str(path))
            return [raw] if isinstance(raw, Diagnostic) else read_owners(raw, str(path), people)[1]
    return []


def _calendars_over(loaded: Loaded, today: date) -> bool:
    if loaded.policy is None:
        return False
    region = loaded.policy.region
    return region.covers.end < day_in(region, today)


def _counts(loaded: Loaded, diagnostics: list[Diagnostic]) -> dict[str, int]:
    return {
        "offices": loaded.files.get("opd", 0),
        "points": loaded.files.get("hotspots", 0),
        **severities(diagnostics),
    }


def _summary(loaded: Loaded, diagnostics: list[Diagnostic], *, over: bool) -> str:
    counts = _counts(loaded, diagnostics)
    read = f"{number(counts['offices'], 'office')} and {number(counts['points'], 'public point')}"
    warnings = number(counts["warnings"], "warning")
    if counts["errors"]:
        return f"{number(counts['errors'], 'error')} and {warnings} in {read}"
    ended = "The calendars have ended, and routers stay in their last profile"
    return f"{ended if over else 'All is well'}: {read}" + (
        f", {warnings}" if counts["warnings"] else ""
    )
