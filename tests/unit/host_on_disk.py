"""A host on disk, without a kernel: for what a change leaves there, step by step."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from komando.bundle import Bundle
from komando.host.archive import unpack
from komando.host.change import Changes, Order
from komando.host.configuration import Configuration, read_configuration
from komando.host.errors import HostError
from komando.host.layout import Paths
from komando.host.reconcile import Outcome
from tests.host_bundle import City, cargo_of, files_of


def bundle(text: str) -> Bundle:
    extra = {"etc/komando/intent.json": json.dumps({"text": text})}
    return Bundle("core-1", files_of(City(extra=extra)))


OLD, NEW, OTHER = bundle("old"), bundle("new"), bundle("other")


class Alarm:
    """A timer that never rings: what was set, and what was taken away."""

    def __init__(self) -> None:
        self.set: dict[str, float] = {}
        self.taken: list[str] = []
        self.refuses = ""

    def start(self, token: str, seconds: float) -> None:
        if self.refuses:
            raise HostError(self.refuses)
        self.set[token] = seconds

    def stop(self, token: str) -> None:
        self.taken.append(token)


class OnDisk(Changes):
    """Changes of a host without a kernel; what was brought in force, in order."""

    def __init__(self, root: Path) -> None:
        self.alarm = Alarm()
        super().__init__(Paths(root), self.alarm)
        self.paths.state.mkdir(parents=True, exist_ok=True)
        self.brought: list[str | None] = []
        self.refused: dict[str, str] = {}
        self.blocked = ""

    def _stage(self, digest: str, archive: bytes, previous: str | None) -> Configuration:
        del previous
        if archive:
            self.generations.stage(digest, unpack(archive, digest).files)
        return read_configuration(self.generations.read(digest))

    def bring(
        self, digest: str, configuration: Configuration, *, thorough: bool = False
    ) -> tuple[Outcome, str]:
        del configuration, thorough
        if words := self.refused.get(digest):
            raise HostError(words)
        self.brought.append(digest)
        return Outcome(), "day"

    def _bring_back(self, previous: str | None) -> None:
        if self.blocked:
            raise HostError(self.blocked)
        self.brought.append(previous)

    def change(self, bundle: Bundle, order: Order | None = None) -> None:
        """Brings a bundle in force, by an apply or at the console."""
        self.activate(bundle.digest, cargo_of(bundle), order)

    @property
    def said(self) -> list[tuple[str, int, str]]:
        """The record: event, sequence and reason of each line."""
        lines = map(json.loads, self.record.lines().splitlines())
        return [(line["event"], line["sequence"], line["reason"]) for line in lines]


def standing(root: Path) -> OnDisk:
    """A host on which the old generation was brought in force at the console."""
    made = OnDisk(root)
    made.change(OLD)
    return made


def overdue(host: OnDisk, **other: object) -> None:
    """Lets the time of the open window be over."""
    pending = host.windows.pending()
    assert pending is not None
    host.windows.open(replace(pending, **({"deadline": 0.0} | other)))  # type: ignore[arg-type]
