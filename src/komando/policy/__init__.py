"""Policies: YAML files with positions, their models, and the checks of the whole."""

from __future__ import annotations

from komando.policy.acknowledgements import ACKNOWLEDGEABLE, NEVER, Acknowledgement, Requested
from komando.policy.alone import read_people
from komando.policy.limits import Limit, Limits
from komando.policy.load import Loaded, load_policy
from komando.policy.model import Policy
from komando.policy.people import PEOPLE, People, Person, Role, find
from komando.policy.regions import Calendar, Days, Period, Pool, Region, Segment, Uplink
from komando.policy.signers import allowed_signers
from komando.policy.sites import Hotspot, Link, OfficeException, Opd
from komando.policy.today import day_in

__all__ = [
    "ACKNOWLEDGEABLE",
    "NEVER",
    "PEOPLE",
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
    "People",
    "Period",
    "Person",
    "Policy",
    "Pool",
    "Region",
    "Requested",
    "Role",
    "Segment",
    "Uplink",
    "allowed_signers",
    "day_in",
    "find",
    "load_policy",
    "read_people",
]
