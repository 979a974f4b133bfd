"""Acknowledgements: of a finding that there is and that may be accepted, for a bounded time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from komando.diagnostics import Diagnostic
from komando.documents.near import nearest
from komando.policy.acknowledgements import (
    ACKNOWLEDGEABLE,
    LONGEST_DAYS,
    NEVER,
    Acknowledgement,
)
from komando.policy.model import Draft

LONG_OVER_DAYS = 31
"""Days after its end from which on an acknowledgement should be removed."""


def check(draft: Draft, today: date | None) -> Iterator[Diagnostic]:
    """Each by itself; whether it is of a finding that stands now, only a plan can say."""
    for item in draft.acknowledgements.values():
        yield from _finding(draft, item)
        if draft.sure("acknowledgements", item.slug, "requested", "date"):
            yield from _days(draft, item)
        if today is not None and (today - item.end).days > LONG_OVER_DAYS:
            yield Diagnostic(
                "acknowledgement-over",
                "warning",
                f"an acknowledgement that ended {(today - item.end).days} days ago",
                found=f"until {item.end}",
                expected="acknowledgements that still count",
                remedy="remove it; git and the ledger keep its history",
                location=draft.where("acknowledgements", item.slug, "until"),
            )


def _finding(draft: Draft, item: Acknowledgement) -> Iterator[Diagnostic]:
    at = draft.where("acknowledgements", item.slug, "finding")
    if item.finding in NEVER:
        yield Diagnostic(
            "finding-never",
            "error",
            f"`{item.finding}` can never be acknowledged",
            found=item.finding,
            expected=f"one of {', '.join(sorted(ACKNOWLEDGEABLE))}",
            remedy=f"change what the plan finds: docs/safety/{item.finding}.md says how; "
            "then remove this file",
            location=at,
        )
    elif item.finding not in ACKNOWLEDGEABLE:
        near = nearest(item.finding, sorted(ACKNOWLEDGEABLE))
        yield Diagnostic(
            "finding-unknown",
            "error",
            "a finding that no plan has",
            found=item.finding,
            expected=f"one of {', '.join(sorted(ACKNOWLEDGEABLE))}",
            remedy=f"did you mean `{near}`?" if near else "copy it from `komando plan`",
            location=at,
        )


def _days(draft: Draft, item: Acknowledgement) -> Iterator[Diagnostic]:
    at = draft.where("acknowledgements", item.slug, "until")
    span = f"{item.requested.date} to {item.end}"
    days = (item.end - item.requested.date).days
    if days < 0:
        yield Diagnostic(
            "dates-order",
            "error",
            "days that end before they begin",
            found=span,
            expected="`until` on the day of the request or later",
            remedy="swap the two, or look at the year",
            location=at,
        )
    elif days > LONGEST_DAYS:
        yield Diagnostic(
            "acknowledgement-long",
            "error",
            f"an acknowledgement for {days} days",
            found=span,
            expected=f"at most {LONGEST_DAYS} days from the request on",
            remedy="end it when the change is applied, some days from now; what has to wait for "
            "longer is acknowledged anew",
            location=at,
        )
