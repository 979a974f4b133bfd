"""Wheelhouses: what a kind of machine installs in Python, fetched once and held by hashes.

A wheelhouse is a folder with a wheel for each pin of a lock, that lock, and a list of both as
coreutils' sha256sum writes one. It is complete or absent.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import dropwhile
from pathlib import Path

LOCK = "requirements.lock"
SUMS = "SHA256SUMS"

PYTHONS = ("3.11", "3.13")
"""Debian 12's and 13's."""

MACHINE = "x86_64"

GLIBC = 36
"""The minor version of Debian 12's C library, 2.36: a wheel for a newer one does not load there."""

_PIN = re.compile(
    r"^([a-z0-9][a-z0-9.-]*==[^\s\\;]+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.MULTILINE
)
_HASH = re.compile(r"[0-9a-f]{64}")
_PACKAGE = re.compile(r"^(?:Collecting |Processing (?:\S*/)?)([A-Za-z0-9._]+(?:-[A-Za-z._]+)*)")

Told = Callable[[str], object]


class WheelhouseError(RuntimeError):
    """A wheelhouse could not be built; the message says why, in pip's words where it was pip."""


@dataclass(frozen=True)
class Wheelhouse:
    """The wheels of one lock for one Python (`3.11`) on one kind of processor (`x86_64`)."""

    lock: Path
    folder: Path
    python: str
    machine: str = MACHINE

    def faults(self) -> list[str]:
        """What is not as the lock and the wheelhouse's own list say, a sentence each."""
        if not self.folder.is_dir():
            return ["it does not stand"]
        standing = {one.name: one for one in sorted(self.folder.iterdir())}
        try:
            listed = _read_sums(standing[SUMS].read_text())
        except (KeyError, ValueError):
            return [f"{SUMS} is missing or cannot be read"]
        found = {name: _sum(path) for name, path in standing.items() if name != SUMS}
        return [
            *(f"{name} is missing" for name in sorted(listed.keys() - found.keys())),
            *(f"{name} is not listed in {SUMS}" for name in sorted(found.keys() - listed.keys())),
            *(
                f"{name} has another hash than {SUMS} says"
                for name in sorted(found.keys() & listed.keys())
                if found[name] != listed[name]
            ),
            *self._unfit(found),
        ]

    def _unfit(self, found: Mapping[str, str]) -> Iterator[str]:
        """What does not fit the lock as it is now."""
        if found.get(LOCK) != _sum(self.lock):
            yield f"it was made from another {self.lock}"
        pin_of = {each: pin for pin, hashes in _pins(self.lock).items() for each in hashes}
        wheels = {name: digest for name, digest in found.items() if name != LOCK}
        for name, digest in wheels.items():
            if digest not in pin_of:
                yield f"{name} has a hash that {self.lock} does not know"
        counts = Counter(pin_of[digest] for digest in wheels.values() if digest in pin_of)
        for pin in dict.fromkeys(pin_of.values()):
            if counts[pin] != 1:
                yield f"{pin} has {counts[pin] or 'no'} wheel{'s' if counts[pin] > 1 else ''}"

    def build(self, told: Told) -> bool:
        """Make it what the lock says; whether there was anything to do. `told` hears each package.

        Nothing is fetched where it has no faults. Raises WheelhouseError when pip cannot fetch a
        wheel, or fetches another than the lock says.
        """
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(self.folder.parent):
            if not self.faults():
                return False
            new, old = (
                self.folder.with_name(f".{self.folder.name}.{one}") for one in ("new", "old")
            )
            _remove(new, old)  # of a run that was killed
            try:
                new.mkdir()
                self._fetch(new, told)
                if self.folder.exists():
                    self.folder.rename(old)
                new.rename(self.folder)
            finally:
                _remove(new, old)
        if faults := self.faults():
            raise WheelhouseError(f"{self.folder} is not what was asked for: {'; '.join(faults)}")
        return True

    def _fetch(self, into: Path, told: Told) -> None:
        self._download(into, told)
        shutil.copyfile(self.lock, into / LOCK)
        sums = {path.name: _sum(path) for path in into.iterdir()}
        (into / SUMS).write_text("".join(f"{sums[name]}  {name}\n" for name in sorted(sums)))

    def _download(self, into: Path, told: Told) -> None:
        platforms = [f"manylinux_2_{minor}_{self.machine}" for minor in range(GLIBC, 4, -1)]
        platforms += [f"manylinux{year}_{self.machine}" for year in ("2014", "2010", "1")]
        command = [sys.executable, "-m", "pip", "download"]
        command += ["--disable-pip-version-check", "--no-input"]
        command += ["--require-hashes", "--only-binary", ":all:", "--no-deps", "--dest", str(into)]
        command += ["--implementation", "cp", "--python-version", self.python]
        command += [word for platform in platforms for word in ("--platform", platform)]
        lines = []
        with subprocess.Popen(
            [*command, "--requirement", str(self.lock)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                for line in process.stdout or ():
                    lines.append(line.rstrip())
                    if match := _PACKAGE.match(line):
                        told(match[1])
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            words = list(dropwhile(lambda line: not line.startswith("ERROR"), lines)) or lines
            raise WheelhouseError("\n".join([f"pip ended with {process.returncode}:", *words]))


def wheelhouses(
    roles: Path, into: Path, pythons: Iterable[str] = PYTHONS, machine: str = MACHINE
) -> dict[str, list[Wheelhouse]]:
    """The wheelhouses of a folder of roles, in the order of their names: those that have a lock.

    They stand at `into/<role>/<python>-<machine>`, where roles/base/tasks/wheels.yml looks for one.
    """
    locks = {lock.parts[-3]: lock for lock in sorted(roles.glob(f"*/files/{LOCK}"))}
    return {
        role: [
            Wheelhouse(lock, into / role / f"{python}-{machine}", python, machine)
            for python in dict.fromkeys(pythons)
        ]
        for role, lock in locks.items()
    }


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One at a time: a second waits here, and then finds all done."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _remove(*folders: Path) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _pins(lock: Path) -> dict[str, frozenset[str]]:
    """The hashes of each `name==version`."""
    return {
        name: frozenset(_HASH.findall(hashes)) for name, hashes in _PIN.findall(lock.read_text())
    }


def _read_sums(text: str) -> dict[str, str]:
    """The hash of each file by its name. Raises ValueError where a line is none of sha256sum's."""
    pairs = [line.split("  ", 1) for line in text.splitlines()]
    return {name: digest for digest, name in pairs}


def _sum(path: Path) -> str:
    """The SHA-256 of a file; of what is no file, nothing that a list could name."""
    if not path.is_file():
        return "none"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
