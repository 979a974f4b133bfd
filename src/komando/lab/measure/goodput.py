"""What iperf3 itself says of the seconds that were counted. Pure, but for the reading of files."""

from __future__ import annotations

import os
import re
from pathlib import Path

# `[  5]   3.00-4.00   sec   119 KBytes   975 Kbits/sec`, as iperf3 3.12 prints it with `-f k`
_INTERVAL = re.compile(
    r"^\[\s*(\d+|SUM)\]\s+([\d.]+)-([\d.]+)\s+sec\s+[\d.]+ [KMG]?Bytes\s+([\d.]+) Kbits/sec",
    re.MULTILINE,
)


def parse_goodput(text: str) -> int | None:
    """bit/s, the mean over the intervals in a piece of iperf3's output; None without any.

    With several streams only the lines of their sum count.
    """
    found = _INTERVAL.findall(text)
    found = [one for one in found if one[0] == "SUM"] or found
    # a summary of the whole run spans many seconds: only the reports of single ones count
    spans = [(float(end) - float(start), float(rate)) for _, start, end, rate in found]
    short = [(span, rate) for span, rate in spans if 0 < span < 1.5]
    seconds = sum(span for span, _ in short)
    if not seconds:
        return None
    return round(sum(span * rate for span, rate in short) / seconds * 1000)


def has_flowed(text: str) -> bool:
    """Whether iperf3 has told of an interval in which data came."""
    return any(float(rate) > 0 for *_, rate in _INTERVAL.findall(text))


class Tail:
    """What a growing file gains from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._from = path.stat().st_size if path.exists() else 0

    def text(self) -> str:
        """The whole lines that came since."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._from, os.SEEK_SET)
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""
