"""One router of a fleet, in the hands of somebody who stands beside it: power, cables, console."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from komando.inventory import Host
from komando.lab.container import (
    ADMINISTRATOR,
    Boot,
    access,
    seed_of,
    ssh_command,
    start,
    wait_for_ssh,
)
from komando.lab.fleet.disks import fill_disk, folder_of, free_disk, within
from komando.lab.fleet.fleet import Fleet
from komando.lab.fleet.network import SWITCH, cut_between, mend_between, set_link
from komando.lab.fleet.papers import CONTROLLER
from komando.lab.groups import groups_of, processes_in, remove_groups
from komando.lab.place import LabError, Place
from komando.lab.topology import MANAGEMENT

PATIENCE = 60.0
"""Seconds that routers have for a boot: twelve at once on two busy cores take ten."""

CONTROLLER_SIDE = "controller"
"""In place of a neighbour's name: the way to the controller."""


@dataclass(frozen=True)
class Machine:
    """A router of a fleet, by its name. Raises LabError where the fleet has none of that name."""

    fleet: Fleet
    name: str

    def __post_init__(self) -> None:
        self.fleet.require(self.name)

    @property
    def host(self) -> Host:
        """What the inventory says of it."""
        return self.fleet.routers[self.name]

    @property
    def _place(self) -> Place:
        return self.fleet.place

    @property
    def is_on(self) -> bool:
        """Whether it has power."""
        return bool(processes_in(self._place, self.name))

    def run(self, command: str, *, check: bool = True, patience: float = PATIENCE) -> str:
        """Run a command as its administrator, over ssh; returns what it printed.

        Raises LabError when it fails, unless `check` is False, and when it takes more seconds than
        `patience`: a router that hangs in the middle keeps the connection.
        """
        way = access(self._place, "root", ADMINISTRATOR)
        return _said([*ssh_command(way, self.host), command], check, patience)

    def behind(self, command: str, *, check: bool = True, patience: float = PATIENCE) -> str:
        """As `run`, at its console, as root: for that it needs neither ssh nor a network.

        Works while it is frozen, too.
        """
        spaces = ("--mount", "--uts", "--ipc", "--net", "--pid")
        enter = ("nsenter", "--target", str(self._init()), *spaces, "--root", "--wd")
        return _said([*enter, "sh", "-c", command], check, patience)

    def wait(self, patience: float = PATIENCE) -> None:
        """Wait until its ssh answers the administrator; raises LabError after so many seconds."""
        way = access(self._place, "root", ADMINISTRATOR)
        command = [*ssh_command(way, self.host), "true"]
        _until(
            lambda: (
                subprocess.run(
                    command, stdin=subprocess.DEVNULL, capture_output=True, check=False
                ).returncode
                == 0
            ),
            patience,
            f"{self.name} does not answer ssh",
        )

    def freeze(self) -> None:
        """Stop all its processes where they are; its kernel still takes connections."""
        self._set_frozen("1")

    def thaw(self) -> None:
        """Let its processes go on."""
        self._set_frozen("0")

    def fill_disk(self, spare: int = 0) -> None:
        """Leave its disk but so many KiB that can still be written, all that it runs included."""
        fill_disk(self._place, self.name, spare)

    def free_disk(self) -> None:
        """Give its disk room again; one that has room is no error."""
        free_disk(self._place, self.name)

    def power_off(self) -> None:
        """Take its power, at once; what it wrote to its disk stays."""
        remove_groups(self._place, self.name)
        set_link(self._place, self.name, MANAGEMENT, "down")

    def power_on(self, *, wait: bool = True) -> None:
        """Boot it again from its disk; /run is new, and so is all that its kernel held."""
        if self.is_on:
            raise LabError(f"{self.name} has power already")
        set_link(self._place, self.name, MANAGEMENT, "up")
        boot = boot_of(self.fleet, self.name)
        start(boot)
        if wait:
            wait_for_ssh([boot], PATIENCE)

    def reboot(self, *, wait: bool = True) -> None:
        """Reboot it properly, from its console; with `wait`, until ssh answers again."""
        before = self._init()
        self.behind("systemctl reboot", check=False)
        if wait:
            _until(lambda: self._inits() not in ([], [before]), PATIENCE, f"{self.name} stays down")
            self.wait()

    def cut(self, towards: str | None = None) -> None:
        """Cut its management cable; or only the way to one neighbour, or to the controller."""
        if towards is None:
            set_link(self._place, SWITCH, self.name, "down")
        else:
            cut_between(self._place, self.host.address, self._address(towards))

    def mend(self) -> None:
        """Put the cable in again, and open every way that was cut."""
        set_link(self._place, SWITCH, self.name, "up")
        others = [host.address for host in self.fleet.routers.values() if host != self.host]
        mend_between(self._place, self.host.address, [CONTROLLER, *others])

    def _address(self, other: str) -> str:
        return CONTROLLER if other == CONTROLLER_SIDE else self.fleet.require(other).address

    def _inits(self) -> list[int]:
        """The process that is number 1 in its container, as this machine counts."""
        return [pid for pid in processes_in(self._place, self.name) if _is_init(pid)]

    def _init(self) -> int:
        found = self._inits()
        if not found:
            raise LabError(f"{self.name} has no power")
        return found[0]

    def _set_frozen(self, value: str) -> None:
        if not self.is_on:
            raise LabError(f"{self.name} has no power")
        for group in groups_of(self._place, self.name):
            if (group / "cgroup.freeze").exists():
                _set_frozen(group, value)
                return
        raise LabError("this machine has no control groups of version 2, which can freeze")


def _set_frozen(group: Path, value: str) -> None:
    (group / "cgroup.freeze").write_text(value)
    events = group / "cgroup.events"
    otherwise = f"{group} cannot be frozen or thawed"
    _until(lambda: f"frozen {value}\n" in events.read_text(), PATIENCE, otherwise)


def boot_of(fleet: Fleet, name: str) -> Boot:
    """What a router of a fleet starts from."""
    place = fleet.place
    return Boot(
        place=place,
        host=fleet.require(name),
        tree=fleet.tree,
        scratch=folder_of(place, name),
        seed=seed_of(place, name),
        namespace=place.namespace(name),
        group=name,
        log=place.folder / f"{name}.log",
        within=within(place),
    )


def _is_init(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it ended while we looked
        return False
    numbers = next((one for one in status.splitlines() if one.startswith("NSpid:")), "").split()
    return len(numbers) > 2 and numbers[-1] == "1"


def _said(command: list[str], check: bool, patience: float) -> str:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=patience,
        )
    except subprocess.TimeoutExpired:
        raise LabError(f"`{command[-1]}` did not end within {patience:g} s") from None
    if check and done.returncode:
        words = (done.stderr or done.stdout).strip() or "it said nothing"
        raise LabError(f"`{command[-1]}` ended with {done.returncode}: {words}")
    return done.stdout


def _until(happened: Callable[[], bool], patience: float, otherwise: str) -> None:
    until = time.monotonic() + patience
    while not happened():
        if time.monotonic() > until:
            raise LabError(f"{otherwise}, for {patience:.0f} s")
        time.sleep(0.05)
