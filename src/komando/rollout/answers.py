"""What hosts answer, read once and not believed blindly: one host must not stop all others."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from komando.generation import RunningGeneration, TakenBack
from komando.rollout.protocol import PROTOCOL

TEXTS = ("profile", "clock", "kernel", "calendar", "asked_from", "bypass")
"""The keys of an answer that are texts or null."""

DIGESTS = ("generation", "previous", "head")
"""Those that are digests, or null."""

MOST = 10**9
"""Sequences are below: a host that tells of a higher one would take the turns from all others."""

LONGEST = 3600.0
"""Seconds that a window may have; `komando.host.change` has it, too."""

_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Activated:
    """What an activation did: the generation that runs now, and what changed in the kernel."""

    generation: str | None
    touched: int
    rebuilt: bool


@dataclass(frozen=True)
class Closed:
    """How a window was closed: the generation that runs now, and the head of the host's record."""

    generation: str | None
    head: str


def activated(text: str) -> Activated:
    """Reads the answer to `activate`. Raises ValueError for one that is not understood."""
    try:
        answer = json.loads(text)
        digest = _digest("generation", answer["generation"])
        return Activated(digest, len(answer["changes"]), bool(answer["rebuilt"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"its answer could not be read ({error!r}): {text[:200]}") from error


def closed(text: str) -> Closed:
    """Reads the answer to `confirm` or `revert`; what is not understood of it is left empty."""
    try:
        answer = dict(json.loads(text))
        generation = _digest("generation", answer.get("generation"))
        return Closed(generation, _digest("head", answer.get("head")) or "")
    except (ValueError, TypeError):
        return Closed(None, "")


def standing(
    answers: Mapping[str, Mapping[str, Any]],
) -> tuple[dict[str, RunningGeneration], dict[str, str]]:
    """How hosts stand that were asked, and of which the answer is not understood, and why."""
    running: dict[str, RunningGeneration] = {}
    failures: dict[str, str] = {}
    for name, answer in answers.items():
        try:
            running[name] = generation_of(name, answer)
        except (TypeError, ValueError) as error:
            failures[name] = str(error)
    return running, failures


def generation_of(host: str, answer: Mapping[str, Any]) -> RunningGeneration:
    """Reads an answer. Raises ValueError for one that is not understood."""
    if (spoken := answer.get("protocol")) != PROTOCOL:
        older = (
            "this controller" if isinstance(spoken, int) and spoken > PROTOCOL else "its program"
        )
        raise ValueError(
            f"it speaks protocol {spoken or 1}, and {PROTOCOL} is spoken here: {older} is older, "
            "bring it up to date (komando prepare lays the program)"
        )
    texts = {key: answer.get(key) for key in TEXTS}
    for key, text in texts.items():
        if text is not None and not isinstance(text, str):
            raise ValueError(f"observe answered {key} {text!r}, which is no text")
    digests = {key: _digest(key, answer.get(key)) for key in DIGESTS}
    kept = answer.get("generations") or ()
    return RunningGeneration(
        host=host,
        digest=digests["generation"],
        profile=texts["profile"],
        clock=texts["clock"],
        kernel=texts["kernel"] or "ok",
        calendar=texts["calendar"] or "ok",
        previous=digests["previous"],
        generations=tuple(filter(None, (_digest("generations", one) for one in kept))),
        waits=_waits(answer.get("pending")),
        sequence=_sequence(answer.get("sequence")),
        head=digests["head"] or "",
        asked_from=texts["asked_from"],
        bypass=texts["bypass"],
        taken_back=_taken_back(answer.get("reverted")),
    )


def _digest(key: str, told: object) -> str | None:
    if told in (None, ""):
        return None
    if not isinstance(told, str) or not _DIGEST.fullmatch(told):
        raise ValueError(f"it answered {key} {str(told)[:80]!r}, which is no digest")
    return told


def _sequence(told: object) -> int:
    if told is None:
        return 0
    if not isinstance(told, int) or not 0 <= told < MOST:
        raise ValueError(
            f"it answered sequence {str(told)[:80]}, which no apply has had: write the ledger's "
            "last one into /var/lib/komando/sequence there"
        )
    return told


def _waits(pending: object) -> float | None:
    """The seconds until a window closes that is open."""
    if not isinstance(pending, dict):
        return None
    left = pending.get("left")
    if not isinstance(left, int | float) or not 0 <= left <= LONGEST:
        raise ValueError(f"it answered a window of {str(left)[:80]} s; it has 1 to {LONGEST:g}")
    return float(left)


def _taken_back(told: object) -> TakenBack | None:
    if not isinstance(told, dict):
        return None
    return TakenBack(
        _digest("reverted", told.get("generation")),
        _sequence(told.get("sequence")),
        str(told.get("reason") or ""),
        str(told.get("time") or ""),
    )
