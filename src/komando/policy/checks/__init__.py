"""What only the whole can show: one module for each thing that is looked at."""

from __future__ import annotations

from datetime import date

from komando.diagnostics import Diagnostic
from komando.policy.model import Draft


def check_draft(draft: Draft, today: date | None) -> list[Diagnostic]:
    """All checks over what could be read."""
    return []
