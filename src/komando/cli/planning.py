"""The part that plan and apply share: desired bundles, a session with the hosts, and the plan."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from komando.cli import changing_nothing
from komando.cli.desired import Desired, report
from komando.cli.progress import Say, working
from komando.generation import RunningGeneration
from komando.inventory import Access, Host
from komando.plan import Plan, asks_for_usage, assess, idle, make_plan
from komando.policy import Policy, day_in

if TYPE_CHECKING:
    from komando.rollout.launch import Launched
    from komando.rollout.observe import Observation
    from komando.rollout.protocol import Event
    from komando.rollout.session import Session

PROGRESS = {
    "connected": "connected",
    "started": "asked",
    "result": "answered",
    "failed": "failed",
    "lost": "lost",
}


PATIENCE = 15.0
"""Seconds that a host may take to take a change back whose window has closed."""


@dataclass(frozen=True)
class Planned:
    """A plan, with the session that made it still open, and the hosts that it lacks."""

    plan: Plan
    session: Session
    running: Mapping[str, RunningGeneration]
    failures: Mapping[str, str]

    @property
    def least(self) -> int:
        """The highest sequence that a host has told of."""
        return max((one.sequence for one in self.running.values()), default=0)


@contextmanager
def planned(
    wanted: Desired, access: Access, launched: Launched | None = None, *, settled: bool = False
) -> Iterator[Planned]:
    """Ask every host what it runs and compare; the connections stay open inside the block.

    `settled` waits for hosts on which a change is still unconfirmed, until it is taken back.
    Neighbours of the hosts are connected, too, and not asked.
    """
    from komando.rollout.observe import with_usage
    from komando.rollout.session import Session, WorkerFailedError

    hosts = wanted.inventory.with_neighbours(wanted.bundles)
    names = ", ".join(wanted.bundles)
    with ExitStack() as connections:
        try:
            with changing_nothing(), working(f"asking {names} what runs there") as say:

                def listen(event: Event) -> None:
                    if event.host:
                        say(f"{event.host}: {PROGRESS[event.kind]}")

                session = connections.enter_context(Session(hosts, access, listen, launched))
                seen = _settled(session, wanted, say) if settled else _seen(session, wanted)
                say("comparing")
                examined = wanted.examined(_to_change(wanted, seen.running))
                report([one for one in examined if one.severity == "error"])
                held = [
                    name
                    for name, one in seen.running.items()
                    if asks_for_usage(wanted.bundles[name], one)
                ]
                seen = with_usage(session, seen, held)
                plan = make_plan(
                    wanted.bundles,
                    seen.running,
                    wanted.policy.where,
                    datetime.now(UTC),
                    [one.message for one in examined],
                    seen.unread,
                    _machines(wanted),
                )
                plan = assessed(plan, wanted.policy)
        except (WorkerFailedError, FileNotFoundError) as error:
            raise click.ClickException(str(error)) from error
        yield Planned(plan, session, seen.running, seen.failures)


def _seen(session: Session, wanted: Desired) -> Observation:
    from komando.rollout.observe import Cache, observe

    return observe(session, wanted.bundles, Cache.of_user())


def _settled(session: Session, wanted: Desired, say: Say) -> Observation:
    """What the hosts run once no change waits there for its confirmation any more."""
    patience = time.monotonic() + PATIENCE
    while waits := _waits(seen := _seen(session, wanted)):
        name, seconds = waits
        if seconds <= 0 and time.monotonic() > patience:
            raise click.ClickException(
                f"{name}: an unconfirmed change should have reverted there, and has not: look at "
                f"it (`{name}: sudo komando-host hours` says why)"
            )
        say(f"{name}: an unconfirmed change reverts in {seconds:.0f} s: waiting")
        time.sleep(min(seconds + 0.5, 5.0))
    return seen


def _waits(seen: Observation) -> tuple[str, float] | None:
    """The host whose window is open the longest, and for how many seconds."""
    waits = {name: one.waits for name, one in seen.running.items() if one.waits is not None}
    return max(waits.items(), key=lambda item: item[1]) if waits else None


def _to_change(wanted: Desired, running: Mapping[str, RunningGeneration]) -> Iterator[str]:
    """The hosts whose files are news to them: what runs was read by its programs already."""
    return (name for name, one in running.items() if one.digest != wanted.bundles[name].digest)


def _machines(wanted: Desired) -> dict[str, Host]:
    """The routers without those that the policies name and `--limit` leaves out."""
    routers = wanted.inventory.routers
    return {name: host for name, host in routers.items() if name not in wanted.left_out}


def assessed(plan: Plan, policy: Policy) -> Plan:
    """The plan with its findings, held against the policy's limits and acknowledgements."""
    today = day_in(policy.region, datetime.now(UTC))
    limits, acknowledgements = policy.region.limits, policy.acknowledgements
    plan = replace(plan, findings=assess(plan, limits, acknowledgements, today, policy.where))
    return replace(plan, notes=(*plan.notes, *idle(plan, acknowledgements)))
