"""Which traffic classes of the router change: seen by the kernel's own notices, not by our word."""

from __future__ import annotations

import re
import time
from pathlib import Path

from komando.lab.city import City
from komando.lab.measure.crew import Crew
from komando.lab.measure.results import ClassChange

_NOTICE = re.compile(r"^(?:deleted )?class htb (\S+) dev (\S+) ", re.MULTILINE)
_TREE = re.compile(r"^(?:deleted )?qdisc htb \S+ dev \S+ root", re.MULTILINE)
_SETTLE = 0.3
"""Seconds from a change to its notice on disk, with room to spare on a busy machine."""


class Witness:
    """Listens to the router's kernel (`tc monitor`) from now on."""

    def __init__(self, city: City, crew: Crew, folder: Path) -> None:
        self._crew = crew
        self._notes = folder / "witness"
        self._child = crew.spawn([*city.place.enter("router"), "tc", "monitor"], self._notes)
        time.sleep(_SETTLE)

    def finish(self) -> tuple[tuple[ClassChange, ...], bool]:
        """The classes that changed, sorted, and whether a whole tree was built anew."""
        time.sleep(_SETTLE)
        self._crew.dismiss([self._child])
        return parse_notices(self._notes.read_text())


def parse_notices(text: str) -> tuple[tuple[ClassChange, ...], bool]:
    """The classes in the notices of `tc monitor`, each once, and whether a root came or went."""
    seen = {ClassChange(device, class_id) for class_id, device in _NOTICE.findall(text)}
    return tuple(sorted(seen)), _TREE.search(text) is not None
