"""Policies: YAML files with positions, their models, and the checks of the whole."""

from __future__ import annotations

from komando.policy.load import Loaded, load_policy
from komando.policy.model import Policy
from komando.policy.regions import Calendar, Days, Period, Pool, Region, Segment, Uplink
from komando.policy.sites import Hotspot, Link, OfficeException, Opd
from komando.policy.today import day_in

__all__ = [
    "Calendar",
    "Days",
    "Hotspot",
    "Link",
    "Loaded",
    "OfficeException",
    "Opd",
    "Period",
    "Policy",
    "Pool",
    "Region",
    "Segment",
    "Uplink",
    "day_in",
    "load_policy",
]
