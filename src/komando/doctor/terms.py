"""What holds for some days: exceptions of offices, and acknowledgements."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from komando.doctor.symptom import Symptom, listed, until
from komando.policy import Policy

SOON: Final = 7
"""Days before its end from which on an exception is told: the office may want a longer one."""


def terms(policy: Policy, today: date) -> Iterator[Symptom]:
    """Exceptions and acknowledgements that are over, or end soon."""
    yield from _exceptions(policy, today)
    yield from _acknowledgements(policy, today)


def _exceptions(policy: Policy, today: date) -> Iterator[Symptom]:
    every = sorted((it.end, opd.name) for opd in policy.opd.values() for it in opd.exceptions)
    over = [f"{name} (until {end})" for end, name in every if end < today]
    if over:
        yield Symptom(
            "exception-over",
            "note",
            f"exceptions are over: {listed(over)}",
            "remove them from the offices' files; git keeps their history",
        )
    for end, name in every:
        if _soon(end, today):
            yield Symptom(
                "exception-ends",
                "note",
                f"the exception of {name} ends on {until(end, today)}",
                "ask the office whether it is enough; else a new one by `komando new exception`",
            )


def _acknowledgements(policy: Policy, today: date) -> Iterator[Symptom]:
    every = sorted((one.end, one.slug) for one in policy.acknowledgements.values())
    over = [f"{slug} (until {end})" for end, slug in every if end < today]
    if over:
        yield Symptom(
            "acknowledgement-over",
            "note",
            f"acknowledgements are over: {listed(over)}",
            "remove the files from policies/acknowledgements/; git keeps their history",
        )
    for end, slug in every:
        if _soon(end, today):
            yield Symptom(
                "acknowledgement-ends",
                "note",
                f"the acknowledgement {slug} counts until {until(end, today)}",
                "apply what it is for before that, or remove it",
            )


def _soon(end: date, today: date) -> bool:
    return 0 <= (end - today).days <= SOON
