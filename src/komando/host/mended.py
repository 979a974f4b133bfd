"""What the hours mended although neither generation nor profile had changed.

The minute's look puts right what somebody changed by hand, so nobody would ever see that it was.
Each time is written down here; the same once more is counted on its entry. That is bounded: a
program that fights with ours shall not fill the disk.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from .calendar import iso
from .durable import write
from .finding import Finding, shortened
from .records import Applied
from .typed import Any

KEPT = 100
"""Entries; the oldest go."""

DIFF_KEPT = 4096
"""Characters of diff of one entry."""

Entry = dict[str, Any]
"""time, last: ISO UTC, the first and the last time. times: how often. number: how often anything
was mended until then. generation, profile. words: what was mended, one each. diff: lines led by -
for what lacked and + for what stood instead."""


class Mended:
    """The entries of one host, the oldest first."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def entries(self, since: str = "") -> list[Entry]:
        """Those that happened at `since` (ISO UTC) or later; what cannot be read counts as none."""
        try:
            found = json.loads(self.path.read_text())
        except (FileNotFoundError, ValueError):
            return []
        if not isinstance(found, list):
            return []
        return [one for one in found if isinstance(one, dict) and one.get("last", "") >= since]

    def total(self) -> int:
        """How often anything was mended; it never falls, though the oldest entries go."""
        return _total(self.entries())

    def add(self, applied: Applied, findings: Iterable[Finding], now: datetime) -> None:
        """Writes down what was mended; raises OSError where the disk does not take it."""
        findings = list(findings)
        words = [f"{one.kind} {one.where}: {one.found}" for one in findings]
        diff = "\n".join(one.diff for one in findings if one.diff)
        what: Entry = {
            "generation": applied.generation,
            "profile": applied.profile,
            "words": words,
            "diff": shortened(diff, DIFF_KEPT),
        }
        entries = self.entries()
        number = {"number": _total(entries) + 1}
        if entries and all(entries[-1].get(key) == value for key, value in what.items()):
            entries[-1] |= {"last": iso(now), "times": entries[-1].get("times", 1) + 1} | number
        else:
            entries.append({"time": iso(now), "last": iso(now), "times": 1, **number, **what})
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write(self.path, json.dumps(entries[-KEPT:], indent=1) + "\n")


def _total(entries: list[Entry]) -> int:
    """An older program counted each entry alone."""
    if not entries:
        return 0
    counted = entries[-1].get("number")
    if isinstance(counted, int):
        return counted
    return sum(one["times"] for one in entries if isinstance(one.get("times"), int))
