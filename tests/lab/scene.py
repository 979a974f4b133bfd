"""The stage of a rollout: a fleet, policies to edit, and whether the fleet has come through.

The tests of faults stand on it, and so do the benchmarks. What an apply says at its end is held
against what the routers say of themselves.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

from komando.lab.fleet.fleet import Fleet
from komando.lab.fleet.machine import Machine
from komando.lab.place import LabError
from tests.lab.desk import Desk, Done, Running, Spoil

Said = TypeVar("Said")

STATE = "/var/lib/komando"
GUARD = "etc/komando/nft/guard.nft"
UPLOAD = "etc/komando/tc/upload.tc"

SUM_UP = (
    "find etc -type f ! -path 'etc/komando/secrets/*' | LC_ALL=C sort | xargs sha256sum | sha256sum"
)
"""Says the digest of the generation in whose folder it is run."""

WINDOW = 3
"""Seconds until an unconfirmed change reverts."""

GRACE = 2.0
"""Seconds after its window in which a router has to be as it was."""


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
class Scene(Desk):
    """A fleet, with policies of its own that a test may edit, and a folder for its papers."""

    fleet: Fleet
    folder: Path
    runs: list[Running] = field(default_factory=list, compare=False)
    """All that was started, in order."""

    @classmethod
    def of(cls, fleet: Fleet, folder: Path) -> Self:
        """With copies of the fleet's own policies and inventory, in a folder that may be new."""
        scene = cls(fleet, folder)
        shutil.copytree(fleet.policies, scene.policies)
        shutil.copytree(fleet.inventory, scene.inventory)
        return scene

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

    @contextmanager
    def at_leisure(self) -> Iterator[None]:
        """Windows of a minute, which a busy machine does not overrun: no fault is under test."""
        path = self.inventory / "hosts.yaml"
        text = path.read_text()
        path.write_text(re.sub(r"confirm_within: \d+", "confirm_within: 60", text))
        try:
            yield
        finally:
            path.write_text(text)

    def apply_well(self) -> None:
        """Apply what the policies say to all at once; AssertionError unless that succeeds."""
        with self.at_leisure():
            done = self.apply("--at-once")
        assert done.code == 0, done.all

    # --- how the routers stand -----------------------------------------------------------------

    def each(self, ask: Callable[[str], Said]) -> dict[str, Said]:
        """What is said of each router by its name; all are asked at the same time."""
        names = tuple(self.fleet.routers)
        with ThreadPoolExecutor(len(names)) as pool:
            return dict(zip(names, pool.map(ask, names), strict=True))

    def observed(self, router: str) -> dict[str, Any]:
        """What a router says of itself, over ssh."""
        said: dict[str, Any] = json.loads(self.routers[router].run("komando-host observe"))
        return said

    def running(self, router: str) -> str | None:
        """The generation that a router runs; AssertionError unless it runs that one whole.

        All is asked over one connection, and that a fresh one.
        """
        look = f"readlink {STATE}/current && cd {STATE}/current/ && {SUM_UP}"
        said, link, total = self.routers[router].run(f"komando-host observe && {look}").splitlines()
        observed = json.loads(said)
        assert observed["pending"] is None, observed
        assert observed["kernel"] == "ok", observed
        digest = observed["generation"]
        assert link == f"generations/{digest}"
        assert total.split()[0] == digest, f"{router}: its generation is not whole"
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

    def record(self, router: str) -> list[dict[str, Any]]:
        """A router's own record; AssertionError unless it is one chain."""
        return chained(self.routers[router].run("komando-host record"))

    def truthful(
        self,
        done: Done,
        before: Mapping[str, str | None],
        *,
        wanted: Mapping[str, str] | None = None,
        unknown: Collection[str] = (),
    ) -> dict[str, str]:
        """What became of each router by the verb's words, which routers and ledger bear out.

        `wanted` are the digests that it was to bring, where those are not the policies' own; of
        those that are `unknown` it may know nothing. AssertionError where anything does not fit,
        or the exit code says otherwise than the words.
        """
        wanted = self.digests() if wanted is None else wanted
        runs = self.each(self.comes_to_rest)
        states = {router: done.state(router) for router in runs}
        for router, state in states.items():
            if state == "carried":
                assert runs[router] == wanted[router], (router, done.all)
            elif state == "unknown":
                assert router in unknown, (router, done.all)
                assert runs[router] in (before[router], wanted[router]), (router, done.all)
            else:
                assert runs[router] == before[router], (router, state, done.all)
        self.recorded(done, runs)
        assert done.code == code_of(states.values()), done.all
        return states

    def recorded(self, done: Done, runs: Mapping[str, str | None]) -> None:
        """The ledger's last word is that of the verb; of what it never began, it says nothing."""
        told = {name: state for name in runs if (state := done.state(name))}
        if set(told.values()) <= {"unreached"}:
            return
        [last] = self.entries(newest=1)
        assert last["entry"] == "finished", last
        assert {name: result["result"] for name, result in last["hosts"].items()} == told
        for name, result in last["hosts"].items():
            known = told[name] not in ("unknown", "unreached")
            assert result["after"] == (runs[name] if known else None), (name, last)

    def turns(self, since: int) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """The turns behind so many entries of the ledger: how each began, and how it ended.

        AssertionError where one began before the one before it had ended.
        """
        entries = self.entries()[since:]
        began, ended = entries[::2], entries[1::2]
        words = [entry["entry"] for entry in entries]
        assert words == ["started", "finished"] * len(began), words
        assert [one["turn"] for one in began] == [one["turn"] for one in ended]
        sequences = [one["sequence"] for one in began]
        assert sequences == sorted(set(sequences))
        return list(zip(began, ended, strict=True))

    def start(self, verb: str, *rest: str, spoil: Spoil | None = None, clone: str = "") -> Running:
        """Start a verb, which has an end when the test has one."""
        running = super().start(verb, *rest, spoil=spoil, clone=clone)
        self.runs.append(running)
        return running

    def end_all(self) -> None:
        """Whatever goes on, as a test broke off, is killed."""
        for running in self.runs:
            if running.goes_on:
                running.kill()


def code_of(states: Iterable[str]) -> int:
    """The exit code of an apply that says this of its routers ("": nothing)."""
    told = {state for state in states if state}
    if told <= {"carried"}:
        return 0
    return 3 if told <= {"carried", "unreached"} else 1


@contextmanager
def staged(fleet: Fleet, folder: Path, *, by_hand: bool = False) -> Iterator[Scene]:
    """All routers run something that was applied; afterwards, too, they can be brought to that.

    Then the ledger fits what they recorded; what was done `by_hand`, past it, it finds.
    """
    scene = Scene.of(fleet, folder)
    scene.edit_all(11)
    if not scene.entries(newest=1):
        scene.apply_well()
    yield scene
    scene.end_all()
    for machine in scene.routers.values():
        if not machine.is_on:
            machine.power_on()
        machine.thaw()
        machine.mend()
    scene.edit_all(11)
    scene.apply_well()
    verifying = scene.start("ledger", "verify")
    try:
        assert scene.each(scene.running) == scene.digests()
        scene.each(scene.record)
    finally:
        fits = verifying.end()
    assert fits.code == int(by_hand), fits.all


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


def leave_files(machine: Machine, spare: int | None) -> None:
    """Let a small disk take so many more files or links, of any size; None: any number."""
    most = "0" if spare is None else f"$(($(df --output=iused {STATE} | tail -n 1) + {spare}))"
    machine.behind(f"mount -o remount,nr_inodes={most} {STATE}")
