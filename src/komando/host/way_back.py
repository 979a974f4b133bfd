"""The way back of a change, and what brings to its end whatever a run before this one began.

Everything may be cut off at any point, by a kill, a full disk or a restart. So each step of a
change leaves on the disk what the next run needs to know, and the alarm, the minute's look at the
hours, the boot and the next activation all begin with `settle`.
"""

from __future__ import annotations

from contextlib import suppress

from .bare import take_down, take_down_shaping
from .calendar import Clock, read_clock
from .configuration import Configuration, read_configuration
from .errors import HostError
from .frozen import replace
from .layout import Paths
from .reconcile import Outcome, reconcile, route_alone
from .record import CHANGES
from .records import Applied
from .standing import Standing
from .tables import GUARD_TABLE, delete_tables
from .timer import SystemdTimer, Timer
from .typed import TYPE_CHECKING
from .window import Pending

if TYPE_CHECKING:
    from typing import NoReturn

    from .record import Event

UNCONFIRMED = "nobody confirmed it in time"


class WayBack:
    """One host under the lock: its window, and the generation that stood before it."""

    def __init__(self, paths: Paths, timer: Timer | None = None) -> None:
        self.paths = paths
        self.standing = Standing(paths)
        self.generations = self.standing.generations
        self.records = self.standing.records
        self.record = self.standing.record
        self.windows = self.standing.windows
        self.bypass = self.standing.bypass
        self.timer = timer or SystemdTimer()
        self.stands: Configuration | None = None  # to which this run brought the kernel
        self._why: dict[str, str] = {}  # of windows that this run closed, by token

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
            self.restore(reverting.previous, kernel=kernel)
            self._close(reverting)
        # one that was armed and given up, as the disk was full, left the confirmation before it
        last, confirmed = self.record.last(CHANGES), self.windows.confirmed()
        if last and confirmed and not self.windows.pending():
            said = (last.event, last.generation, last.sequence)
            if said == ("armed", confirmed.generation, confirmed.sequence):
                self.keep(confirmed)
        with suppress(OSError):  # no reason to leave the network as it is
            self.generations.tidy()

    def make_way(self) -> None:
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
            reason = f"{reverting.reason or UNCONFIRMED}; and not wholly: {words_of(error)}"
            self._close(replace(reverting, reason=reason))

    def _close(self, reverting: Pending) -> None:
        self.timer.stop(reverting.token)
        reason = reverting.reason or self._why.get(reverting.token, "")
        self._write_down("reverted", replace(reverting, reason=reason))
        self.windows.close()

    def keep(self, confirmed: Pending) -> None:
        """A change stays for good: no alarm rings for it, and the record says so."""
        self.timer.stop(confirmed.token)
        self._write_down("confirmed", confirmed)

    def _overdue(self, pending: Pending, *, kernel: bool) -> None:
        why = "the machine restarted before it was confirmed" if pending.restarted else UNCONFIRMED
        self.take_back(pending, pending.reason or why, kernel=kernel)

    def take_back(self, pending: Pending, reason: str, *, kernel: bool = True) -> None:
        """Closes the window; where that cannot be written, the kernel goes back all the same."""
        try:
            if self.windows.take_back():
                self._why[pending.token] = reason
                self.windows.explain(replace(pending, reason=reason))
        except OSError as error:
            self.windows.give_up(replace(pending, reason=reason))
            if kernel:
                self._bring_back_alone(pending.previous, error)
            raise

    def restore(self, previous: str | None, *, kernel: bool = True) -> None:
        """Leads the link and the kernel back to the generation before; None for none at all."""
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
        self.stands = None
        if self.bypass.since():
            take_down_shaping(self.records, [configuration.ifb, *configuration.interfaces])
            return route_alone(configuration, applied, self.records), profile
        outcome = reconcile(configuration, applied, self.records, thorough=thorough)
        self.stands = configuration
        return outcome, profile


def words_of(error: Exception) -> str:
    """What an error says; of one that nobody expected, its kind as well."""
    expected = isinstance(error, HostError | OSError)
    return str(error) if expected else f"{type(error).__name__}: {error}"
