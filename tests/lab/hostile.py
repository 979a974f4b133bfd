"""What may befall a rollout, really done to a fleet; and whether the fleet has come through it.

The tests do each of these once, and `benchmarks` does them at random. An apply is the command line
in a process of its own, as CI starts it; what it says at its end is held against what the routers
say of themselves.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from komando.bundle import Bundle
from komando.cli.reach import Scope
from komando.lab.fleet.fleet import Fleet
from komando.lab.fleet.machine import Machine
from komando.lab.place import LabError, Place

REPOSITORY = Path(__file__).parents[2]
KOMANDO = Path(sys.executable).with_name("komando")
SPOILT = Path(__file__).with_name("spoilt.py")

STATE = "/var/lib/komando"
GUARD = "etc/komando/nft/guard.nft"
UPLOAD = "etc/komando/tc/upload.tc"

SUM_UP = (
    "find etc -type f ! -path 'etc/komando/secrets/*' | LC_ALL=C sort | xargs sha256sum | sha256sum"
)
"""Says the digest of the generation in whose folder it is run."""

GRACE = 2.0
"""Seconds after its window in which a router has to be as it was."""

Spoil = Mapping[str, Mapping[str, str | None]]


def guard(*rules: str) -> str:
    """A guard of these rules; every one is of those that a bundle may have."""
    return "\n".join((
        "table inet komando_guard {", "}", "delete table inet komando_guard",
        "table inet komando_guard {", "\tchain input {",
        "\t\ttype filter hook input priority filter; policy accept;",
        *(f"\t\t{rule}" for rule in rules), "\t}", "}", "",
    ))  # fmt: skip


CUTS_SSH = guard('iifname "lo" accept', "drop")
LETS_OLD_ONES_LIVE = guard("ct state established accept", "drop")


def cuts_off(address: str) -> str:
    """A guard that turns one neighbour away."""
    return guard(f"ip saddr {address} tcp dport 22 drop")


@dataclass(frozen=True)
class Done:
    """One run of the command line: its exit code and what it said."""

    code: int
    said: str
    words: str

    @property
    def all(self) -> str:
        """Both streams."""
        return self.said + self.words

    def state(self, router: str) -> str:
        """What became of a router, by the words of the verb."""
        for state, words in STATES.items():
            if re.search(rf"(?m)^{router} {words}", self.all):
                return state
        return ""


STATES = {
    "carried": "runs ",
    "refused": "refused it and runs ",
    "reverted": "was taken back and runs ",
    "unreached": "was not reached",
    "unknown": "is not known to run",
    "untouched": "was not touched",
}


class Running:
    """A run of the command line that goes on."""

    def __init__(self, argv: list[str], environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            argv,
            cwd=REPOSITORY,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        self._said: list[str] = []
        self._words: list[str] = []
        self._new = threading.Condition()
        self._readers = [
            threading.Thread(target=self._read, args=(stream, into), daemon=True)
            for stream, into in (
                (self.process.stdout, self._said),
                (self.process.stderr, self._words),
            )
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: IO[str], into: list[str]) -> None:
        for line in stream:
            with self._new:
                into.append(line)
                self._new.notify_all()
        with self._new:
            self._new.notify_all()

    def until(self, words: str) -> None:
        """Waits for a line of its narration with these words; AssertionError at its end."""
        with self._new:
            while not any(words in line for line in self._words):
                assert any(reader.is_alive() for reader in self._readers), "".join(self._words)
                self._new.wait(1)

    def kill(self) -> None:
        """Kill -9, with the process that speaks with the hosts."""
        children = _children(self.process.pid)
        for pid in (self.process.pid, *children):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.end()

    def interrupt(self) -> None:
        """Ctrl-C, which a terminal gives to the whole group; at its end it is no more."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> Done:
        """Waits for its end."""
        code = self.process.wait(timeout=180)
        for reader in self._readers:
            reader.join(timeout=5)
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()
        return Done(code, "".join(self._said), "".join(self._words))


def _git(folder: Path, *words: str, check: bool = True) -> str:
    done = subprocess.run(
        ["git", *words],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 or not check, done.stderr
    return done.stdout


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(one) for one in found]


class Desk(ABC):
    """Where the command line is run for a lab: a folder with policies that a test may edit."""

    folder: Path

    @property
    @abstractmethod
    def lab(self) -> str:
        """The lab's name."""

    @property
    def policies(self) -> Path:
        """A copy of the lab's policies."""
        return self.folder / "policies"

    @property
    def inventory(self) -> Path:
        """A copy of the lab's inventory."""
        return self.folder / "lab"

    def wanted(self) -> dict[str, Bundle]:
        """What the policies ask for."""
        return (
            Scope(str(self.inventory), self.policies, lab=self.lab, identity=None).desired().bundles
        )

    @property
    def forge(self) -> Path:
        """The lab's own forge."""
        return Place(self.lab).folder / "forge.git"

    def entries(self) -> list[dict[str, Any]]:
        """The ledger's entries, the oldest first."""
        if not self.forge.exists():
            return []
        branch = "refs/heads/deployments/lab"
        commits = _git(self.forge, "rev-list", "--reverse", branch, check=False).split()
        return [json.loads(_git(self.forge, "show", f"{one}:entry.json")) for one in commits]

    def argv(self, verb: str, *rest: str, spoil: Spoil | None = None, clone: str = "") -> list[str]:
        """The command line of a verb; in a `clone` of its own, where one is named."""
        program = [str(KOMANDO)]
        if spoil is not None:
            paper = self.folder / "spoil.json"
            paper.write_text(json.dumps({host: dict(files) for host, files in spoil.items()}))
            program = [sys.executable, str(SPOILT), str(paper)]
        where = ["--inventory", str(self.inventory), "--lab", self.lab]
        if verb in ("plan", "apply", "drift", "verify"):
            where += ["--policies", str(self.policies)]
        if clone:
            folder = self.folder / f"{clone}.git"
            _git(self.folder, "init", "--quiet", "--bare", str(folder))
            where += ["--repository", str(folder), "--remote", str(self.forge)]
        return [*program, verb, *rest, *where]

    def run(self, verb: str, *rest: str, spoil: Spoil | None = None) -> Done:
        """Run a verb to its end."""
        return self.start(verb, *rest, spoil=spoil).end()

    def start(self, verb: str, *rest: str, spoil: Spoil | None = None, clone: str = "") -> Running:
        """Start a verb."""
        return self._start(self.argv(verb, *rest, spoil=spoil, clone=clone))

    def bare(self, *words: str) -> Done:
        """Run a verb to its end that knows of no lab."""
        return self._start([str(KOMANDO), *words]).end()

    def _start(self, argv: list[str]) -> Running:
        return Running(argv, os.environ | {"XDG_CACHE_HOME": str(self.folder / "cache")})

    def apply(self, *rest: str, spoil: Spoil | None = None) -> Done:
        """Apply, without the checks from outside: a window has but few seconds here."""
        return self.run("apply", "--no-verify", *rest, spoil=spoil)


@dataclass(frozen=True)
class Scene(Desk):
    """A fleet, with policies of its own that a test may edit, and a folder for its papers."""

    fleet: Fleet
    folder: Path

    @property
    def lab(self) -> str:
        """The fleet's name."""
        return self.fleet.name

    @property
    def routers(self) -> dict[str, Machine]:
        """The routers by name."""
        return {name: Machine(self.fleet, name) for name in self.fleet.routers}

    def edit(self, router: str, rate: int) -> None:
        """The first office of a router gets another guarantee, in Mbit/s."""
        number = router.rpartition("-")[2]
        path = self.policies / "opd" / f"office-{number}-1.yaml"
        text = re.sub(r"guarantee: \d+", f"guarantee: {rate}", path.read_text())
        path.write_text(text)

    def edit_all(self, rate: int) -> None:
        """So it goes for every router."""
        for router in self.fleet.routers:
            self.edit(router, rate)

    # --- how the routers stand -----------------------------------------------------------------

    def observed(self, router: str) -> dict[str, Any]:
        """What a router says of itself, over ssh."""
        said: dict[str, Any] = json.loads(self.routers[router].run("komando-host observe"))
        return said

    def running(self, router: str) -> str | None:
        """The generation that a router runs; AssertionError unless it runs that one whole."""
        observed = self.observed(router)
        assert observed["pending"] is None, observed
        assert observed["kernel"] == "ok", observed
        digest = observed["generation"]
        link = self.routers[router].run(f"readlink {STATE}/current").strip()
        assert link == f"generations/{digest}"
        sums = self.routers[router].run(f"cd {STATE}/generations/{digest} && {SUM_UP}")
        assert sums.split()[0] == digest, f"{router}: its generation is not whole"
        return str(digest)

    def comes_to_rest(self, router: str, *, within: float | None = None) -> str | None:
        """The generation that a router runs once its window is over, which is soon."""
        window = self.fleet.order.window if within is None else within
        deadline = time.monotonic() + window + GRACE
        while True:
            try:
                return self.running(router)
            except (AssertionError, LabError) as error:
                if time.monotonic() > deadline:
                    raise AssertionError(f"{router} has not come to rest: {error}") from error
                time.sleep(0.1)

    def _recorded(self, states: Mapping[str, str]) -> None:
        """The ledger's last word is that of the verb; of what it never began, it says nothing."""
        last = self.entries()[-1]
        told = {name: state for name, state in states.items() if state}
        if set(told.values()) <= {"unreached"}:
            return
        assert last["entry"] == "finished", last
        results = {name: result["result"] for name, result in last["hosts"].items()}
        assert results == told

    def record(self, router: str) -> list[dict[str, Any]]:
        """A router's own record; AssertionError unless it is one chain."""
        return chained(self.routers[router].run("komando-host record"))

    def truthful(self, done: Done, before: Mapping[str, str | None]) -> dict[str, str]:
        """What became of each router by the verb's words, which the routers bear out.

        AssertionError where they do not, or the exit code says otherwise than the words.
        """
        wanted = {name: bundle.digest for name, bundle in self.wanted().items()}
        states = {}
        for router in self.fleet.routers:
            runs = self.comes_to_rest(router)
            state = done.state(router)
            if state == "carried":
                assert runs == wanted[router] or runs not in before.values(), (router, done.all)
            elif state in ("refused", "reverted", "untouched", ""):
                assert runs == before[router], (router, state, done.all)
            states[router] = state
        self._recorded(states)
        told = set(states.values())
        if told <= {"carried", ""}:
            assert done.code == 0, done.all
        elif told <= {"carried", "unreached", ""}:
            assert done.code == 3, done.all
        else:
            assert done.code == 1, done.all
        return states


def chained(record: str) -> list[dict[str, Any]]:
    """The entries of a host's own record; AssertionError unless it is one chain."""
    before, entries = "", []
    for number, line in enumerate(record.splitlines(), 1):
        entry: dict[str, Any] = json.loads(line)
        assert (entry["number"], entry["before"]) == (number, before), line
        before = hashlib.sha256(line.encode()).hexdigest()
        entries.append(entry)
    return entries


@contextmanager
def small_disk(machine: Machine, kib: int) -> Iterator[Callable[[], None]]:
    """A small file system of its own below the host program's state; yields what fills it up."""
    machine.behind(
        f"mkdir -p /run/small && mount -t tmpfs -o size={kib}k tmpfs /run/small && "
        f"cp -a {STATE}/. /run/small/ && mount --bind /run/small {STATE}"
    )

    def fill() -> None:
        machine.behind(f"cat /dev/zero > {STATE}/ballast", check=False)

    try:
        yield fill
    finally:
        machine.behind(
            f"rm -f {STATE}/ballast; umount {STATE} && find {STATE} -mindepth 1 -delete && "
            f"cp -a /run/small/. {STATE}/ && umount /run/small"
        )
