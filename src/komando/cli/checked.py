"""Policies for the verbs that need good ones: what is wrong goes to stderr and ends the verb."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from komando.diagnostics import Diagnostic, Sources, as_text, errors_in, in_order

if TYPE_CHECKING:
    from komando.intent import Intent
    from komando.policy import Policy


def checked_intent(policies: Path, divisor: int = 1) -> tuple[Policy, Intent]:
    """The policy and its intent; on an error all diagnostics, and exit status 1."""
    from komando.intent import compile_intent
    from komando.policy import load_policy

    loaded = load_policy(policies, datetime.now(UTC))
    if loaded.policy is None:
        raise refused(loaded.diagnostics)
    compiled = compile_intent(loaded.policy, divisor)
    if compiled.intent is None:
        raise refused([*loaded.diagnostics, *compiled.diagnostics])
    return loaded.policy, compiled.intent


def refused(diagnostics: list[Diagnostic]) -> click.exceptions.Exit:
    """Tell on stderr what is wrong; the exception to raise."""
    sources = Sources()
    for one in in_order(diagnostics):
        if one.severity == "error" or not errors_in(diagnostics):
            click.echo(as_text(one, sources) + "\n", file=sys.stderr)
    return click.exceptions.Exit(1)
