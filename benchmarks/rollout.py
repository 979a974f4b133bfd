"""`rollout.noop.8` and `rollout.change.8`, each beside a floor of ssh and beside Ansible.

Eight routers of a fleet of its own. All sides take turns in one run: the floor (one small process
that runs `ssh router true` for all eight at once, over fresh connections), an apply with nothing to
do, one of a change to all eight in one wave, one with a canary, and the playbook of
`data/peer.yml`, which copies the same files. Every figure is the wall time of a whole process, from
its start to its end; `komando apply` writes its ledger, too, and looks from outside (`--verify`) in
none of them. Needs root.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.fleets import KOMANDO, ROOT, standing_fleet
from benchmarks.rows import Progress, Row, Settings, Unmeasured, row_of
from komando.lab.container import ADMINISTRATOR, access
from komando.lab.fleet.fleet import Fleet
from komando.openssh import options
from tests.lab.scene import Scene

ROUTERS = 8
WINDOW = 60
"""Seconds: no window closes under a busy machine."""

RATES = (20, 21)
"""The two guarantees, in Mbit/s, between which every router's first office goes back and forth."""

PLAYBOOK = Path(__file__).with_name("data") / "peer.yml"
ANSIBLE_ROUNDS = 3
"""Rounds that count with Ansible in them: it takes a minute for what takes us seconds."""

FLOOR = "parallel fresh `ssh true`"
ANSIBLE = "ansible-playbook, pipelining"
PERSIST = f"{ANSIBLE}, ControlPersist"
OURS = ("rollout.noop.8", "rollout.change.8", "rollout.change.8.canary")
THEIRS = tuple(
    f"rollout.{what}.8.{how}"
    for how in ("ansible", "ansible.persist")
    for what in ("noop", "change")
)
IDS = (*OURS, *THEIRS)

_RECAP = re.compile(
    r"^\S+\s+: ok=\d+\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE
)


@dataclass
class Track:
    """The fleet, and every side of the contest; each call is one figure, in seconds."""

    scene: Scene
    rate: int = RATES[0]
    laid: int = RATES[0]
    series: dict[str, list[float]] = field(default_factory=dict)

    @property
    def fleet(self) -> Fleet:
        """The routers."""
        return self.scene.fleet

    def floor(self) -> float:
        """One shell that logs in on all at once, as the deploy user, and waits for all."""
        way = self.fleet.access
        ssh = [["ssh", *options(way), f"{host.reached_as(way.user).user}@{host.address}", "true"]
               for host in self.fleet.routers.values()]  # fmt: skip
        starts = "".join(f'{shlex.join(one)} & all="$all $!"\n' for one in ssh)
        script = f"{starts}for one in $all; do wait $one || exit 1; done"
        return _timed([*way.prefix, "sh", "-c", script])[0]

    def noop(self) -> float:
        """An apply that finds everything as it should be."""
        took, said = self._apply()
        if "Nothing changes" not in said:
            raise Unmeasured(f"an apply with nothing to do changed something:\n{said}")
        return took

    def change(self, *options: str) -> float:
        """One line of each router's policy changes, and is brought in force, confirmed."""
        self.rate = _other(self.rate)
        self.scene.edit_all(self.rate)
        took, said = self._apply(*options)
        if lacking := [name for name in self.fleet.routers if f"{name} runs " not in said]:
            raise Unmeasured(f"an apply left out {', '.join(lacking)}:\n{said}")
        return took

    def _apply(self, *options: str) -> tuple[float, str]:
        return _timed(self.scene.argv("apply", "--no-verify", *options), self._environment())

    def _environment(self) -> dict[str, str]:
        return {"XDG_CACHE_HOME": str(self.scene.folder / "cache")}

    def lay_bundles(self) -> None:
        """The files of both states in folders, for Ansible."""
        for rate in RATES:
            self.scene.edit_all(rate)
            for name, bundle in self.scene.wanted().items():
                for path, content in bundle.files.items():
                    file = self._bundles(rate) / name / path
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(content)
        self.scene.edit_all(self.rate)

    def _bundles(self, rate: int) -> Path:
        return self.scene.folder / "bundles" / str(rate)

    def play(self, *, changing: bool, persist: bool = False) -> float:
        """The playbook: with the files that lie there, or with those of the other state."""
        self.laid = _other(self.laid) if changing else self.laid
        settings = {"ansible_user": "root", "bundles": str(self._bundles(self.laid))}
        command = [
            *self.fleet.place.enter("ctl"),
            *(str(KOMANDO.with_name("ansible-playbook")), "-i", str(self.fleet.inventory)),
            *("--forks", str(ROUTERS), "--extra-vars", json.dumps(settings), str(PLAYBOOK)),
        ]
        with TemporaryDirectory(prefix="kb-") as sockets:  # nothing is left from a round before
            took, said = _timed(command, self._ansible(sockets, persist=persist))
        recaps = _RECAP.findall(said)
        whole = len(recaps) == ROUTERS and not any(int(one[2]) or int(one[1]) for one in recaps)
        changed = sum(int(one[0]) > 0 for one in recaps)
        if not whole or changed != (ROUTERS if changing else 0):
            raise Unmeasured(f"the playbook changed {changed} of {ROUTERS} routers:\n{said}")
        return took

    def _ansible(self, sockets: str, *, persist: bool) -> dict[str, str]:
        way = access(self.fleet.place, "root", ADMINISTRATOR)
        master = (
            ["-o", "ControlMaster=auto", "-o", "ControlPersist=5s"]
            if persist
            else ["-o", "ControlMaster=no", "-o", "ControlPersist=no", "-o", "ControlPath=none"]
        )
        return {
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_HOME": str(self.scene.folder / "ansible"),
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_SSH_ARGS": shlex.join([*options(way), *master]),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": sockets,
            "ANSIBLE_FORCE_COLOR": "0",
        }

    def take(self, name: str, measure: Callable[[], float], *, counts: bool) -> None:
        """One figure more of a side."""
        took = measure()
        if counts:
            self.series.setdefault(name, []).append(took)


def rollout(ids: Sequence[str], settings: Settings) -> Iterator[Row]:
    """The rows of those ids, from one run; the fleet is gone afterwards, whatever happens."""
    with (
        standing_fleet("rollout", ROUTERS, WINDOW, settings.progress) as fleet,
        TemporaryDirectory(prefix="komando-rollout-") as folder,
    ):
        track = Track(Scene.of(fleet, Path(folder)))
        track.lay_bundles()
        track.change()  # whatever a first apply builds, none of the measured ones does
        peers = [one for one in ids if one in THEIRS]
        if peers:
            track.play(changing=True)
        for number in range(settings.rounds + 1):
            settings.progress(f"rollout: {_round(number, settings.rounds)}")
            _round_of(track, peers if number <= ANSIBLE_ROUNDS else [], settings.progress, number)
        for id_ in ids:
            yield _row(id_, track.series, settings.targets)


def _round(number: int, rounds: int) -> str:
    return "warming up" if number == 0 else f"round {number} of {rounds}"


def _round_of(track: Track, peers: Sequence[str], progress: Progress, number: int) -> None:
    """Every side once, the floor twice: before each of ours that has to hold against it."""
    counts = number > 0
    track.take("floor", track.floor, counts=counts)
    track.take("noop", track.noop, counts=counts)
    track.take("floor", track.floor, counts=counts)
    track.take("change", lambda: track.change("--at-once"), counts=counts)
    track.take("canary", track.change, counts=counts)
    for id_ in peers:
        if number == 0 and id_ != peers[0]:
            continue  # one playbook warms the page cache for all
        progress(f"rollout: {_round(number, ANSIBLE_ROUNDS)}: {id_}")
        changing, persist = ".change." in id_, id_.endswith(".persist")
        track.take(
            id_,
            lambda changing=changing, persist=persist: track.play(  # type: ignore[misc]
                changing=changing, persist=persist
            ),
            counts=counts,
        )


def _row(id_: str, series: Mapping[str, list[float]], targets: Mapping[str, float]) -> Row:
    what = "noop" if ".noop." in id_ else "canary" if id_.endswith(".canary") else "change"
    peer, theirs = (FLOOR, series["floor"])
    if id_ in THEIRS:
        peer, theirs = (PERSIST if id_.endswith(".persist") else ANSIBLE), series[id_]
    return row_of(id_, "s", series[what], peer, theirs, targets.get(id_))


def _other(rate: int) -> int:
    return RATES[1] if rate == RATES[0] else RATES[0]


def _timed(command: list[str], environment: dict[str, str] | None = None) -> tuple[float, str]:
    """Seconds from its start to its end, and what it printed; it has to succeed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    start = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=kept | (environment or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    took = time.perf_counter() - start
    if done.returncode:
        raise Unmeasured(f"{command[-1]} ends with {done.returncode}:\n{done.stdout}{done.stderr}")
    return took, done.stdout
