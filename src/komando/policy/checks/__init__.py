"""What only the whole can show: one module for each thing that is looked at.

Every check works on what could be read, whatever else is broken, and never stops at its first
finding. Costs are linear in the number of offices, but for one sort of the networks.
"""

from __future__ import annotations

from datetime import date

from komando.diagnostics import Diagnostic
from komando.policy.checks import (
    acknowledgements,
    calendars,
    dates,
    gateways,
    identity,
    networks,
    people,
    rates,
    references,
    uplinks,
)
from komando.policy.model import Draft
from komando.policy.today import day_in


def check_draft(draft: Draft, today: date | None) -> list[Diagnostic]:
    """All checks. `today` is for what depends on the day; without it that is left out.

    A moment stands for its day in the region's zone.
    """
    if today is not None:
        today = day_in(draft.region, today)
    found = [
        *identity.check(draft),
        *networks.check(draft),
        *rates.check(draft),
        *dates.check(draft, today),
        *acknowledgements.check(draft, today),
        *people.check(draft),
    ]
    if draft.region is not None:
        found += references.check(draft, draft.region)
        found += calendars.check(draft, draft.region)
        found += gateways.check(draft, draft.region)
        found += uplinks.check(draft, draft.region)
        found += rates.check_pools(draft, draft.region)
        found += dates.check_covered(draft, draft.region, today)
    return found
