"""A change of generation with a way back: armed, made, and confirmed over a fresh connection.

Everything here may be cut off at any point, by a kill, a full disk or a restart. So each step
leaves on the disk what the next run needs to know, and `settle` brings to its end whatever a run
before it has begun: the alarm, the minute's look at the hours, the boot and the next activation
all begin with it.
"""

from __future__ import annotations

import os
from contextlib import suppress

from .bare import take_down, take_down_shaping
from .calendar import Clock, read_clock
from .configuration import Configuration, read_configuration
from .errors import HostError
from .frozen import Frozen, replace
from .generation import check_digest
from .layout import Paths
from .reconcile import Outcome, reconcile, route_alone
from .records import Applied
from .staging import stage
from .standing import Standing
from .tables import GUARD_TABLE, delete_tables
from .timer import SystemdTimer, Timer
from .typed import TYPE_CHECKING, Any
from .units import Units
from .window import Pending, boot_id, seconds_up

if TYPE_CHECKING:
    from typing import NoReturn

    from .record import Event

LONGEST = 3600
"""Seconds that a window may have."""

OF_CHANGES: tuple[Event, ...] = ("armed", "activated", "confirmed", "reverted", "failed")
"""What the record says of changes, and not of what a person does beside them."""

NONE = "none"
"""How a controller says that its plan saw no generation."""

UNCONFIRMED = "nobody confirmed it in time"


class Order(Frozen):
    """Which apply asks for a change, and within how many seconds it has to confirm it.

    `before` is the generation that its plan saw here, or "none"; None when it does not say.
    """

    sequence: int
    within: float
    before: str | None = None


class Changes:
    """What can be done with generations on one host; under the lock."""

    def __init__(self, paths: Paths, timer: Timer | None = None) -> None:
        self.paths = paths
        self.standing = Standing(paths)
        self.generations = self.standing.generations
        self.records = self.standing.records
        self.record = self.standing.record
        self.windows = self.standing.windows
        self.bypass = self.standing.bypass
        self.timer = timer or SystemdTimer()
        self.units = Units(paths.root)

    # --- making a change ---------------------------------------------------------------------

    def activate(self, digest: str, archive: bytes, order: Order | None) -> dict[str, Any]:
        """Brings a bundle in force; when that fails, the generation before is in force again.

        With an order it has to be confirmed in time. Without one it stays: somebody is at the
        console. What runs already is only repaired, which nobody has to confirm either.
        """
        check_digest(digest)
        self._make_way()
        previous = self.standing.current()
        self._refuse(order, previous)
        self._prune(digest, previous)
        configuration = self._stage(digest, archive, previous)
        if previous == digest:
            return self._repair(digest, configuration, order)
        pending = self._arm(digest, previous, order) if order else None
        try:
            self.generations.flip(digest)
            outcome, profile = self.bring(digest, configuration)
        except Exception as error:  # whatever it was: the way back is taken
            reason = _words(error)
            back = self._give_up(digest, previous, pending, reason)
            raise HostError(f"{reason}; {back}") from error
        if pending is None:
            self.record.append("activated", digest, previous, self.windows.sequence())
        return result(digest, previous, profile, outcome)

    def _refuse(self, order: Order | None, previous: str | None) -> None:
        if self.bypass.since():
            raise HostError(
                "bypass is on: a person at the console took the policy out of the traffic's way; "
                "`komando-host bypass off` there ends that"
            )
        if pending := self.windows.pending():
            raise HostError(
                f"armed: generation {pending.generation} waits for its confirmation, and reverts "
                f"in {max(pending.left, 0):.0f} s: try again then"
            )
        if order is None:
            return
        if not 1 <= order.within <= LONGEST:
            raise HostError(f"a window of {order.within:g} s; it has 1 to {LONGEST}")
        if order.sequence < (seen := self.windows.sequence()):
            raise HostError(
                f"apply {order.sequence} comes late: apply {seen} was here already; plan again"
            )
        if order.before not in (None, previous or NONE):
            raise HostError(
                f"generation {previous or NONE} runs here, where the plan saw {order.before}: "
                "plan again"
            )

    def _prune(self, *kept: str | None) -> None:
        """Lets old generations go: what runs, what a window or a rollback needs, and `kept` stay.

        Before a change, too: of those that fail, each with another digest, none is ever confirmed.
        """
        with suppress(OSError, HostError):  # no reason to keep the network as it is
            windows = (self.windows.pending(), self.windows.reverting(), self.windows.confirmed())
            needed = {one for it in windows if it for one in (it.generation, it.previous)}
            self.generations.prune({*needed, *kept})

    def _stage(self, digest: str, archive: bytes, previous: str | None) -> Configuration:
        return stage(self.generations, digest, archive, previous)

    def _repair(
        self, digest: str, configuration: Configuration, order: Order | None
    ) -> dict[str, Any]:
        try:
            outcome, profile = self.bring(digest, configuration)
            mended = [*self._led_back(digest), *self.units.mend()]
            outcome = replace(outcome, other=(*outcome.other, *mended))
        except Exception as error:
            raise HostError(f"{_words(error)}; generation {digest} stays current") from error
        if order:
            self.windows.see(order.sequence)
        if outcome.changes or outcome.rebuilt or outcome.other:
            sequence = self.windows.sequence()
            self.record.append("activated", digest, digest, sequence, "repaired")
        return result(digest, digest, profile, outcome)

    def _led_back(self, digest: str) -> list[str]:
        if self.generations.leads(digest):
            return []
        self.generations.flip(digest)
        return [f"current, which led elsewhere, leads to {digest} again"]

    def _arm(self, digest: str, previous: str | None, order: Order) -> Pending:
        """Sets the alarm, then writes the window down: a run that is killed between loses nothing.

        The other way round the change would have a window that nobody closes in time.
        """
        pending = Pending(
            token=os.urandom(8).hex(),
            generation=digest,
            previous=previous,
            sequence=order.sequence,
            boot=boot_id(),
            deadline=seconds_up() + order.within,
        )
        self.timer.start(pending.token, order.within)
        try:
            self.windows.open(pending)
            self.record.append("armed", digest, previous, order.sequence)
        except OSError as error:
            self.timer.stop(pending.token)
            self.windows.abandon()
            raise HostError(f"nothing was changed: {error}") from error
        return pending

    def _give_up(
        self, digest: str, previous: str | None, pending: Pending | None, reason: str
    ) -> str:
        """Takes a change back that failed; says how that went."""
        try:
            if pending:
                self._take_back(pending, reason)
            if pending is None or self.windows.reverting():
                self._restore(previous)
        except Exception as error:  # noqa: BLE001 - no other way is left; it must be told
            wanted = f"generation {previous}" if previous else "the state before"
            return f"{wanted} is not wholly in force again: {_words(error)}"
        try:
            if pending is None:
                self.record.append("failed", digest, previous, self.windows.sequence(), reason)
            self.settle()
        except (HostError, OSError) as error:
            reason = f"; that could not be written down yet: {error}"
        else:
            reason = ""
        if previous is None:
            return f"no generation is in force, as before{reason}"
        return f"generation {previous} is in force again{reason}"

    # --- its end -----------------------------------------------------------------------------

    def confirm(self, digest: str) -> dict[str, Any]:
        """Keeps a change for good; asked again, it answers again.

        Whether the kernel holds what the change asks for is looked at before, by the verb. Raises
        HostError when there is nothing to confirm, or the window has just closed.
        """
        check_digest(digest)
        self.settle()
        pending = self.windows.pending()
        if pending is None or pending.generation != digest:
            return self._confirmed_before(digest)
        if not self.windows.confirm():
            raise HostError("the window closed at this moment: the change was taken back")
        self._keep(pending)
        self._prune(pending.generation, pending.previous)
        return {"confirmed": digest, "head": self.record.head()}

    def _confirmed_before(self, digest: str) -> dict[str, Any]:
        confirmed = self.windows.confirmed()
        if confirmed and confirmed.generation == digest == self.standing.current():
            return {"confirmed": digest, "head": self.record.head()}
        last = self.record.last()
        if last and (last.event, last.generation) == ("reverted", digest):
            raise HostError(f"too late: {last.reason}")
        raise HostError(f"no change to {digest} waits here: there is nothing to confirm")

    def revert(self, digest: str | None, reason: str) -> dict[str, Any]:
        """Takes a change back that waits for its confirmation; none is no error."""
        pending = self.windows.pending()
        if pending and digest in (None, pending.generation):
            self._take_back(pending, reason)
        self.settle()
        return {"generation": self.standing.current(), "head": self.record.head()}

    def settle(self, *, kernel: bool = True) -> None:
        """Brings to its end what a run before this one has begun.

        A window that is overdue is taken back; a revert is finished, with its kernel state unless
        the machine only boots; a confirmation is written down. Raises HostError or OSError with
        what could not be done: the next run tries again.
        """
        pending = self.windows.pending()
        if pending and pending.left <= 0:
            self._overdue(pending, kernel=kernel)
        if reverting := self.windows.reverting():
            self._restore(reverting.previous, kernel=kernel)
            self._close(reverting)
        # one that was armed and given up, as the disk was full, left the confirmation before it
        last, confirmed = self.record.last(OF_CHANGES), self.windows.confirmed()
        if last and confirmed and not self.windows.pending():
            said = (last.event, last.generation, last.sequence)
            if said == ("armed", confirmed.generation, confirmed.sequence):
                self._keep(confirmed)
        with suppress(OSError):  # no reason to leave the network as it is
            self.generations.tidy()

    def _make_way(self) -> None:
        """As `settle`, for another change: a way back that is blocked does not bar it.

        What cannot be brought back (its files are lost, the kernel takes a line of it no more) is
        mended by what comes instead. Once the link leads back, it is written down as what it is.
        """
        try:
            self.settle()
        except (HostError, OSError) as error:
            reverting = self.windows.reverting()
            if reverting is None or not self.generations.leads(reverting.previous):
                raise
            reason = f"{reverting.reason or UNCONFIRMED}; and not wholly: {_words(error)}"
            self._close(replace(reverting, reason=reason))

    def _close(self, reverting: Pending) -> None:
        self.timer.stop(reverting.token)
        self._write_down("reverted", reverting)
        self.windows.close()

    def _keep(self, confirmed: Pending) -> None:
        self.timer.stop(confirmed.token)
        self._write_down("confirmed", confirmed)

    def _overdue(self, pending: Pending, *, kernel: bool) -> None:
        why = "the machine restarted before it was confirmed" if pending.restarted else UNCONFIRMED
        self._take_back(pending, pending.reason or why, kernel=kernel)

    def _take_back(self, pending: Pending, reason: str, *, kernel: bool = True) -> None:
        """Closes the window; where that cannot be written, the kernel goes back all the same."""
        try:
            if self.windows.take_back():
                self.windows.explain(replace(pending, reason=reason))
        except OSError as error:
            self.windows.give_up(replace(pending, reason=reason))
            if kernel:
                self._bring_back_alone(pending.previous, error)
            raise

    def _restore(self, previous: str | None, *, kernel: bool = True) -> None:
        try:
            if not self.generations.leads(previous):
                self.generations.flip_back(previous)
        except OSError as error:
            if kernel:
                self._bring_back_alone(previous, error)
            raise
        if kernel:
            self._bring_back(previous)

    def _bring_back_alone(self, previous: str | None, error: OSError) -> NoReturn:
        """The disk cannot be written, the kernel can: that is what people wait for."""
        self._bring_back(previous)
        raise HostError(
            f"the kernel is as it was before, and the disk cannot be written: {error}"
        ) from error

    def _bring_back(self, previous: str | None) -> None:
        """The kernel as it was before: the way in first, then all else, whatever fails of it."""
        self.records.forgiving = True
        delete_tables(GUARD_TABLE)
        if previous is None:
            take_down(self.records)
        else:
            # damaged files are better than those of the change: what can be read of them is laid
            files = self.generations.original(previous) or self.generations.read(
                previous, whole=False
            )
            self.bring(previous, read_configuration(files), thorough=True)

    def _write_down(self, event: Event, pending: Pending) -> None:
        last = self.record.last()
        said = (event, pending.generation, pending.sequence)
        if last is None or (last.event, last.generation, last.sequence) != said:
            self.record.append(
                event, pending.generation, pending.previous, pending.sequence, pending.reason
            )

    # --- the kernel --------------------------------------------------------------------------

    def bring(
        self, digest: str, configuration: Configuration, *, thorough: bool = False
    ) -> tuple[Outcome, str]:
        """Brings the kernel to a generation as of this moment; gives what was done, the profile."""
        try:
            clock = read_clock(self.paths.clock)
        except HostError:
            if not thorough:
                raise
            clock = Clock()
        profile = configuration.calendar.at(clock.now())
        applied = Applied(digest, profile)
        if self.bypass.since():
            take_down_shaping(self.records, [configuration.ifb, *configuration.interfaces])
            return route_alone(configuration, applied, self.records), profile
        return reconcile(configuration, applied, self.records, thorough=thorough), profile


def result(
    digest: str | None, previous: str | None, profile: str | None, outcome: Outcome
) -> dict[str, Any]:
    """What a verb answers that may have changed something."""
    changes = [
        {"device": item.device, "class": item.id, "action": item.action} for item in outcome.changes
    ]
    return {
        "generation": digest,
        "previous": previous,
        "profile": profile,
        "changes": changes,
        "rebuilt": outcome.rebuilt,
        "other": list(outcome.other),
    }


def _words(error: Exception) -> str:
    expected = isinstance(error, HostError | OSError)
    return str(error) if expected else f"{type(error).__name__}: {error}"
