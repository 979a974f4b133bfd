"""The part that plan and apply share: desired bundles, a session with the hosts, and the plan."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.text import Text

from komando.cli.desired import Desired
from komando.inventory import Access
from komando.plan import Plan, assess, idle, make_plan
from komando.policy import Policy, day_in

if TYPE_CHECKING:
    from rich.status import Status

    from komando.rollout.protocol import Event
    from komando.rollout.session import Session

PROGRESS = {
    "connected": "connected",
    "started": "asked",
    "result": "answered",
    "failed": "failed",
    "lost": "lost",
}


@dataclass(frozen=True)
class Planned:
    """A plan, with the session that made it still open, and the hosts that it lacks."""

    plan: Plan
    session: Session
    failures: Mapping[str, str]


def console() -> Console:
    """Where narration and progress go."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def changing_nothing() -> Iterator[None]:
    """A part of a verb in which no host can change: a Ctrl-C ends it and says so."""
    try:
        yield
    except KeyboardInterrupt:
        raise click.ClickException("interrupted; no host was changed") from None


@contextmanager
def planned(wanted: Desired, access: Access) -> Iterator[Planned]:
    """Ask every host what it runs and compare; the connections stay open inside the block."""
    from komando.rollout.observe import Cache, observe
    from komando.rollout.session import Session, WorkerFailedError

    hosts = [wanted.inventory.hosts[name] for name in wanted.bundles]
    names = ", ".join(host.name for host in hosts)
    status = console().status(Text(f"asking {names} what runs there"))

    def listen(event: Event) -> None:
        if event.host:
            status.update(Text(f"{event.host}: {PROGRESS[event.kind]}"))

    with ExitStack() as connections:
        try:
            with changing_nothing(), status:
                session = connections.enter_context(Session(hosts, access, listen))
                seen = observe(session, wanted.bundles, Cache.of_user())
                status.update("comparing")
                plan = make_plan(
                    wanted.bundles,
                    seen.running,
                    wanted.policy.where,
                    datetime.now(UTC),
                    _notes(wanted),
                    seen.unread,
                    wanted.inventory.hosts,
                )
                plan = assessed(plan, wanted.policy)
        except (WorkerFailedError, FileNotFoundError) as error:
            raise click.ClickException(str(error)) from error
        yield Planned(plan, session, seen.failures)


def assessed(plan: Plan, policy: Policy) -> Plan:
    """The plan with its findings, held against the policy's limits and acknowledgements."""
    today = day_in(policy.region, datetime.now(UTC))
    limits, acknowledgements = policy.region.limits, policy.acknowledgements
    plan = replace(plan, findings=assess(plan, limits, acknowledgements, today, policy.where))
    return replace(plan, notes=(*plan.notes, *idle(plan, acknowledgements)))


@contextmanager
def working(words: str) -> Iterator[Status]:
    """A line of progress on stderr while something takes its time."""
    with console().status(Text(words)) as status:
        yield status


def tell_failures(failures: Mapping[str, str]) -> None:
    """Each host that could not be asked, with the reason."""
    for name, reason in sorted(failures.items()):
        click.echo(f"{name}: {reason}", file=sys.stderr)


def _notes(wanted: Desired) -> Iterator[str]:
    """What rendering could not make sure of, as the plan states it."""
    return (one.message for one in wanted.diagnostics if one.severity == "warning")
