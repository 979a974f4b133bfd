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
    """Exceptions and acknowledgements that are over, and exceptions that end soon."""
    exceptions = [
        (item.end, office.name) for office in policy.opd.values() for item in office.exceptions
    ]
    over = [f"{name} (until {end})" for end, name in sorted(exceptions) if end < today]
    if over:
        yield Symptom(
            "exception-over",
            "note",
            f"exceptions are over: {listed(over)}",
            "remove them from the offices' files; git keeps their history",
        )
    for end, name in sorted(exceptions):
        if 0 <= (end - today).days <= SOON:
            yield Symptom(
                "exception-ends",
                "note",
                f"the exception of {name} ends on {until(end, today)}",
                "ask the office whether it is enough; else a new one by `komando new exception`",
            )
    past = [
        f"{one.slug} (until {one.end})"
        for one in policy.acknowledgements.values()
        if one.end < today
    ]
    if past:
        yield Symptom(
            "acknowledgement-over",
            "note",
            f"acknowledgements are over: {listed(past)}",
            "remove the files from policies/acknowledgements/; git keeps their history",
        )
    for one in policy.acknowledgements.values():
        if 0 <= (one.end - today).days <= SOON:
            yield Symptom(
                "acknowledgement-ends",
                "note",
                f"the acknowledgement {one.slug} counts until {until(one.end, today)}",
                "apply what it is for before that, or remove it",
            )
