"""What is read of any machine, and what its roles should have made of it: both as plain data."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import yaml
from testinfra.host import Host

from komando import generation
from komando.documents.addresses import Network
from komando.inventory import Inventory
from komando.inventory.machines import WITH_BUNDLES

ROLES = Path(__file__).parents[2] / "roles"

METRICS_PORT = 9100
ASIDE = 1
"""A port (tcpmux, RFC 1078) that nobody serves."""

PATIENCE = 5.0
DROPPED = 0.5
"""Seconds without an answer that tell a dropped packet from a refused one."""


class Machine:
    """A host under test, with its place in the inventory and the options of its roles.

    `ssh_config` is a file as `ssh -F` takes it. One of a `lab` may be a container.
    """

    def __init__(
        self, host: Host, inventory: Inventory, folder: Path, ssh_config: str, *, lab: bool
    ) -> None:
        self.host = host
        self.lab = lab
        self.inventory = inventory
        self.folder = folder
        self.ssh_config = ssh_config
        self.name: str = host.backend.get_hostname()
        self.entry = inventory.hosts[self.name]
        self.has_program = self.entry.kind in WITH_BUNDLES

    def option(self, name: str) -> Any:
        """An option of a role: its default, or what this environment has in its place."""
        role = name.partition("_")[0]
        found = _mapping(ROLES / role / "defaults" / "main.yml")[name]
        places = ("group_vars/all.yaml", f"group_vars/{self.entry.kind}.yaml")
        for place in (*places, f"host_vars/{self.name}.yaml"):
            found = _mapping(self.folder / place).get(name, found)
        return found

    @property
    def management(self) -> list[Network]:
        """The networks that its guard lets in."""
        own = self.option("base_management")
        return (
            [ip_network(one) for one in own] if isinstance(own, list) else [*self.entry.management]
        )

    def packages(self) -> set[str]:
        """Those that the roles of its kind install."""
        roles = ["base", *([self.entry.kind] if self.entry.kind != "jump" else [])]
        return {one for role in roles for one in self.option(f"{role}_packages")}

    @cached_property
    def in_container(self) -> bool:
        """Whether it shares its kernel, and the clock of that, with the machine around it."""
        return bool(self.host.run("systemd-detect-virt --container --quiet").rc == 0)

    @cached_property
    def units(self) -> dict[str, dict[str, str]]:
        """What systemd says of the units that are asked for below."""
        asked = "Id,LoadState,ActiveState,UnitFileState,ConditionResult"
        names = " ".join(UNITS)
        shown = self.host.check_output(f"systemctl show --property={asked} {names}")
        blocks = (
            dict(line.split("=", 1) for line in block.splitlines()) for block in shown.split("\n\n")
        )
        return {block["Id"]: block for block in blocks}

    def text(self, path: str) -> str:
        """A file that anyone may read."""
        return str(self.host.check_output("cat %s", path))

    @cached_property
    def observed(self) -> dict[str, Any]:
        """The host program's own words."""
        answer = self.host.check_output("sudo -n %s observe", generation.PROGRAM)
        found: dict[str, Any] = json.loads(answer)
        return found

    @cached_property
    def greeting(self) -> str:
        """What its sshd offers to somebody who has no key: ssh's own words, who tries none."""
        command = ["ssh", "-vv", "-F", self.ssh_config, "-S", "none", "-o", "LogLevel=DEBUG2"]
        command += ["-o", "PubkeyAuthentication=no", self.name, "true"]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        assert done.returncode == 255
        return done.stderr

    def offered(self, what: str) -> list[str]:
        """The algorithms of one kind in its greeting: `KEX algorithms`, `ciphers stoc`, ..."""
        server = self.greeting.partition("peer server KEXINIT proposal")[2]
        match = re.search(rf"^debug2: {re.escape(what)}: (\S+)\s*$", server, re.MULTILINE)
        assert match, self.greeting
        return match[1].split(",")

    def metrics(self) -> str:
        """What its exporter says to whoever asks from the management network."""
        host = f"[{self.entry.address}]" if ":" in self.entry.address else self.entry.address
        with urlopen(f"http://{host}:{METRICS_PORT}/metrics", timeout=PATIENCE) as answer:
            return str(answer.read().decode())

    @property
    def asks_itself(self) -> bool:
        """Whether this process runs on the very machine, which no guard keeps from itself."""
        with socket.create_connection((self.entry.address, self.entry.port), PATIENCE) as way:
            return bool(way.getsockname()[0] == way.getpeername()[0])

    def answers(self, port: int) -> bool:
        """Whether it says anything at all, be it a refusal, to a connection to one of its ports."""
        try:
            socket.create_connection((self.entry.address, port), timeout=DROPPED).close()
        except TimeoutError:
            return False
        except ConnectionRefusedError:
            return True
        return True


def _mapping(path: Path) -> dict[str, Any]:
    return (yaml.safe_load(path.read_text()) or {}) if path.is_file() else {}


UNITS = (
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "komando-boot.service",
    "komando-guard.service",
    "komando-hours.service",
    "komando-hours.timer",
    "komando-reboot.timer",
    "nftables.service",
    "prometheus-node-exporter.service",
    "ssh.service",
    "systemd-timesyncd.service",
    "unattended-upgrades.service",
)
