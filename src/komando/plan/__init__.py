"""The plan: what an apply would change, in offices and Mbit/s, and the line of policy behind it."""

from __future__ import annotations

from komando.plan.make import make_plan
from komando.plan.model import (
    Change,
    Detail,
    FileChange,
    HostPlan,
    Hours,
    Plan,
    Shift,
    Traffic,
)
from komando.plan.wording import Where

__all__ = [
    "Change",
    "Detail",
    "FileChange",
    "HostPlan",
    "Hours",
    "Plan",
    "Shift",
    "Traffic",
    "Where",
    "make_plan",
]
