"""The command line at work on a lab, in processes of its own, as CI starts it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from komando.bundle import Bundle
from komando.cli.scope import Scope
from komando.lab.place import Place

REPOSITORY = Path(__file__).parents[2]
KOMANDO = Path(sys.executable).with_name("komando")
SPOILT = Path(__file__).with_name("spoilt.py")

LINGERING = 30.0
"""Seconds in which a process ends that lost the one it worked for."""

Spoil = Mapping[str, Mapping[str, str | None]]
Whom = Literal["controller", "worker", "both"]


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

    def kill(self, whom: Whom = "both") -> Done:
        """Kill -9: of this process, of the one that speaks with the hosts, or of both.

        Returns when neither is any more: one that is left alone has ended by itself.
        """
        worker = _children(self.process.pid)
        if whom != "worker":
            self.process.kill()
        for pid in [] if whom == "controller" else worker:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        done = self.end()
        _until_gone(worker)
        return done

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Stopped where it is, as a terminal's Ctrl-Z does, while the block lasts.

        The process that speaks with the hosts is in a session of its own, and goes on.
        """
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    @property
    def goes_on(self) -> bool:
        """Whether it has not ended yet."""
        return self.process.poll() is None

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


def spoilt(bundle: Bundle, wrong: Mapping[str, str | None]) -> Bundle:
    """A bundle some files of which are otherwise than they should be (None: missing)."""
    given = {path: text.encode() for path, text in wrong.items() if text is not None}
    right = {path: content for path, content in bundle.files.items() if path not in wrong}
    return Bundle(bundle.host, right | given)


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


def _until_gone(pids: list[int]) -> None:
    until = time.monotonic() + LINGERING
    while any(Path(f"/proc/{pid}/exe").exists() for pid in pids):
        assert time.monotonic() < until, f"{pids} linger"
        time.sleep(0.02)


def _children(pid: int) -> list[int]:
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except (FileNotFoundError, ProcessLookupError):  # it has ended
        return []
    return [int(one) for one in found.split()]


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
        scope = Scope(str(self.inventory), self.policies, lab=self.lab, identity=None)
        return scope.desired().bundles

    def digests(self, spoil: Spoil | None = None) -> dict[str, str]:
        """The digests of what the policies ask for, or of what a renderer makes of it."""
        wrong = spoil or {}
        return {
            name: spoilt(bundle, wrong.get(name, {})).digest
            for name, bundle in self.wanted().items()
        }

    @property
    def forge(self) -> Path:
        """The lab's own forge."""
        return Place(self.lab).folder / "forge.git"

    def entries(self, newest: int = -1) -> list[dict[str, Any]]:
        """The ledger's entries, or so many of the newest; the oldest first."""
        if not self.forge.exists():
            return []
        words = ("rev-list", "--reverse", f"--max-count={newest}", "refs/heads/deployments/lab")
        commits = _git(self.forge, *words, check=False).split()
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
