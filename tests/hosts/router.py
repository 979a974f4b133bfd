"""What is read of a router, and what its bundle wants: both as plain data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any

from testinfra.host import Host

from komando import generation
from komando.bundle import Bundle
from komando.host.calendar import parse_calendar
from komando.host.standing import LATE_SECONDS
from komando.intent import read_intent

GRACE = timedelta(seconds=LATE_SECONDS)
"""How long after a boundary of the calendar the profile before may still be in force."""

UNITS = {"bit": 1, "Kbit": 10**3, "Mbit": 10**6, "Gbit": 10**9, "Tbit": 10**12}

WANTED_CLASS = re.compile(r"class (?:add|change) dev \S+ parent (\S+) classid (\S+) htb (.+)")
LIVE_CLASS = re.compile(
    r"class htb (\S+) (?:root|parent (\S+)) .*?rate (\d+)(\w+) ceil (\d+)(\w+) .*", re.ASCII
)


@dataclass(frozen=True)
class HtbClass:
    """One class; rates in bit/s."""

    parent: str
    rate: int
    ceil: int

    def like(self, other: HtbClass) -> bool:
        """Whether both are the same, but for tc's rounding (three digits, whole bytes)."""
        pairs = ((self.rate, other.rate), (self.ceil, other.ceil))
        return self.parent == other.parent and all(
            abs(a - b) <= max(8, max(a, b) // 500) for a, b in pairs
        )


class Router:
    """A host under test, and its bundle. One of a `lab` may live at a rehearsed moment."""

    def __init__(self, host: Host, bundle: Bundle, *, lab: bool) -> None:
        self.host = host
        self.bundle = bundle
        self.lab = lab
        self.intent = read_intent(bundle.text(generation.INTENT))
        names = json.loads(bundle.text(generation.ROUTER))
        self.uplink: str = names["uplink"]
        self.lans: list[str] = names["lans"]
        self.ifb: str = names["ifb"]
        self.devices = {"down": self.ifb, "up": self.uplink}

    @cached_property
    def observed(self) -> dict[str, Any]:
        """The host program's own words."""
        answer = self.host.check_output("sudo -n %s observe", generation.PROGRAM)
        found: dict[str, Any] = json.loads(answer)
        return found

    @property
    def profile(self) -> str:
        """The profile that the host says is in force."""
        return str(self.observed["profile"])

    def now(self) -> datetime:
        """The moment by which its profile is judged: its clock's, or in a lab a rehearsed one."""
        if self.lab and self.observed["clock"] is not None:
            return datetime.fromisoformat(self.observed["clock"])
        return datetime.fromtimestamp(int(self.host.check_output("date +%s")), UTC)

    def due(self) -> set[str]:
        """The profiles that may be in force now: one, and at a boundary the one before, too."""
        calendar = parse_calendar(self.bundle.text(generation.CALENDAR))
        return {calendar.at(self.now()), calendar.at(self.now() - GRACE)}

    def wanted_classes(self, direction: str) -> dict[str, HtbClass]:
        """The classes of one tree under the profile in force, by id."""
        tree = {"down": generation.DOWNLOAD, "up": generation.UPLOAD}[direction]
        profile = f"{generation.PROFILES}/{self.profile}.{direction}.tc"
        found = {}
        for path in (tree, profile):
            for line in self.lines(path):
                if match := WANTED_CLASS.fullmatch(line):
                    words = match[3].split()
                    values = dict(zip(words[::2], words[1::2], strict=True))
                    rates = (int(values[key].removesuffix("bit")) for key in ("rate", "ceil"))
                    found[match[2]] = HtbClass(match[1], *rates)
        return found

    def live_classes(self, direction: str) -> dict[str, HtbClass]:
        """The classes that the kernel has, by id."""
        text = self.host.check_output("/usr/sbin/tc class show dev %s", self.devices[direction])
        found = {}
        for line in text.splitlines():
            if match := LIVE_CLASS.fullmatch(line):
                rate, ceil = (int(match[n]) * UNITS[match[n + 1]] for n in (3, 5))
                found[match[1]] = HtbClass(match[2] or "1:", rate, ceil)
        return found

    def wanted_leaves(self, direction: str) -> dict[str, str]:
        """The kind of queue in each class that has one."""
        path = {"down": generation.DOWNLOAD, "up": generation.UPLOAD}[direction]
        pattern = re.compile(r"qdisc add dev \S+ parent (\S+) handle \S+ (\S+).*")
        matches = (pattern.fullmatch(line) for line in self.lines(path))
        return {match[1]: match[2] for match in matches if match}

    def live_qdiscs(self, device: str) -> list[dict[str, Any]]:
        """The queues of a device, with their counters."""
        command = "/usr/sbin/tc -s -j qdisc show dev %s"
        found: list[dict[str, Any]] = json.loads(self.host.check_output(command, device))
        return found

    def wanted_routes(self) -> set[tuple[str, str, str]]:
        """Destination, gateway and device of each route of the bundle.

        A route that leads nowhere has its kind, `blackhole`, in place of a gateway, and no device.
        """
        found = set()
        for line in self.lines(generation.NETWORK):
            words = line.removeprefix("-6 ").split()
            if words[:3] == ["route", "replace", "blackhole"]:
                found.add((_destination(words[3]), "blackhole", ""))
            elif words[:2] == ["route", "replace"]:
                after = dict(pairwise(words))
                found.add((_destination(words[2]), after["via"], after["dev"]))
        return found

    def live_routes(self) -> set[tuple[str, str, str]]:
        """The same of the kernel, both families."""
        found = set()
        for family in ("-4", "-6"):
            text = self.host.check_output("/usr/sbin/ip %s -j route show proto 75", family)
            for route in json.loads(text):
                way = route.get("gateway", route.get("type", ""))
                found.add((_destination(route["dst"]), way, route.get("dev", "")))
        return found

    def lines(self, path: str) -> Iterator[str]:
        """The lines of a file of the bundle, without comments."""
        for line in self.bundle.text(path).splitlines():
            if line.strip() and not line.startswith("#"):
                yield line.strip()


def _destination(text: str) -> str:
    """As ip shows it: the default by its name, a single address without its length."""
    named = {"0.0.0.0/0": "default", "::/0": "default"}.get(text, text)
    return named.removesuffix("/128" if ":" in named else "/32")
