"""Why an office is slow: what its router answered at one moment, and what that comes to."""

from __future__ import annotations

from komando.status.answer import Address, Flow, Office, Pool, RouterStatus, Uplink, read_status
from komando.status.judge import judge, notes
from komando.status.rules import PAGE, Verdict, spelt_rate, wants_more

__all__ = [
    "PAGE",
    "Address",
    "Flow",
    "Office",
    "Pool",
    "RouterStatus",
    "Uplink",
    "Verdict",
    "judge",
    "notes",
    "read_status",
    "spelt_rate",
    "wants_more",
]
