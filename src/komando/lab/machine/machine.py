"""One virtual machine that is a lab's router: its power, its clock, its console."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from komando.inventory import Access, Host
from komando.lab.city import City
from komando.lab.container import ADMINISTRATOR, access, ssh_command
from komando.lab.groups import processes_in
from komando.lab.machine import qemu
from komando.lab.machine.qemu import Hardware
from komando.lab.place import LabError, Place
from komando.lab.wiring import end_processes

PATIENCE = 300.0
"""Seconds until ssh must answer after a boot; 13 on two idle cores, 70 where they have 8 users."""


@dataclass(frozen=True)
class Machine:
    """A city's router that has a kernel, a disk and a clock of its own.

    What it does not write to its disk is gone with its power, as on any machine.
    """

    city: City
    kernel: Path

    @property
    def place(self) -> Place:
        """The lab's names and folders."""
        return self.city.place

    @property
    def host(self) -> Host:
        """What the inventory says of it."""
        return self.city.router

    @property
    def access(self) -> Access:
        """How `komando apply` reaches it."""
        return self.city.access

    @property
    def inventory(self) -> Path:
        """The folder of the lab's own inventory, for `--inventory`."""
        return self.place.folder / "inventories" / "lab"

    @property
    def policies(self) -> Path:
        """The folder of the lab's own policies, for `--policies`."""
        return self.place.folder / "policies"

    @property
    def disk(self) -> Path:
        """What it wrote, over the disk that it was given."""
        return self.place.folder / "machine" / "disk.qcow2"

    @property
    def is_on(self) -> bool:
        """Whether it has power."""
        return bool(processes_in(self.place))

    def run(self, command: str, *, check: bool = True) -> str:
        """Run a command as its administrator, over ssh; returns what it printed.

        Raises LabError when it fails, unless `check` is False.
        """
        done = self._ssh(command)
        if check and done.returncode:
            words = (done.stderr or done.stdout).strip() or "it said nothing"
            raise LabError(f"{self.host.name}: `{command}` ended with {done.returncode}: {words}")
        return done.stdout

    def console(self) -> str:
        """All that its kernel and systemd said at its serial console, since it was first on."""
        try:
            return self._hardware.console.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def boot(self) -> str:
        """The id of the boot that it lives in; each has another."""
        return self.run("cat /proc/sys/kernel/random/boot_id").strip()

    def wait_for_ssh(self, patience: float = PATIENCE, *, after: str = "") -> float:
        """Wait until its ssh answers, in another boot than `after`; returns the seconds it took.

        Raises LabError, with the console's last words, when it has no power or does not answer.
        """
        begun = time.monotonic()
        while True:
            tried = self._ssh("cat /proc/sys/kernel/random/boot_id")
            waited = time.monotonic() - begun
            if tried.returncode == 0 and tried.stdout.strip() != after:
                return waited
            if not self.is_on or waited > patience:
                why = "does not answer ssh" if self.is_on else "has no power"
                last = "\n".join(self.console().strip().splitlines()[-15:])
                raise LabError(f"{self.host.name} {why} ({tried.stderr.strip()}): {last}")
            time.sleep(0.1)

    def power_on(self, *, wait: bool = True) -> None:
        """Boot it from its disk; with `wait`, until ssh answers.

        Raises LabError when it has power already.
        """
        if self.is_on:
            raise LabError(f"{self.host.name} has power already")
        qemu.start(self.place, self._hardware)
        if wait:
            self.wait_for_ssh()

    def power_cut(self) -> None:
        """Take its power, at once: what it had not yet flushed to its disk may be lost."""
        end_processes(lambda: processes_in(self.place), f"of {self.host.name}")

    def power_off(self) -> None:
        """Shut it down properly; returns when it has no power. Raises LabError after a while."""
        self.run("systemctl poweroff", check=False)
        until = time.monotonic() + PATIENCE
        while self.is_on:
            if time.monotonic() > until:
                raise LabError(f"{self.host.name} does not shut down: {self.console()[-500:]}")
            time.sleep(0.1)

    def reboot(self, *, wait: bool = True) -> None:
        """Reboot it properly; with `wait`, until ssh answers again."""
        before = self.boot()
        self.run("systemctl reboot", check=False)
        if wait:
            self.wait_for_ssh(after=before)

    @property
    def _hardware(self) -> Hardware:
        return Hardware(
            kernel=self.kernel,
            disk=self.disk,
            console=self.disk.with_name("console.log"),
            cards=len(self.city.topology.interfaces("router")),
        )

    def _ssh(self, command: str) -> subprocess.CompletedProcess[str]:
        way = access(self.place, "root", ADMINISTRATOR)
        return subprocess.run(
            [*ssh_command(way, self.host), command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
