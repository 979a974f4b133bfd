"""A change of generation with a way back: armed, made, and confirmed over a fresh connection."""

from __future__ import annotations

import os
from contextlib import suppress

from .configuration import Configuration
from .errors import HostError
from .frozen import Frozen, replace
from .generation import check_digest
from .layout import Paths
from .reconcile import Outcome
from .staging import stage
from .timer import Timer
from .typed import Any
from .units import Units
from .way_back import WayBack, words_of
from .window import Pending, boot_id, seconds_up

LONGEST = 3600
"""Seconds that a window may have."""

NONE = "none"
"""How a controller says that its plan saw no generation."""


class Order(Frozen):
    """Which apply asks for a change, and within how many seconds it has to confirm it.

    `before` is the generation that its plan saw here, or "none"; None when it does not say.
    """

    sequence: int
    within: float
    before: str | None = None


class Changes(WayBack):
    """What can be done with generations on one host; under the lock."""

    def __init__(self, paths: Paths, timer: Timer | None = None) -> None:
        super().__init__(paths, timer)
        self.units = Units(paths.root)

    # --- making a change ---------------------------------------------------------------------

    def activate(self, digest: str, archive: bytes, order: Order | None) -> dict[str, Any]:
        """Brings a bundle in force; when that fails, the generation before is in force again.

        With an order it has to be confirmed in time. Without one it stays: somebody is at the
        console. What runs already is only repaired, which nobody has to confirm either.
        """
        check_digest(digest)
        self.make_way()
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
            reason = words_of(error)
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
            raise HostError(f"{words_of(error)}; generation {digest} stays current") from error
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
                self.take_back(pending, reason)
            if pending is None or self.windows.reverting():
                self.restore(previous)
        except Exception as error:  # noqa: BLE001 - no other way is left; it must be told
            wanted = f"generation {previous}" if previous else "the state before"
            return f"{wanted} is not wholly in force again: {words_of(error)}"
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
        self.keep(pending)
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
            self.take_back(pending, reason)
        self.settle()
        return {"generation": self.standing.current(), "head": self.record.head()}


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
