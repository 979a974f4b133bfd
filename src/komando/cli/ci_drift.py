"""`komando ci drift`: what is amiss on the hosts and around them, as one issue on the forge."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from komando.cli.ci_review import still_unreviewed
from komando.cli.desired import Desired
from komando.cli.doctor import examined
from komando.cli.doctor_text import as_markdown as symptoms_of
from komando.cli.drift import DRIFT, looked
from komando.cli.drift_text import as_markdown
from komando.cli.progress import tell_failures
from komando.cli.register import Register
from komando.cli.scope import Scope
from komando.cli.streams import tell
from komando.forge import Forge, ForgeError
from komando.forge.environment import forge_from_environment
from komando.ledger import LedgerError
from komando.ledger.chain import entries_of
from komando.plan.inert import inert
from komando.review.trees import TreeError, Trees

MOST = 60_000
"""Characters of an issue's text: a forge takes 65,536."""


def told_drift(scope: Scope, register: Register) -> None:
    """Look, keep the issue, and end the verb with its exit status."""
    environment = Path(scope.inventory).name
    wanted = scope.desired()
    found, rollout, before = looked(scope, register, wanted, repair=False)
    try:
        forge = forge_from_environment()
        reminders = list(_reminders(forge, register, wanted))
        around = examined(scope, register, datetime.now(UTC))
        fails = any(one.level == "error" for one in around)
        amiss = bool(found.drifting or found.failures or reminders or fails)
        drift = as_markdown(found, before, rollout, diff=True)
        body = _body(environment, [_reminded(reminders), drift, symptoms_of(around)])
        _keep(forge, environment, body, amiss=amiss)
    except (ForgeError, LedgerError, TreeError) as error:
        raise click.ClickException(str(error)) from error
    for line in reminders:
        tell(line)
    tell_failures(found.failures)
    sys.exit(1 if found.failures else DRIFT if amiss else 0)


def mark_of(environment: str) -> str:
    """What tells the issue from all others."""
    return f"<!-- komando:drift:{environment} -->"


def _reminders(forge: Forge, register: Register, wanted: Desired) -> Iterator[str]:
    """Each emergency that went out without an approval, and has none yet."""
    ledger = register.open(wanted.inventory.name, None)
    with ledger.spool.alone():
        ledger.fetch()
    trees = Trees(ledger.git)
    entries = entries_of(ledger.links())
    for request in still_unreviewed(trees, forge, entries):
        yield (
            f"emergency #{request.number} ({request.title}), let through by {request.emergency}: "
            "nobody else has approved it yet; approve it on the forge, or revert it"
        )


def _reminded(reminders: list[str]) -> str:
    return "".join(f"- {inert(line)}\n" for line in reminders)


def _body(environment: str, parts: list[str]) -> str:
    """The issue's text. What does not fit is cut at a line, and nothing is left open there."""
    text = "\n\n".join([mark_of(environment), *(part for part in parts if part)])
    if len(text) <= MOST:
        return text
    short = text[:MOST].rsplit("\n", 1)[0]
    open_fence = len(re.findall(r"^ *`{3,}", short, re.MULTILINE)) % 2
    closing = "\n  ```\n  </details>" if open_fence else ""
    return f"{short}{closing}\n\nAll of it: `komando drift` on the controller.\n"


def _keep(forge: Forge, environment: str, body: str, *, amiss: bool) -> None:
    """Open the issue, keep it up to date, or close it."""
    mark = mark_of(environment)
    standing = forge.issue(mark)
    if standing is None:
        if amiss:
            opened = forge.open_issue(f"Drift in {environment}", body, ("drift",))
            tell(f"opened #{opened.number}: {opened.url}")
        else:
            tell("nothing differs, and there is no issue about it")
    elif amiss:
        if standing.body != body:
            forge.update_issue(standing.number, body)
        tell(f"#{standing.number} tells of it: {standing.url}")
    else:
        forge.update_issue(standing.number, body, close=True)
        tell(f"all is well again: closed #{standing.number}")
