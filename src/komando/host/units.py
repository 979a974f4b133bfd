"""The units that roles lay: whether they run as they should; the program starts its own again.

A generation holds no unit, and this program lays and changes none (roles do). But without its
timer nothing else of it holds for long: a repair enables and starts what stands and is stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from .finding import Finding
from .kernel import run

TIMER = "komando-hours.timer"
OURS = (TIMER, "komando-hours.service", "komando-boot.service")
FLUSHER = "nftables.service"
"""Debian's: its start and its stop flush every table."""

_ASKED = "Id,LoadState,ActiveState,UnitFileState,DropInPaths,NeedDaemonReload"
_TEXT_LIMIT = 4096

Unit = Mapping[str, str]


class Units:
    """The units of the machine whose root is `root`; none where systemd does not run."""

    def __init__(self, root: Path) -> None:
        self.runs = (root / "run/systemd/system").is_dir()

    def findings(self) -> list[Finding]:
        """What of them is otherwise than the roles leave it."""
        return list(unit_findings(self._ask(*OURS, FLUSHER), _dropped_in)) if self.runs else []

    def mend(self) -> list[str]:
        """Enables and starts what is not of our own; says what it did. Raises CommandError."""
        if not self.runs:
            return []
        said: list[str] = []
        found = {name: unit for name, unit in self._ask(*OURS).items() if _laid(unit)}
        if off := [name for name, unit in found.items() if unit["UnitFileState"] != "enabled"]:
            run(["systemctl", "--quiet", "enable", *off])
            said.append(f"enabled {', '.join(off)}")
        if TIMER in found and found[TIMER]["ActiveState"] != "active":
            run(["systemctl", "start", TIMER])
            said.append(f"started {TIMER}")
        return said

    @staticmethod
    def _ask(*names: str) -> dict[str, Unit]:
        return parse_units(run(["systemctl", "show", f"--property={_ASKED}", *names]))


def parse_units(shown: str) -> dict[str, Unit]:
    """What `systemctl show` says of some units, by name."""
    units: dict[str, Unit] = {}
    for block in shown.strip().split("\n\n"):
        values = dict(line.partition("=")[::2] for line in block.splitlines())
        units[values["Id"]] = values
    return units


def _laid(unit: Unit) -> bool:
    return unit["LoadState"] == "loaded"


def _dropped_in(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")[:_TEXT_LIMIT]
    except OSError as error:
        return str(error)


def unit_findings(
    units: Mapping[str, Unit], read: Callable[[str], str] = _dropped_in
) -> Iterator[Finding]:
    """What differs; the text of drop-ins comes by `read`."""
    for name in OURS:
        unit = units[name]
        if not _laid(unit):
            words = f"it is {unit['LoadState']}"
            yield Finding("unit", name, "it stands and is enabled", words, mend="role")
            continue
        if (state := unit["UnitFileState"]) != "enabled":
            yield Finding("unit", name, "enabled", state or "neither enabled nor disabled")
        yield from _running(name, unit["ActiveState"])
        for path in unit["DropInPaths"].split():
            text = "\n".join(f"+{line}" for line in read(path).splitlines())
            yield Finding("unit", name, "no drop-in", path, text, mend="role")
        if unit["NeedDaemonReload"] == "yes":
            words = "it was changed on the disk since systemd read it"
            yield Finding("unit", name, "as systemd has it", words, mend="role")
    flusher = units[FLUSHER]
    if flusher["LoadState"] not in ("masked", "not-found"):
        words = f"it is {flusher['UnitFileState'] or flusher['LoadState']}"
        yield Finding("unit", FLUSHER, "masked: it flushes every table", words, mend="role")
    elif flusher["ActiveState"] == "active":
        # it was started before it was masked: to stop it now would flush
        words = "it counts as running since before it was masked"
        yield Finding("unit", FLUSHER, "masked", words, drift=False, mend="console")


def _running(name: str, state: str) -> Iterator[Finding]:
    if name == TIMER:
        if state != "active":
            yield Finding("unit", name, "active", state)
    elif state == "failed":
        # why is told by what it could not mend; it runs again within the minute
        words = f"its last run failed: journalctl -u {name}"
        yield Finding("unit", name, "its last run came to its end", words, drift=False)
