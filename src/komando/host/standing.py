"""What stands on this host, told without a touch: the question that every apply asks first.

It has a file of its own, and imports little, because it is asked of all hosts at once: what it
loads is most of what an answer costs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from types import SimpleNamespace

from .bypass import Bypass
from .calendar import iso, read_clock
from .errors import HostError
from .generation import Generations, check_digest
from .layout import Paths
from .record import AT_THE_CONSOLE, CHANGES, Record
from .typed import TYPE_CHECKING, Any
from .window import Pending, Windows

if TYPE_CHECKING:
    from .configuration import Configuration
    from .records import Records

PROTOCOL = 2
"""What controller and host program say to each other; 1 knew no confirmation."""

LATE_SECONDS = 90
"""An hour switch may wait for the next minute's timer; one that is later than this is missing."""


def asker() -> str | None:
    """The address of whoever asks over ssh."""
    return os.environ.get("SSH_CONNECTION", "").partition(" ")[0] or None


class Standing:
    """One host as it stands: its generations, its record, its window, and its kernel."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.generations = Generations(paths)
        self.record = Record(paths.record)
        self.windows = Windows(paths)
        self.bypass = Bypass(paths)

    @cached_property
    def records(self) -> Records:
        """What was last sent to the kernel."""
        from .records import Records

        return Records(self.paths.applied)

    def current(self) -> str | None:
        """The generation that was brought in force last.

        Where somebody led `current` elsewhere it is the one that the record tells, so that the
        network is kept as it was; None where nothing was brought in force.
        """
        current = self.paths.current
        digest = self.generations.current()
        if digest or not os.path.lexists(current):
            return digest
        last = self.record.last()
        if last is None:  # the name is all that is left
            named = current.readlink().name if current.is_symlink() else ""
            return named if named in self.generations.kept() else None
        if last.event != "armed":
            return last.led
        window = self.windows.pending() or self.windows.confirmed()
        stands = window and window.sequence == last.sequence
        return last.generation if stands else last.previous

    def in_force(self) -> str | None:
        """The generation that the kernel should hold: while a change is taken back, the one before.

        That is what `current` says but for the time in which the disk cannot be written.
        """
        if reverting := self.windows.reverting():
            return reverting.previous
        pending = self.windows.pending()
        return pending.previous if pending and pending.left <= 0 else self.current()

    def told(self, asked_from: str | None) -> dict[str, Any]:
        """What is known of this host before the kernel is asked."""
        digest = self.in_force()
        pending = self.windows.pending()
        applied = self.records.applied()
        here = applied is not None and applied.generation == digest
        return {
            "protocol": PROTOCOL,
            "generation": digest,
            "previous": self._previous(digest),
            "generations": self.generations.kept(),
            "profile": applied.profile if applied and here else None,
            "clock": read_clock(self.paths.clock).rehearsed(),
            "kernel": "ok",
            "calendar": None,
            "pending": pending and _waiting(pending),
            "sequence": self.windows.sequence(),
            "head": self.record.head(),
            "reverted": self._reverted(),
            "bypass": self.bypass.since(),
            "asked_from": asked_from,
        }

    def observe(self, asked_from: str | None = None) -> dict[str, Any]:
        """What runs here, and whether the kernel is as it should be; touches nothing."""
        from .configuration import read_configuration

        said = self.told(asked_from)
        digest, clock = said["generation"], read_clock(self.paths.clock)
        if digest is None:
            if left := self.records.devices():
                said["kernel"] = f"missing: no generation; left over: trees on {', '.join(left)}"
            return said
        try:
            files = self.generations.read(digest)
            configuration = read_configuration(files, staged=True)
            missing = self.missing(configuration, said["profile"], clock.now())
            missing += self.generations.ailing(digest, files)
        except HostError as error:
            said["kernel"] = f"missing: {error}"
            return said
        if missing:
            said["kernel"] = "missing: " + "; ".join(missing)
        until = iso(configuration.calendar.until)
        ended = configuration.calendar.ended(clock.now())
        said["calendar"] = f"ended: no hours are known after {until}" if ended else "ok"
        return said

    def export(self, digest: str | None) -> bytes:
        """A generation as base64 tar.gz, the current one unless another is named."""
        wanted = check_digest(digest) if digest else self.in_force()
        if wanted is None:
            raise HostError("no generation is in force on this host")
        return self.generations.export(wanted)

    def _previous(self, digest: str | None) -> str | None:
        """What was in force before the change that was confirmed last: a rollback leads there."""
        confirmed = self.windows.confirmed()
        return confirmed.previous if confirmed and confirmed.generation == digest else None

    def _reverted(self) -> dict[str, str | int | None] | None:
        last = self.record.last()
        if last and last.event in AT_THE_CONSOLE:
            last = self.record.last(CHANGES)
        if last is None or last.event not in ("reverted", "failed"):
            return None
        return {
            "generation": last.generation,
            "sequence": last.sequence,
            "reason": last.reason,
            "time": last.time,
        }

    def missing(
        self, configuration: Configuration, profile: str | None, now: datetime
    ) -> list[str]:
        """What the kernel lacks of a generation that was brought to `profile`, in words."""
        if since := self.bypass.since():
            return [f"the policy is bypassed since {since}, by a person at the console"]
        due = configuration.calendar.at(now)
        if profile is None or profile not in configuration.profiles:
            return ["nothing was brought into force since the machine started"]
        begun = configuration.calendar.since(now)
        late = profile != due and (now - begun).total_seconds() > LATE_SECONDS
        from .survey import survey

        missing = survey(configuration, profile, self.records).words()
        return [*missing, f"profile {due} since {iso(begun)}"] if late else missing


def _waiting(pending: Pending) -> dict[str, Any]:
    return {
        "generation": pending.generation,
        "previous": pending.previous,
        "sequence": pending.sequence,
        "left": round(max(pending.left, 0.0), 3),
    }


def _drift(standing: Standing, _: SimpleNamespace) -> dict[str, Any]:
    from .drift import drift_of

    return drift_of(standing, asker())


QUESTIONS: Mapping[str, Callable[[Standing, SimpleNamespace], dict[str, Any] | str]] = {
    "observe": lambda standing, _: standing.observe(asker()),
    "drift": _drift,
    "record": lambda standing, given: standing.record.lines(given.since),
    "export": lambda standing, given: standing.export(given.digest).decode(),
}
"""The verbs that touch nothing."""
