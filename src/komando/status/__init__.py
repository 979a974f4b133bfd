"""Why an office is slow: what its router answered at one moment, and what that comes to."""

from __future__ import annotations

from komando.status.answer import (
    Address,
    Flow,
    Line,
    Office,
    Pool,
    RouterStatus,
    Uplink,
)
from komando.status.judge import judge, office_notes, router_notes
from komando.status.reading import read_status
from komando.status.rules import Verdict, spelt_rate

__all__ = [
    "Address",
    "Flow",
    "Line",
    "Office",
    "Pool",
    "RouterStatus",
    "Uplink",
    "Verdict",
    "judge",
    "office_notes",
    "read_status",
    "router_notes",
    "spelt_rate",
]
