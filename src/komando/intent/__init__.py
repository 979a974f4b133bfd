"""Intent: the complete, platform-neutral meaning of a policy.

`compile_intent` is pure: the same policy gives the same intent on any machine and any day.
"""

from __future__ import annotations

from komando.intent.compile import Compiled, Intent, check_sums, compile_intent
from komando.intent.model import (
    ExceptionIntent,
    Leaf,
    PoolIntent,
    Profile,
    RouterIntent,
    SegmentIntent,
    UplinkIntent,
)
from komando.intent.shaping import HtbClass, share_out, tree
from komando.intent.timeline import Transition, exception_parts
from komando.intent.written import intent_text, read_intent

__all__ = [
    "Compiled",
    "ExceptionIntent",
    "HtbClass",
    "Intent",
    "Leaf",
    "PoolIntent",
    "Profile",
    "RouterIntent",
    "SegmentIntent",
    "Transition",
    "UplinkIntent",
    "check_sums",
    "compile_intent",
    "exception_parts",
    "intent_text",
    "read_intent",
    "share_out",
    "tree",
]
