"""What hosts answer, read once: from here on nobody looks into their JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from komando.generation import RunningGeneration, TakenBack
from komando.rollout.protocol import PROTOCOL

TEXTS = (
    *("generation", "profile", "clock", "kernel", "calendar"),
    *("previous", "head", "asked_from", "bypass"),
)
"""The keys of an answer that are texts or null."""


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
        return Activated(answer["generation"], len(answer["changes"]), bool(answer["rebuilt"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"its answer could not be read ({error!r}): {text[:200]}") from error


def closed(text: str) -> Closed:
    """Reads the answer to `confirm` or `revert`; what is not understood of it is left empty."""
    try:
        answer = dict(json.loads(text))
    except (ValueError, TypeError):
        answer = {}
    generation, head = answer.get("generation"), answer.get("head")
    return Closed(str(generation) if generation else None, str(head) if head else "")


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
            "bring it up to date (roles/site.yml lays the program)"
        )
    texts = {key: answer.get(key) for key in TEXTS}
    for key, text in texts.items():
        if text is not None and not isinstance(text, str):
            raise ValueError(f"observe answered {key} {text!r}, which is no text")
    pending = answer.get("pending")
    return RunningGeneration(
        host=host,
        digest=texts["generation"],
        profile=texts["profile"],
        clock=texts["clock"],
        kernel=texts["kernel"] or "ok",
        calendar=texts["calendar"] or "ok",
        previous=texts["previous"],
        generations=tuple(map(str, answer.get("generations") or ())),
        waits=float(pending.get("left", "unknown")) if isinstance(pending, dict) else None,
        sequence=int(answer.get("sequence") or 0),
        head=texts["head"] or "",
        asked_from=texts["asked_from"],
        bypass=texts["bypass"],
        taken_back=_taken_back(answer.get("reverted")),
    )


def _taken_back(told: object) -> TakenBack | None:
    if not isinstance(told, dict):
        return None
    generation, sequence = told.get("generation"), told.get("sequence")
    return TakenBack(
        str(generation) if generation else None,
        sequence if isinstance(sequence, int) else 0,
        str(told.get("reason") or ""),
        str(told.get("time") or ""),
    )
