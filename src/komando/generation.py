"""A generation: a bundle on a host, under its digest; and where a host keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from komando.bundle import Bundle
from komando.host.layout import (
    CALENDAR,
    DOWNLOAD,
    GUARD,
    INTENT,
    MANIFEST,
    NAT,
    NETWORK,
    PROFILES,
    RELOAD,
    ROUTER,
    SECRETS,
    SHAPER,
    STEER,
    SYSCTL,
    UPLOAD,
    Paths,
)

if TYPE_CHECKING:
    from komando.usage import Usage

__all__ = [
    "CALENDAR",
    "DOWNLOAD",
    "GENERATIONS",
    "GUARD",
    "INTENT",
    "MANIFEST",
    "NAT",
    "NETWORK",
    "PROFILES",
    "PROGRAM",
    "RELOAD",
    "ROUTER",
    "SECRETS",
    "SHAPER",
    "STEER",
    "SYSCTL",
    "UPLOAD",
    "RunningGeneration",
    "TakenBack",
]

GENERATIONS = str(Paths().generations)
PROGRAM = "/usr/local/sbin/komando-host"


@dataclass(frozen=True)
class TakenBack:
    """A change that a host has taken back, of which apply (its sequence), why, and when.

    `time` is ISO 8601 in UTC; "" where the host did not tell it.
    """

    generation: str | None
    sequence: int
    reason: str
    time: str = ""

    @property
    def words(self) -> str:
        """One line on it; a program's whole output stands in the host's record."""
        what = (self.generation or "")[:12] or "to an unknown generation"
        when = f" at {self.time}" if self.time else ""
        why = next(iter(self.reason.splitlines()), "") or "no reason is on record"
        return f"its last change {what} was taken back{when}: {why}"


@dataclass(frozen=True)
class RunningGeneration:
    """What a host said of itself when it was asked.

    `digest` and `profile` are None on a host that runs nothing yet; `clock` is the rehearsed
    moment (ISO 8601) when there is one; `kernel` is "ok" or "missing: ...". `bundle` holds the
    generation's files where they were fetched, which the plan needs only where something differs.
    `calendar` is "ok", or says that the calendar has come to its end.

    `previous` is what a rollback leads to, and `generations` are all that it has, the newest first.
    `waits` says for how many seconds more an unconfirmed change is in force, where one is.
    `sequence` is the highest of the applies that it has seen, `head` the digest of the last line of
    its record. `asked_from` is the address that the question came from, and `bypass` since when a
    person at the console has taken the policy out of force.
    `taken_back` is its last change, if that did not stay. `usage` is what its offices used in the
    last week, where that was asked.
    """

    host: str
    digest: str | None = None
    profile: str | None = None
    clock: str | None = None
    kernel: str = "ok"
    calendar: str = "ok"
    bundle: Bundle | None = None
    previous: str | None = None
    generations: tuple[str, ...] = ()
    waits: float | None = None
    sequence: int = 0
    head: str = ""
    asked_from: str | None = None
    bypass: str | None = None
    taken_back: TakenBack | None = None
    usage: Usage | None = None

    @property
    def healthy(self) -> bool:
        """Whether the kernel holds what the generation asks for."""
        return self.kernel == "ok"
