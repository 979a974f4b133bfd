"""The plan: what an apply would change, in offices and Mbit/s, and the line of policy behind it."""

from __future__ import annotations

from komando.plan.acknowledge import idle
from komando.plan.comment import COMMENT_LIMIT, SUMMARY_LIMIT, Setting, comment, summary
from komando.plan.inert import code, inert
from komando.plan.make import make_plan
from komando.plan.markdown import markdown
from komando.plan.model import (
    Around,
    Change,
    Cut,
    Detail,
    FileChange,
    Finding,
    HostPlan,
    Hours,
    Move,
    Overuse,
    Plan,
    Reach,
    Shift,
    Traffic,
)
from komando.plan.narration import refusal
from komando.plan.overuse import asks_for_usage
from komando.plan.record import Promise, StalePlanError, hold_to, promised, to_json
from komando.plan.safety import assess
from komando.plan.text import APPLY, text_lines
from komando.plan.wording import Where

__all__ = [
    "APPLY",
    "COMMENT_LIMIT",
    "SUMMARY_LIMIT",
    "Around",
    "Change",
    "Cut",
    "Detail",
    "FileChange",
    "Finding",
    "HostPlan",
    "Hours",
    "Move",
    "Overuse",
    "Plan",
    "Promise",
    "Reach",
    "Setting",
    "Shift",
    "StalePlanError",
    "Traffic",
    "Where",
    "asks_for_usage",
    "assess",
    "code",
    "comment",
    "hold_to",
    "idle",
    "inert",
    "make_plan",
    "markdown",
    "promised",
    "refusal",
    "summary",
    "text_lines",
    "to_json",
]
