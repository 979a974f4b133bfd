"""Policies: YAML files with positions, their models, and the checks of the whole."""

from __future__ import annotations

from komando.policy.acknowledgements import ACKNOWLEDGEABLE, NEVER, Acknowledgement, Requested
from komando.policy.limits import Limit, Limits
from komando.policy.load import Loaded, load_policy
from komando.policy.model import Policy
from komando.policy.regions import Calendar, Days, Period, Pool, Region, Segment, Uplink
from komando.policy.sites import Hotspot, Link, OfficeException, Opd
from komando.policy.today import day_in

__all__ = [
    "ACKNOWLEDGEABLE",
    "NEVER",
    "Acknowledgement",
    "Calendar",
    "Days",
    "Hotspot",
    "Limit",
    "Limits",
    "Link",
    "Loaded",
    "OfficeException",
    "Opd",
    "Period",
    "Policy",
    "Pool",
    "Region",
    "Requested",
    "Segment",
    "Uplink",
    "day_in",
    "load_policy",
]
