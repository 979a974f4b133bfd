"""The verbs: what each does with generations, clock and kernel. They run under the lock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from .calendar import iso, read_clock
from .configuration import Configuration, read_configuration
from .generation import Arrived, Generations, check_digest, unpack
from .kernel import CommandError, run
from .layout import NAT, SHAPER, SYSCTL, HostError, Paths
from .reconcile import Outcome, reconcile
from .records import Applied, Records
from .survey import survey

LATE_SECONDS = 90
"""An hour switch may wait for the next minute's timer; one that is later than this is missing."""


class Program:
    """The verbs on one host."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.generations = Generations(paths)
        self.records = Records(paths.applied)

    def observe(self) -> dict[str, Any]:
        """What runs here, and whether the kernel is as it should be; touches nothing."""
        digest = self.generations.current()
        clock = read_clock(self.paths.clock)
        said: dict[str, Any] = {
            "generation": digest,
            "profile": None,
            "clock": clock.rehearsed(),
            "kernel": "ok",
            "calendar": None,
        }
        if digest is None:
            if left := self.records.devices():
                said["kernel"] = f"missing: no generation; left over: trees on {', '.join(left)}"
            return said
        applied = self.records.applied()
        if applied and applied.generation == digest:
            said["profile"] = applied.profile
        try:
            files = self.generations.read(digest)
            configuration = read_configuration(files)
            missing = self._missing(configuration, said["profile"], clock.now())
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

    def _missing(
        self, configuration: Configuration, profile: str | None, now: datetime
    ) -> list[str]:
        due = configuration.calendar.at(now)
        if profile is None or profile not in configuration.profiles:
            return ["nothing was brought into force since the machine started"]
        since = configuration.calendar.since(now)
        late = profile != due and (now - since).total_seconds() > LATE_SECONDS
        missing = survey(configuration, profile, self.records).words()
        return [*missing, f"profile {due} since {iso(since)}"] if late else missing

    def activate(self, digest: str, archive: bytes) -> dict[str, Any]:
        """Brings a bundle in force; when that fails, the generation before is in force again."""
        check_digest(digest)
        previous = self.generations.current()
        arrived, standing = self._files(digest, archive)
        configuration = read_configuration(arrived.files)
        _check_tables(arrived.files)
        known = self._interfaces(previous)
        if not standing:
            self.generations.stage(digest, arrived.files, arrived.secrets)
        if previous != digest:
            self.generations.flip(digest)
        try:
            outcome, profile = self._bring(digest, configuration)
            if strange := sorted(set(outcome.absent) - known):
                raise HostError(f"there is no interface {', '.join(strange)}")
        except Exception as error:  # whatever it was: the way back is taken
            raise HostError(f"{_words(error)}; {self._back(previous, digest)}") from error
        return _result(digest, previous, profile, outcome)

    def _files(self, digest: str, archive: bytes) -> tuple[Arrived, bool]:
        """The files of a generation, and whether they are on this host already, and whole."""
        try:
            files = self.generations.read(digest)
            if ailing := self.generations.ailing(digest, files):
                raise HostError(f"generation {digest} is not whole: {'; '.join(ailing)}")
            return Arrived(files), True
        except HostError as error:
            if not archive.strip():
                raise HostError(f"{error}, and no archive came with it") from None
        return unpack(archive, digest), False

    def _interfaces(self, digest: str | None) -> set[str]:
        """What a generation names of this machine: that is no news to it when it is away."""
        if digest is None:
            return set()
        try:
            return set(read_configuration(self.generations.read(digest)).interfaces)
        except HostError:
            return set()

    def _back(self, previous: str | None, failed: str) -> str:
        """Puts the generation before back in force; says how that went."""
        try:
            self.generations.flip(previous)
            if previous is None:
                left = "what was laid until then stays until the next activation"
                return f"no generation is in force; {left}"
            if previous == failed:
                return f"generation {previous} stays current"
            self._bring(previous, read_configuration(self.generations.read(previous)))
        except Exception as error:  # noqa: BLE001 - no other way is left; it must be told
            return f"generation {previous} is not wholly in force again: {_words(error)}"
        return f"generation {previous} is in force again"

    def hours(self) -> dict[str, Any]:
        """Brings the kernel to what the current generation wants at this moment.

        Raises HostError for an interface that is away, too, once all else is done.
        """
        digest = self.generations.current()
        if digest is None:
            return _result(None, None, None, Outcome())
        outcome, profile = self._bring(digest, read_configuration(self.generations.read(digest)))
        if outcome.absent:
            raise HostError(f"interface {', '.join(outcome.absent)} is away; all else is in force")
        return _result(digest, digest, profile, outcome)

    def rehearse(self, moment: datetime | None, now: datetime) -> dict[str, Any]:
        """Runs as if it were `moment` from now on; None goes back to the real clock."""
        if moment is None:
            self.paths.clock.unlink(missing_ok=True)
        else:
            side = self.paths.clock.with_suffix(".new")
            side.write_text(f"{(moment - now).total_seconds()}\n")
            side.replace(self.paths.clock)
        return self.hours()

    def export(self, digest: str | None) -> bytes:
        """A generation as base64 tar.gz, the current one unless another is named."""
        wanted = check_digest(digest) if digest else self.generations.current()
        if wanted is None:
            raise HostError("no generation is in force on this host")
        return self.generations.export(wanted)

    def _bring(self, digest: str, configuration: Configuration) -> tuple[Outcome, str]:
        profile = configuration.calendar.at(read_clock(self.paths.clock).now())
        sysctl_file = str(self.generations.folder(digest) / SYSCTL)
        applied = Applied(digest, profile)
        return reconcile(configuration, applied, self.records, sysctl_file), profile


def _words(error: Exception) -> str:
    expected = isinstance(error, HostError | OSError)
    return str(error) if expected else f"{type(error).__name__}: {error}"


def _check_tables(files: Mapping[str, bytes]) -> None:
    """Lets nft read the tables before anything is touched."""
    for path in (SHAPER, NAT):
        try:
            run(["nft", "-c", "-f", "-"], files[path].decode())
        except CommandError as error:
            raise HostError(f"{path}: {error}") from None


def _result(
    digest: str | None, previous: str | None, profile: str | None, outcome: Outcome
) -> dict[str, Any]:
    changes = [
        {"device": item["device"], "class": item["id"], "action": item["action"]}
        for item in map(asdict, outcome.changes)
    ]
    return {
        "generation": digest,
        "previous": previous,
        "profile": profile,
        "changes": changes,
        "rebuilt": outcome.rebuilt,
        "other": outcome.other,
    }
