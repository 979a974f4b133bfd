"""Carries a plan out: one exec on each host that changes, none on the others."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from komando.bundle import NO_SECRETS, Bundle, Plaintexts
from komando.plan import HostPlan, Plan
from komando.rollout.observe import Cache
from komando.rollout.protocol import Cargo
from komando.rollout.session import Session

State = Literal["carried", "crossed", "failed", "unknown"]


@dataclass(frozen=True)
class Outcome:
    """What became of one host.

    carried: it runs the wanted generation. crossed: it does, but that took the place of another
    than the plan saw, so that somebody else's change may be undone. failed: it says that it does
    not, and still runs what it ran. unknown: it was interrupted or lost in the middle; only the
    host itself can tell.

    `touched` counts the classes that changed in its kernel, `rebuilt` says that the trees were
    built anew.
    """

    host: str
    state: State
    reason: str = ""
    touched: int = 0
    rebuilt: bool = False

    @property
    def runs(self) -> bool:
        """Whether it runs the wanted generation."""
        return self.state in ("carried", "crossed")


@dataclass(frozen=True)
class Carried:
    """What became of each host that was to change; `interrupted` by a Ctrl-C meanwhile."""

    outcomes: Mapping[str, Outcome]
    interrupted: bool = False


def carry(
    session: Session,
    plan: Plan,
    wanted: Mapping[str, Bundle],
    cache: Cache,
    opened: Mapping[str, Plaintexts] | None = None,
) -> Carried:
    """Activate what the plan says, on all its changing hosts at once.

    `opened` holds the secrets of the hosts that have some; a host that is sent none of its own
    refuses, unless it has them already.
    Every one of them has an outcome: a Ctrl-C is held back until those that have begun are through,
    and after a second one, or the end of the pyinfra process, those that have not answered are
    `unknown`.
    """
    planned = {host.host: host for host in plan.changing()}
    secrets = opened or {}
    cargo = {name: _cargo(wanted[name], secrets.get(name, NO_SECRETS)) for name in planned}
    if not cargo:
        return Carried({})
    answers = session.activate(cargo)
    outcomes = {name: Outcome(name, "failed", why) for name, why in answers.failures.items()}
    outcomes |= {name: Outcome(name, "unknown", why) for name, why in answers.lost.items()}
    for name, text in answers.results.items():
        outcomes[name] = _read(planned[name], text)
        if outcomes[name].runs:
            cache.put(wanted[name])
    return Carried(dict(sorted(outcomes.items())), answers.interrupted)


def _cargo(bundle: Bundle, secrets: Plaintexts) -> Cargo:
    """A repair sends the files, too: those on the host may be what is damaged."""
    return Cargo(bundle.digest, base64.b64encode(bundle.archive(secrets)).decode())


def _read(plan: HostPlan, text: str) -> Outcome:
    try:
        answer: dict[str, Any] = json.loads(text)
        changes, rebuilt = len(answer["changes"]), bool(answer["rebuilt"])
        generation, previous = answer["generation"], answer["previous"]
    except (ValueError, KeyError, TypeError) as error:
        why = f"its answer could not be read ({error!r}): {text[:200]}"
        return Outcome(plan.host, "unknown", why)
    if generation != plan.after:
        return Outcome(plan.host, "failed", f"it says that it runs {generation}")
    if previous in (plan.before, plan.after):
        return Outcome(plan.host, "carried", touched=changes, rebuilt=rebuilt)
    why = f"it replaced {_short(previous)}, where the plan saw {_short(plan.before)}"
    return Outcome(plan.host, "crossed", why, changes, rebuilt)


def _short(digest: object) -> str:
    return "nothing" if digest is None else str(digest)[:12]
