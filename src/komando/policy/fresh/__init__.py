"""New policies: which numbers and addresses are free, and how a file of them is written."""

from komando.policy.fresh.allot import Allotted, NoRoomError, allot, next_id
from komando.policy.fresh.insert import NoPlaceError, with_exception
from komando.policy.fresh.write import FreshException, FreshHotspot, FreshOpd

__all__ = [
    "Allotted",
    "FreshException",
    "FreshHotspot",
    "FreshOpd",
    "NoPlaceError",
    "NoRoomError",
    "allot",
    "next_id",
    "with_exception",
]
