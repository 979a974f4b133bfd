"""The verbs: what each does with generations, clock and kernel. They run under the lock."""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Any

from .bare import take_down_shaping
from .bypass import attempted
from .calendar import iso, read_clock
from .change import Changes, Order, result
from .configuration import Configuration, read_configuration
from .differences import differences
from .drift import (
    Moment,
    current_findings,
    generation_findings,
    link_findings,
    program_told,
)
from .finding import Finding, bounded
from .generation import check_digest
from .layout import HostError, Paths
from .mended import Mended
from .reconcile import Outcome
from .record import STAYED, Event
from .records import Applied
from .survey import survey
from .timer import Timer
from .usage import Usage
from .window import UNREADABLE, Pending

PROTOCOL = 2
"""What controller and host program say to each other; 1 knew no confirmation."""

LATE_SECONDS = 90
"""An hour switch may wait for the next minute's timer; one that is later than this is missing."""

PROBE_SECONDS = 3.0
"""How long a neighbour is waited for: a machine in the same room answers in a millisecond."""


class Program:
    """The verbs on one host."""

    def __init__(self, paths: Paths, timer: Timer | None = None) -> None:
        self.paths = paths
        self.changes = Changes(paths, timer)
        self.generations = self.changes.generations
        self.records = self.changes.records
        self.windows = self.changes.windows
        self.record = self.changes.record
        self.mended = Mended(paths.mended)
        self.measured = Usage(paths)

    def _stands(self, asked_from: str | None) -> dict[str, Any]:
        """What is known of this host before the kernel is asked."""
        digest = self.changes.in_force()
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
            "bypass": self.changes.bypass.since(),
            "asked_from": asked_from,
        }

    def observe(self, asked_from: str | None = None) -> dict[str, Any]:
        """What runs here, and whether the kernel is as it should be; touches nothing."""
        said = self._stands(asked_from)
        digest, clock = said["generation"], read_clock(self.paths.clock)
        if digest is None:
            if left := self.records.devices():
                said["kernel"] = f"missing: no generation; left over: trees on {', '.join(left)}"
            return said
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

    def drift(self, asked_from: str | None = None) -> dict[str, Any]:
        """As `observe`, and all that stands otherwise than the generation says; touches nothing.

        `findings` are those of `finding.Finding`, bounded; `mended` what the hours put right since
        the last change that stayed; `program` what stands here of the program itself.
        """
        said = self._stands(asked_from)
        digest = said["generation"]
        last = self.record.last()
        findings = [*link_findings(self.paths), *current_findings(self.paths, last)]
        if digest:
            now = read_clock(self.paths.clock).now()
            moment = Moment(now, LATE_SECONDS, said["profile"], said["bypass"] is not None)
            findings += generation_findings(self.generations, self.records, digest, moment)
        else:
            findings += self._left_over()
        if since := said["bypass"]:
            words = f"bypassed since {since} by a person at the console"
            findings.append(Finding("bypass", "the policy", "in force", words, mend="console"))
        findings += self.changes.units.findings()
        drifts = sum(one.drift for one in findings)
        said["kernel"] = f"missing: {drifts} findings of drift" if drifts else "ok"
        stayed = self.record.last(STAYED)
        return {
            **said,
            "findings": [asdict(one) for one in bounded(findings)],
            "mended": self.mended.entries(stayed.time if stayed else ""),
            "program": program_told(self.paths.root),
        }

    def _left_over(self) -> list[Finding]:
        return [
            Finding("tree", device, "no generation", "a tree is left over", mend="apply")
            for device in self.records.devices()
        ]

    def _previous(self, digest: str | None) -> str | None:
        """What was in force before the change that was confirmed last: a rollback leads there."""
        confirmed = self.windows.confirmed()
        return confirmed.previous if confirmed and confirmed.generation == digest else None

    def _reverted(self) -> dict[str, str | None] | None:
        last = self.record.last()
        if last is None or last.event not in ("reverted", "failed"):
            return None
        return {"generation": last.generation, "reason": last.reason, "time": last.time}

    def _missing(
        self, configuration: Configuration, profile: str | None, now: datetime
    ) -> list[str]:
        if since := self.changes.bypass.since():
            return [f"the policy is bypassed since {since}, by a person at the console"]
        due = configuration.calendar.at(now)
        if profile is None or profile not in configuration.profiles:
            return ["nothing was brought into force since the machine started"]
        begun = configuration.calendar.since(now)
        late = profile != due and (now - begun).total_seconds() > LATE_SECONDS
        missing = survey(configuration, profile, self.records).words()
        return [*missing, f"profile {due} since {iso(begun)}"] if late else missing

    def activate(self, digest: str, archive: bytes, order: Order | None) -> dict[str, Any]:
        """Brings a bundle in force; when that fails, the generation before is in force again."""
        self.measured.forget()
        return self.changes.activate(digest, archive, order)

    def confirm(self, digest: str) -> dict[str, Any]:
        """Keeps a change for good, once the kernel was seen to hold all that it asks for.

        Raises HostError otherwise; the change then waits until it reverts.
        """
        pending = self.windows.pending()
        if pending and pending.generation == digest:
            configuration = read_configuration(self.generations.read(digest))
            applied = self.records.applied()
            profile = applied.profile if applied and applied.generation == digest else None
            now = read_clock(self.paths.clock).now()
            away = {f"interface {device} is away" for device in configuration.interfaces}
            missing = [
                word for word in self._missing(configuration, profile, now) if word not in away
            ]
            if missing:
                raise HostError(f"not confirmed, for the kernel lacks: {'; '.join(missing)}")
        return self.changes.confirm(digest)

    def revert(self, digest: str | None, reason: str) -> dict[str, Any]:
        """Takes a change back that waits for its confirmation."""
        return self.changes.revert(digest, reason)

    def awaits(self, token: str) -> bool:
        """Whether this very window is still open, or is being closed by a revert."""
        found = (self.windows.pending(), self.windows.reverting())
        return any(one is not None and one.token in (token, UNREADABLE) for one in found)

    def boot(self) -> dict[str, Any]:
        """Before the network comes up: takes a change back that a restart has overtaken."""
        self.changes.settle(kernel=False)
        return {"generation": self.generations.current(), "head": self.record.head()}

    def hours(self) -> dict[str, Any]:
        """Brings the kernel to what should be in force at this moment.

        Raises HostError for an interface that is away, too, once all else is done.
        """
        unsettled: Exception | None = None
        try:
            self.changes.settle()
        except (HostError, OSError) as error:
            unsettled = error
        digest = self.changes.in_force()
        if digest is None:
            outcome, profile = Outcome(), None
        else:
            configuration = read_configuration(self.generations.read(digest))
            before = self.records.applied()
            found = self.measured.read(configuration.ifb, configuration.uplink)
            outcome, profile = self.changes.bring(digest, configuration)
            now = Applied(digest, profile)
            self._note_mended(before, now, outcome)
            self.measured.note(found, before, now, rebuilt=outcome.rebuilt)
        if unsettled:
            raise unsettled
        if outcome.absent:
            raise HostError(f"interface {', '.join(outcome.absent)} is away; all else is in force")
        return result(digest, digest, profile, outcome)

    def _note_mended(self, before: Applied | None, now: Applied, outcome: Outcome) -> None:
        """Nothing had changed by us, and yet something had to be mended: by hand, or by a program.

        An interface that is away is told each minute anyway.
        """
        if before != now or outcome.work is None:
            return
        found = [one for one in differences(outcome.work) if one.where not in outcome.absent]
        if found:
            with suppress(OSError):  # a full disk must not keep the hours from their work
                self.mended.add(now, found, datetime.now(UTC))

    def bypass(self, *, on: bool) -> dict[str, Any]:
        """Takes the policy out of the traffic's way, or brings it back; at the console.

        While it is on, everything that is routed is reached, without limits and without a guard;
        nothing is activated, and a restart changes none of that. What cannot be done of it stops
        nothing else of it: HostError tells it at the end.
        """
        if not on:
            if self.changes.bypass.since():
                self.changes.bypass.end()
                with suppress(OSError, HostError):  # the record cannot be written: the kernel can
                    self._note("restored")
            return self.hours()
        fresh = self.changes.bypass.since() is None
        said: dict[str, Any] = {}
        # the note comes first: a run that is killed here is brought to its end by the next minute
        troubles = attempted(
            *([self.changes.bypass.begin] if fresh else []),
            lambda: take_down_shaping(self.records, self._devices()),
            *([partial(self._note, "bypassed")] if fresh else []),
            lambda: said.update(self.hours()),
        )
        if troubles:
            raise HostError(f"the policy is out of the way as far as it goes: {troubles}")
        return said

    def _devices(self) -> list[str]:
        """The interfaces that the generation names; none where it cannot be read."""
        try:
            digest = self.changes.in_force()
            files = self.generations.read(digest, whole=False) if digest else None
            configuration = read_configuration(files) if files else None
        except (HostError, OSError):
            return []
        return [configuration.ifb, *configuration.interfaces] if configuration else []

    def _note(self, event: Event) -> None:
        self.record.append(event, self.generations.current(), sequence=self.windows.sequence())

    def usage(self) -> dict[str, Any]:
        """How much each class used in the last week; touches nothing."""
        return {"protocol": PROTOCOL, **self.measured.told(datetime.now(UTC))}

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
        wanted = check_digest(digest) if digest else self.changes.in_force()
        if wanted is None:
            raise HostError("no generation is in force on this host")
        return self.generations.export(wanted)


def _waiting(pending: Pending) -> dict[str, Any]:
    return {
        "generation": pending.generation,
        "previous": pending.previous,
        "sequence": pending.sequence,
        "left": round(max(pending.left, 0.0), 3),
    }


def probe(address: str, port: int) -> dict[str, str]:
    """Whether a fresh connection from here reaches an ssh server; raises HostError if not."""
    where = f"{address} port {port}"
    try:
        with socket.create_connection((address, port), PROBE_SECONDS) as connection:
            banner = connection.recv(256)
    except OSError as error:
        raise HostError(f"{where} cannot be reached from here: {error}") from None
    if not banner.startswith(b"SSH-"):
        raise HostError(f"{where} answers, but not as an ssh server: {banner[:40]!r}")
    return {"banner": banner.decode(errors="replace").strip()}
