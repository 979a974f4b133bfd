"""Time zones by name: the same set on every machine, whatever its own database has beside them.

A machine's database also has names of its own (`localtime`, `posixrules`), copies (`posix/`,
`right/`) and names of the past that Debian and Ubuntu have moved to another package. So the names
are listed here; only what a zone means is the machine's.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from komando.units import Unfit

_NAMES = Path(__file__).with_name("data") / "zones.txt"
_DISTANCE = re.compile(r"\s*+(?:GMT|UTC|Etc/GMT)?\s*+[+-]?[0-9]", re.IGNORECASE)
_OWN = {"WIB": "Asia/Jakarta", "WITA": "Asia/Makassar", "WIT": "Asia/Jayapura"}


@cache
def zones() -> frozenset[str]:
    """The places of the IANA database, as `Asia/Pontianak`, and UTC."""
    lines = _NAMES.read_text(encoding="ascii").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


def read_zone(value: Any) -> str:
    """The name of a zone whose hours this machine knows. Raises `Unfit`."""
    if not isinstance(value, str) or value not in zones():
        raise Unfit(
            "zone-unknown",
            "an unknown time zone",
            expected="a zone of the IANA database, as `Asia/Pontianak`",
            remedy=_near(str(value)),
        )
    try:
        return ZoneInfo(value).key
    except (ValueError, OSError, LookupError):
        raise Unfit(
            "zone-unknown",
            "a time zone that this machine knows nothing of",
            expected="the IANA database on this machine",
            remedy="install the package tzdata, or its newest version",
        ) from None


def _near(text: str) -> str:
    from difflib import get_close_matches

    if _DISTANCE.match(text):
        return "a zone is a place, not a distance from Greenwich, as `Asia/Pontianak`"
    near = _OWN.get(text.upper()) or next(
        iter(get_close_matches(text[:100], sorted(zones()), n=1, cutoff=0.6)), None
    )
    if near is None:
        return "Indonesia has Asia/Jakarta, Asia/Pontianak, Asia/Makassar and Asia/Jayapura"
    return f"did you mean `{near}`?"
