"""Carries a plan out: one exec on each host that changes, none on the others."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from komando.bundle import Bundle
from komando.plan import Plan
from komando.rollout.observe import Cache
from komando.rollout.protocol import Cargo
from komando.rollout.session import Session

State = Literal["carried", "failed", "unknown"]


@dataclass(frozen=True)
class Outcome:
    """What became of one host.

    carried: it runs the wanted generation. failed: it says that it does not, and still runs what
    it ran. unknown: it was interrupted or lost in the middle; only the host itself can tell.
    `touched` counts the classes that changed in its kernel, `rebuilt` says that the trees were
    built anew.
    """

    host: str
    state: State
    reason: str = ""
    touched: int = 0
    rebuilt: bool = False


@dataclass(frozen=True)
class Carried:
    """What became of each host that was to change; `interrupted` by a Ctrl-C meanwhile."""

    outcomes: Mapping[str, Outcome]
    interrupted: bool = False


def carry(session: Session, plan: Plan, wanted: Mapping[str, Bundle], cache: Cache) -> Carried:
    """Activate what the plan says, on all its changing hosts at once.

    Every one of them has an outcome: a Ctrl-C is held back until those that have begun are through,
    and after a second one, or the end of the pyinfra process, those that have not answered are
    `unknown`.
    """
    cargo = {host.host: _cargo(wanted[host.host]) for host in plan.changing()}
    if not cargo:
        return Carried({})
    answers = session.activate(cargo)
    outcomes = {name: Outcome(name, "failed", why) for name, why in answers.failures.items()}
    outcomes |= {name: Outcome(name, "unknown", why) for name, why in answers.lost.items()}
    for name, text in answers.results.items():
        outcomes[name] = _read(name, text, cargo[name].digest)
        if outcomes[name].state == "carried":
            cache.put(wanted[name])
    return Carried(dict(sorted(outcomes.items())), answers.interrupted)


def _cargo(bundle: Bundle) -> Cargo:
    """A repair sends the files, too: those on the host may be what is damaged."""
    return Cargo(bundle.digest, base64.b64encode(bundle.archive()).decode())


def _read(host: str, text: str, digest: str) -> Outcome:
    try:
        answer: dict[str, Any] = json.loads(text)
        changes, rebuilt = len(answer["changes"]), bool(answer["rebuilt"])
        generation = answer["generation"]
    except (ValueError, KeyError, TypeError) as error:
        return Outcome(host, "unknown", f"its answer could not be read ({error!r}): {text[:200]}")
    if generation != digest:
        return Outcome(host, "failed", f"it says that it runs {generation}")
    return Outcome(host, "carried", touched=changes, rebuilt=rebuilt)
