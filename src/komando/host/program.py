"""The verbs: what each does with generations, clock and kernel. They run under the lock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

from .bare import take_down_shaping
from .bypass import attempted
from .calendar import read_clock
from .change import Changes, Order, result
from .configuration import read_configuration
from .errors import HostError
from .frozen import replace
from .layout import Paths
from .metrics import Look, forget_echoes, look_of, tell, tell_echoes, wanted
from .reconcile import Outcome
from .records import Applied
from .standing import PROTOCOL
from .timer import Timer
from .typed import TYPE_CHECKING, Any
from .usage import Usage
from .window import UNREADABLE

if TYPE_CHECKING:
    from .configuration import Configuration
    from .counters import Counter
    from .record import Event


class Program:
    """The verbs on one host."""

    def __init__(self, paths: Paths, timer: Timer | None = None) -> None:
        self.paths = paths
        self.changes = Changes(paths, timer)
        self.standing = self.changes.standing
        self.generations = self.standing.generations
        self.records = self.standing.records
        self.windows = self.standing.windows
        self.record = self.standing.record
        self.measured = Usage(paths)
        self.look = Look()

    def activate(self, digest: str, archive: bytes, order: Order | None) -> dict[str, Any]:
        """Brings a bundle in force; when that fails, the generation before is in force again."""
        self.measured.forget()
        try:
            return self.changes.activate(digest, archive, order)
        finally:
            self._tell_change()

    def confirm(self, digest: str) -> dict[str, Any]:
        """Keeps a change for good, once the kernel was seen to hold all that it asks for.

        Raises HostError otherwise; the change then waits until it reverts.
        """
        pending = self.windows.pending()
        if pending and pending.generation == digest:
            configuration = read_configuration(self.generations.read(digest), staged=True)
            applied = self.records.applied()
            profile = applied.profile if applied and applied.generation == digest else None
            now = read_clock(self.paths.clock).now()
            away = {f"interface {device} is away" for device in configuration.interfaces}
            missing = self.standing.missing(configuration, profile, now)
            if missing := [word for word in missing if word not in away]:
                raise HostError(f"not confirmed, for the kernel lacks: {'; '.join(missing)}")
        return self.changes.confirm(digest)

    def revert(self, digest: str | None, reason: str) -> dict[str, Any]:
        """Takes a change back that waits for its confirmation."""
        try:
            return self.changes.revert(digest, reason)
        finally:
            self._tell_change()

    def awaits(self, token: str) -> bool:
        """Whether this very window is still open, or is being closed by a revert."""
        found = (self.windows.pending(), self.windows.reverting())
        return any(one is not None and one.token in (token, UNREADABLE) for one in found)

    def boot(self) -> dict[str, Any]:
        """Before the network comes up: takes a change back that a restart has overtaken."""
        return self.settle(kernel=False)

    def settle(self, *, kernel: bool = True) -> dict[str, Any]:
        """Brings to its end what a run before this one has begun."""
        self.changes.settle(kernel=kernel)
        return {"generation": self.standing.current(), "head": self.record.head()}

    def hours(self) -> dict[str, Any]:
        """Brings the kernel to what should be in force at this moment.

        Raises HostError for an interface that is away, too, once all else is done. The metrics tell
        of it, whatever it came to.
        """
        try:
            return self._hours()
        finally:
            tell(self.standing, self.look)

    def _hours(self) -> dict[str, Any]:
        unsettled: Exception | None = None
        try:
            self.changes.settle()
        except (HostError, OSError) as error:
            unsettled = error
        digest = self.standing.in_force()
        if digest is None:
            outcome, profile = Outcome(), None
            self.look = Look(agrees=unsettled is None)
        else:
            configuration = read_configuration(self.generations.intact(digest), staged=True)
            before = self.records.applied()
            found = self.measured.read(configuration.ifb, configuration.uplink)
            self.look = self._look(configuration, found)
            outcome, profile = self.changes.bring(digest, configuration)
            now = Applied(digest, profile)
            mended = self._note_mended(before, now, outcome)
            self.measured.note(found, before, now, rebuilt=outcome.rebuilt)
            if mended or outcome.rebuilt:  # classes that were away have come since
                found = self.measured.read(configuration.ifb, configuration.uplink)
                self.look = self._look(configuration, found)
            stands = outcome.work is not None and not (mended or unsettled or outcome.absent)
            self.look = replace(self.look, agrees=stands)
        if unsettled:
            raise unsettled
        if outcome.absent:
            raise HostError(f"interface {', '.join(outcome.absent)} is away; all else is in force")
        return result(digest, digest, profile, outcome)

    def _tell_change(self) -> None:
        """As the hours do; of what never came as far as the kernel, the next minute tells."""
        configuration = self.changes.stands
        if configuration and wanted(self.paths):
            found = self.measured.read(configuration.ifb, configuration.uplink)
            tell(self.standing, replace(look_of(configuration, found), agrees=True))

    def _look(self, configuration: Configuration, found: Sequence[Mapping[str, Counter]]) -> Look:
        return look_of(configuration, found) if wanted(self.paths) else Look(configuration)

    def _note_mended(self, before: Applied | None, now: Applied, outcome: Outcome) -> bool:
        """Nothing had changed by us, and yet something had to be mended: by hand, or by a program.

        An interface that is away is told each minute anyway.
        """
        if before != now or outcome.work is None or not outcome.work.words():
            return False
        from .differences import differences
        from .mended import Mended

        found = [one for one in differences(outcome.work) if one.where not in outcome.absent]
        if found:
            with suppress(OSError):  # a full disk must not keep the hours from their work
                Mended(self.paths.mended).add(now, found, datetime.now(UTC))
        return bool(found)

    def measure_uplink(self) -> None:
        """Asks the provider's gateway how long its queue is: after all else, and without the lock.

        It takes some tenths of a second, in which nobody shall have to wait.
        """
        configuration = self.look.configuration
        if not wanted(self.paths):
            return
        if configuration is None or not configuration.gateway:
            forget_echoes(self.standing)
            return
        from .echoes import measure

        device = configuration.uplink
        tell_echoes(self.standing, device, measure(configuration.gateway, device))

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
            digest = self.standing.in_force()
            files = self.generations.read(digest, whole=False) if digest else None
            configuration = read_configuration(files) if files else None
        except (HostError, OSError):
            return []
        return [configuration.ifb, *configuration.interfaces] if configuration else []

    def _note(self, event: Event) -> None:
        self.record.append(event, self.standing.current(), sequence=self.windows.sequence())

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
