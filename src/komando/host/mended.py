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
"""time, last: ISO UTC, the first and the last time. times: how often. generation, profile. words:
what was mended, one each. diff: lines led by - for what lacked and + for what stood instead."""


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
        if entries and all(entries[-1].get(key) == value for key, value in what.items()):
            entries[-1] |= {"last": iso(now), "times": entries[-1].get("times", 1) + 1}
        else:
            entries.append({"time": iso(now), "last": iso(now), "times": 1, **what})
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write(self.path, json.dumps(entries[-KEPT:], indent=1) + "\n")
