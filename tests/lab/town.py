"""A city with a forge: somebody pushes, somebody else approves, and the router changes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from komando.lab.city import City
from tests.lab.conftest import komando, on_router
from tests.lab.desk import KOMANDO, REPOSITORY

APPROVER, REQUESTER = "approver-1", "requester-1"

PEOPLE = """\
people:
  approver-1:
    name: Head of networks
    office: diskominfo
    role: approver
    mails: [approver-1@example.org]
    from: 2026-01-01
  requester-1:
    name: Network engineer
    office: dinas-kesehatan
    role: requester
    mails: [requester-1@example.org]
    from: 2026-01-01
"""


def policies_with_people(folder: Path) -> Path:
    """This repository's policies, with somebody who proposes and somebody who approves."""
    policies = folder / "policies"
    shutil.copytree(REPOSITORY / "policies", policies)
    (policies / "people.yaml").write_text(PEOPLE)
    return policies


@dataclass(frozen=True)
class Proposal:
    """A pull request: its number and branch, and what the forge said to whoever pushed."""

    number: int
    branch: str
    said: str


@dataclass(frozen=True)
class Town:
    """The city, and a clone of the repository on its forge."""

    city: City
    clone: Path

    @classmethod
    def begin(cls, city: City, folder: Path) -> Town:
        """Give a city a forge, apply what main has by hand, and clone it."""
        policies = policies_with_people(folder)
        done = komando("lab", "forge", "start", "--name", city.name, "--policies", str(policies))
        bare = done.stdout.strip()
        clone = folder / "clone"
        subprocess.run(["git", "clone", "-q", bare, str(clone)], check=True)
        town = cls(city, clone)
        town.git("config", "user.name", REQUESTER)
        town.git("config", "user.email", f"{REQUESTER}@example.org")
        by_hand = town.on_controller("apply", "--record", "--lab", city.name, "--remote", "origin")
        assert by_hand.returncode == 0, by_hand.stderr
        return town

    @property
    def controller(self) -> Path:
        """The clone in which everything is applied."""
        return self.city.place.folder / "controller"

    def git(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A git command in the proposer's clone."""
        return subprocess.run(
            ["git", *words],
            cwd=self.clone,
            env={**os.environ, "KOMANDO_LAB_LOGIN": REQUESTER},
            capture_output=True,
            text=True,
            check=check,
        )

    def propose(self, office: str, ceiling: int, onto: str = "origin/main") -> Proposal:
        """Give an office another ceiling (Mbit/s) on a new branch, and push it."""
        self.git("fetch", "-q", "origin")
        branch = f"{office}-{ceiling}-{len(self.git('branch', '--list').stdout.splitlines())}"
        self.git("switch", "-qc", branch, onto)
        self.set_ceiling(office, ceiling)
        return self.push(branch, f"{office}: {ceiling} Mbit/s")

    def set_ceiling(self, office: str, ceiling: int) -> None:
        """Edit the one line."""
        path = self.clone / "policies" / "opd" / f"{office}.yaml"
        text, found = re.subn(r"(?m)^ceiling: \d+", f"ceiling: {ceiling}", path.read_text())
        assert found == 1
        path.write_text(text)

    def push(self, branch: str, message: str) -> Proposal:
        """Commit all that was edited and push it."""
        self.git("commit", "-qam", message)
        said = self.git("push", "-q", "-u", "origin", branch).stderr
        number = re.search(r"remote: #(\d+) ", said)
        assert number is not None, said
        return Proposal(int(number[1]), branch, said)

    def forge(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A verb of `komando lab forge`."""
        return komando("lab", "forge", *words, "--name", self.city.name, check=False)

    def approve(self, number: int) -> None:
        """Let the second person approve."""
        done = self.forge("approve", str(number), "--as", APPROVER)
        assert done.returncode == 0, done.stderr

    def merge(self, number: int) -> subprocess.CompletedProcess[str]:
        """Merge, which applies."""
        return self.forge("merge", str(number), "--as", REQUESTER)

    def start_merge(self, number: int) -> subprocess.Popen[str]:
        """The same, while others go on."""
        return subprocess.Popen(
            [KOMANDO, "lab", "forge", "merge", str(number), "--as", REQUESTER,
             "--name", self.city.name],
            cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def on_controller(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A verb in the controller's clone."""
        return subprocess.run(
            [KOMANDO, *words, "--inventory", "lab"],
            cwd=self.controller,
            capture_output=True,
            text=True,
            check=False,
        )

    def entries(self) -> list[dict[str, Any]]:
        """The ledger, newest first."""
        shown = self.on_controller("ledger", "show", "--remote", "origin", "--format", "json",
                                   "-n", "500")  # fmt: skip
        assert shown.returncode == 0, shown.stderr
        found: list[dict[str, Any]] = json.loads(shown.stdout)
        return found

    def started(self) -> dict[str, Any]:
        """The newest turn of the ledger."""
        return next(one for one in self.entries() if one["entry"] == "started")

    def ceiling(self, office_class: str = "1:414") -> float:
        """What the kernel holds a class to, in Mbit/s of the policy."""
        shown = on_router(self.city, "tc class show dev ifb0")
        line = next(one for one in shown.splitlines() if f" {office_class} " in one)
        number, unit = re.match(r"(\d+)([KM])bit", line.split(" ceil ")[1]).groups()  # type: ignore[union-attr]
        return int(number) * {"K": 0.001, "M": 1}[unit] * self.city.divisor
