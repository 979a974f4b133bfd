"""A virtual machine in the window of a change: what is plotted inside it, and how it stands after.

A plot runs inside the machine and speaks by its serial console, so that it needs no network. All
that one wants to know is asked in one go: each login costs a second where every instruction is
translated, and each run of the host program three.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from komando.lab.machine.machine import Machine
from tests.lab.desk import Desk, Done, Running
from tests.lab.hamlet import ROUTER, write_inventory
from tests.lab.scene import CUTS_SSH, GUARD, STATE, SUM_UP, chained

AMPLE = 300
"""Seconds of a window that does not run out: its change is confirmed, or a restart ends it."""

LEAST = 15
"""Seconds of a window that runs out, on two idle cores: the change is made after half of them."""

REST = 300.0
"""Seconds in which it has to come to rest; 10 on two idle cores."""

MADE = '[ "$(readlink current)" != "$was" ]'
CUT_OFF = (
    f"{MADE} && nft list chain inet komando_guard input | grep -qx '[[:space:]]*drop'"
    " && flock -n /run/komando/lock true"
)
"""When a plot begins: the change is being made; and it is made, and has cut ssh."""

_PLOT = """\
cd {state}
was=$(readlink current)
say() {{ echo "plot $*" >/dev/ttyS0; }}
up() {{ cut -d' ' -f1 /proc/uptime; }}
until [ -e pending ]; do sleep 0.1; done
say armed $(up)
until {when}; do sleep 0.1; done
{deed}
say begun $(up)
while [ -e pending ]; do sleep 0.1; done
say closed $(up)
"""

_KNOCK = """\
import socket, time
while True:
    try:
        with socket.create_connection(("{address}", 22), 1) as one:
            one.settimeout(5)
            if one.recv(99).startswith(b"SSH-2.0-"):
                break
    except OSError:
        time.sleep(0.1)
"""

_LOOK = f"""\
date +%s; cat /proc/sys/kernel/random/boot_id
readlink {STATE}/current; (cd {STATE}/current/ && {SUM_UP}); cat {STATE}/record
"""


@dataclass(frozen=True)
class Look:
    """How the machine stands: its clock, its boot, its generation with its sum, its record.

    `observed` is what its host program says of itself, unless that was not asked.
    """

    clock: float
    boot: str
    generation: str
    sum: str
    record: list[dict[str, Any]]
    observed: dict[str, Any]

    @property
    def rests(self) -> bool:
        """Whether it runs one whole generation, and nothing is pending."""
        assert self.generation == self.sum, "a generation is not whole"
        said = self.observed
        at_rest = said["kernel"] == "ok" and said["pending"] is None
        return bool(at_rest and said["generation"] == self.generation)


@dataclass(frozen=True)
class Plot:
    """What was plotted, and what it has said since."""

    machine: Machine
    since: int

    def until(self, word: str) -> float:
        """Waits for a word of it; returns the number that stands behind it."""
        deadline = time.monotonic() + REST
        while not (said := re.search(rf"plot {word} ([\d.]+)", self._said())):
            assert time.monotonic() < deadline, f"no {word!r}: {self._said()[-500:]}"
            time.sleep(0.05)
        return float(said[1])

    def _said(self) -> str:
        return self.machine.console()[self.since :]


@dataclass(frozen=True)
class Rig(Desk):
    """The machine, with policies that a test may edit."""

    machine: Machine
    folder: Path
    pace: float = LEAST
    """Seconds that an apply takes here and now: a dozen on two idle cores, more on busy ones."""

    @property
    def lab(self) -> str:
        """The lab's name."""
        return self.machine.place.name

    @property
    def window(self) -> int:
        """Seconds of a window that runs out: as few as the change can be made in."""
        return max(LEAST, round(self.pace))

    def edit(self, rate: int) -> None:
        """The village's guarantee, in Mbit/s."""
        path = self.policies / "opd" / "village.yaml"
        path.write_text(re.sub(r"guarantee: \d+", f"guarantee: {rate}", path.read_text()))

    @property
    def slowness(self) -> float:
        """How much longer things take than on two idle cores; 1 at least."""
        return max(1.0, self.pace / LEAST)

    def apply_well(self) -> Done:
        """Apply what the policies say, and wait for its end."""
        write_inventory(self.inventory, AMPLE)
        return self.apply()

    def cut_off(self, within: int = AMPLE) -> Running:
        """Start an apply that cuts ssh, for so many seconds at most."""
        write_inventory(self.inventory, within)
        return self.start("apply", "--no-verify", spoil={ROUTER: {GUARD: CUTS_SSH}})

    def plot(self, when: str, deed: str = "") -> Plot:
        """Plot a deed for the window of the next change: commands of its shell."""
        plot = Plot(self.machine, len(self.machine.console()))
        script = _PLOT.format(state=STATE, when=when, deed=deed)
        run = "systemd-run --quiet --collect sh /run/plot"
        self.machine.run(f"echo {shlex.quote(script)} >/run/plot && {run}")
        return plot

    def knock(self) -> None:
        """Wait until a fresh connection gets ssh's banner; the machine's journal notes it."""
        script = _KNOCK.format(address=self.machine.host.address)
        command = [*self.machine.access.prefix, "python3", "-c", script]
        subprocess.run(command, check=True, timeout=REST)

    def look(self, *, thorough: bool = False) -> Look:
        """How it stands now; `thorough` asks its host program, too."""
        first = "komando-host observe\n" if thorough else "echo {}\n"
        observed, clock, boot, link, total, *record = self.machine.run(first + _LOOK).splitlines()
        return Look(
            clock=float(clock),
            boot=boot,
            generation=Path(link).name,
            sum=total.split()[0],
            record=chained("\n".join(record)),
            observed=json.loads(observed),
        )

    def comes_to_rest(self) -> Look:
        """How it stands once it rests, which has to be soon."""
        deadline = time.monotonic() + REST
        while not (look := self.look(thorough=True)).rests:
            assert time.monotonic() < deadline, look.observed
        return look
