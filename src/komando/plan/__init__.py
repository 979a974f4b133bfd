"""The plan: what an apply would change, in offices and Mbit/s, and the line of policy behind it."""

from __future__ import annotations

from komando.plan.make import make_plan
from komando.plan.markdown import markdown
from komando.plan.model import (
    Change,
    Detail,
    FileChange,
    HostPlan,
    Hours,
    Move,
    Plan,
    Shift,
    Traffic,
)
from komando.plan.record import Promise, StalePlanError, hold_to, promised, to_json
from komando.plan.text import text_lines
from komando.plan.wording import Where

__all__ = [
    "Change",
    "Detail",
    "FileChange",
    "HostPlan",
    "Hours",
    "Move",
    "Plan",
    "Promise",
    "Shift",
    "StalePlanError",
    "Traffic",
    "Where",
    "hold_to",
    "make_plan",
    "markdown",
    "promised",
    "text_lines",
    "to_json",
]
