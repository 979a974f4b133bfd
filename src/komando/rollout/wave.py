"""One wave: armed, reached over fresh connections, and confirmed whole, or taken back whole."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from komando.bundle import NO_SECRETS, Bundle, Plaintexts
from komando.generation import RunningGeneration, TakenBack
from komando.inventory import Host
from komando.rollout.answers import activated, closed, standing
from komando.rollout.outcome import Outcome, State, now
from komando.rollout.protocol import Cargo
from komando.rollout.session import Answers, Session

GRACE = 2.0
"""Seconds after its window in which a host has reverted, and can be asked how it stands."""

PAUSE = 0.5
"""Seconds between two looks at a host that does not answer."""

Told = Callable[[str, str], None]
"""Is told of each host's stage as it comes: the host, and a word or two."""


@dataclass(frozen=True)
class Target:
    """What one host shall run, and what it ran when it was asked.

    `archive` is the base64 text of the bundle's tar.gz, empty where the host has the generation.
    """

    host: Host
    before: str | None
    digest: str
    archive: str = field(default="", repr=False)

    @classmethod
    def of(
        cls,
        host: Host,
        before: str | None,
        bundle: Bundle,
        plaintexts: Plaintexts = NO_SECRETS,
    ) -> Target:
        """The change of a host to a bundle that travels, with its secrets."""
        archive = base64.b64encode(bundle.archive(plaintexts)).decode()
        return cls(host, before, bundle.digest, archive)

    @property
    def repair(self) -> bool:
        """Whether it runs the generation already: there is nothing to confirm, and no way back."""
        return self.before == self.digest

    def cargo(self, sequence: int) -> Cargo:
        """What travels."""
        within = float(self.host.confirm_within)
        return Cargo(self.digest, self.archive, self.before or "none", within, sequence)

    def outcome(self, state: State, reason: str = "") -> Outcome:
        """What became of it, where it runs what it ran."""
        return Outcome(self.host.name, state, self.before, self.before, reason, time=now())


class Wave:
    """Some hosts that change together: `outcomes` says what became of each.

    `patience` is how many Ctrl-C it takes to break the wave off; a way back heeds the second alone.
    """

    def __init__(
        self,
        session: Session,
        targets: Mapping[str, Target],
        sequence: int,
        told: Told,
        patience: int = 1,
    ) -> None:
        self.session = session
        self.patience = patience
        self.targets = targets
        self.sequence = sequence
        self.told = told
        self.outcomes: dict[str, Outcome] = {}
        self.armed: set[str] = set()
        self._looked: set[str] = set()

    @property
    def carried(self) -> bool:
        """Whether all of them run what they should, confirmed."""
        return all(one.state == "carried" for one in self.outcomes.values())

    def carry(self) -> None:
        """All the way; the first that fails takes the others back with it."""
        for step in (self._activate, self._reach, self._confirm):
            step()
            if self.session.interrupts >= self.patience or not self.carried:
                break
        if self.armed and not self._left:
            self._revert(self._trouble() or "interrupted")
        if not self.carried and not self._left:
            self._settle()
            self._look_at_refused()
        if self._left:
            self._leave()
        elif not self.carried:
            self.go_back(self._trouble() or "interrupted")

    @property
    def _left(self) -> bool:
        """Whether nobody waits any more: after a second Ctrl-C."""
        return self.session.interrupts > 1

    def go_back(self, why: str) -> None:
        """Those that were confirmed go back by the same way, as far as there is a way back."""
        gone: dict[str, Target] = {}
        for name, one in self.outcomes.items():
            if one.state != "carried":
                continue
            if self.targets[name].repair or one.before is None:
                self._set(name, "carried", f"{why}; it ran nothing else before")
            else:
                gone[name] = self.targets[name]
        if not gone:
            return
        returning = {
            name: Target(target.host, target.digest, target.before or "")
            for name, target in gone.items()
        }
        self._tell(gone, "going back")
        way_back = Wave(self.session, returning, self.sequence, self.told, patience=2)
        way_back.carry()
        for name, one in way_back.outcomes.items():
            if one.state == "carried":
                self._set(
                    name, "reverted", why, runs=gone[name].before, head=one.head, time=one.time
                )
                self._tell([name], "taken back")
            else:
                words = f"{why}; it could not be taken back: {one.reason}"
                self._set(name, "unknown" if one.state == "unknown" else "carried", words)

    # --- the steps ---------------------------------------------------------------------------

    def _activate(self) -> None:
        self._tell(self.targets, "activating")
        cargo = {name: target.cargo(self.sequence) for name, target in self.targets.items()}
        answers = self.session.activate(cargo)
        for name, why in answers.failures.items():
            self.outcomes[name] = self.targets[name].outcome("refused", why)
        for name, why in answers.lost.items():
            self.outcomes[name] = replace(self.targets[name].outcome("unknown", why), runs=None)
        for name, text in answers.results.items():
            self.outcomes[name] = self._activated(self.targets[name], text)
        repairs = {name for name, target in self.targets.items() if target.repair}
        held = {name for name, one in self.outcomes.items() if one.state == "carried"}
        self.armed = held - repairs
        self._tell(self.armed, "armed")
        self._tell(held & repairs, "repaired")

    def _activated(self, target: Target, text: str) -> Outcome:
        try:
            done = activated(text)
        except ValueError as error:
            return replace(target.outcome("unknown", str(error)), runs=None)
        if done.generation != target.digest:
            return target.outcome("refused", f"it says that it runs {done.generation}")
        carried = replace(target.outcome("carried"), runs=done.generation)
        return replace(carried, touched=done.touched, rebuilt=done.rebuilt)

    def _reach(self) -> None:
        """From here, and from where the inventory names a neighbour."""
        if not self.armed:
            return
        neighbours = {
            name: neighbour
            for name in sorted(self.armed)
            if (neighbour := self.targets[name].host.neighbour)
        }
        answers = self.session.reach(sorted(self.armed), neighbours)
        for name, note in sorted(answers.results.items()):
            self._set(name, "carried", note=note)
            self._tell([name], f"reached; {note}" if note else "reached")
        for name, why in (answers.failures | answers.lost).items():
            self._set(name, "unknown", f"it could not be reached: {why}", runs=None)

    def _confirm(self) -> None:
        if not self.armed:
            return
        answers = self.session.confirm({name: self.targets[name].digest for name in self.armed})
        for name, text in answers.results.items():
            self._set(name, "carried", head=closed(text).head)
            self.armed.discard(name)
        for name, why in answers.failures.items():
            self._set(name, "unknown", why, runs=None)
        self._lost(answers)
        self._tell(answers.results, "confirmed")

    def _revert(self, why: str) -> None:
        """Those whose windows are open; who does not answer does it by itself."""
        self._tell(self.armed, "taking back")
        answers = self.session.revert({name: self.targets[name].digest for name in self.armed})
        for name in self.armed:
            reason = self.outcomes[name].reason or why
            answer = closed(answers.results.get(name, ""))
            if not answer.head:  # no answer, or none that can be understood
                self._set(name, "unknown", reason, runs=None)
                continue
            runs, head = answer.generation, answer.head
            if runs == self.targets[name].digest:  # it had confirmed: its answer alone was lost
                self._set(name, "carried", runs=runs, head=head)
                self._tell([name], "confirmed")
            else:
                self._set(name, "reverted", reason, runs=runs, head=head)
                self._tell([name], "taken back")
        self.armed -= answers.results.keys()

    def _settle(self) -> None:
        """Ask those that were lost, until their windows have closed."""
        lost = {name for name, one in self.outcomes.items() if one.state == "unknown"}
        longest = max((self.targets[name].host.confirm_within for name in lost), default=0)
        deadline = time.monotonic() + longest + GRACE
        self._tell(lost, "waiting for its window to close")
        while lost and not self._left:
            running, _ = standing(self.session.look(sorted(lost)).results)
            for name, found in running.items():
                if self._stands(name, found):
                    lost.discard(name)
            if not lost or time.monotonic() > deadline:
                return
            time.sleep(PAUSE)

    def _stands(self, name: str, found: RunningGeneration) -> bool:
        """Takes in how a lost host stands; whether that is for good."""
        target = self.targets[name]
        if found.waits is not None:
            return False
        self._looked.add(name)
        reason = self.outcomes[name].reason
        if found.digest == target.digest and (found.healthy or not target.repair):
            self._set(name, "carried", "", runs=found.digest, head=found.head)
            self._tell([name], "repaired" if target.repair else "confirmed")
            return True
        ours = self._taken_back(name, found)
        state: State = "reverted" if ours else "refused"
        host_says = f"; the host says: {ours.reason}" if ours else ""
        self._set(name, state, f"{reason}{host_says}", runs=found.digest, head=found.head)
        self._tell([name], "taken back" if ours else "refused")
        return True

    def _look_at_refused(self) -> None:
        """Whether who refused had begun, and what its record says of it.

        Whose window is open now is left alone: that is another apply's change.
        """
        refused = {name for name, one in self.outcomes.items() if one.state == "refused"}
        asked = sorted(refused - self._looked)
        running, _ = standing(self.session.look(asked).results if asked else {})
        for name, found in running.items():
            if found.waits is not None:
                continue
            state: State = "reverted" if self._taken_back(name, found) else "refused"
            reason = self.outcomes[name].reason
            self._set(name, state, reason, runs=found.digest, head=found.head)

    def _taken_back(self, name: str, found: RunningGeneration) -> TakenBack | None:
        """What a host says of this very change, if it has taken that back."""
        told = found.taken_back
        ours = (self.targets[name].digest, self.sequence)
        return told if told and (told.generation, told.sequence) == ours else None

    # --- the rest ----------------------------------------------------------------------------

    def _lost(self, answers: Answers) -> None:
        for name, why in answers.lost.items():
            self._set(name, "unknown", why, runs=None)

    def _leave(self) -> None:
        """Nobody waits any more: the hosts go back by themselves."""
        open_ = self.armed | {name for name, one in self.outcomes.items() if one.state == "unknown"}
        for name in open_:
            if self.targets[name].repair:
                continue
            within = self.targets[name].host.confirm_within
            words = f"interrupted; unconfirmed, it reverts by itself within {within} s"
            self._set(name, "unknown", words, runs=None)

    def _trouble(self) -> str:
        """What ended the wave, in one sentence; of several hosts, the first by name."""
        for name in sorted(self.outcomes):
            one = self.outcomes[name]
            if one.state != "carried" and one.reason:
                return f"{name}: {one.reason}"
        return ""

    def _set(self, name: str, state: State, reason: str = "", **more: Any) -> None:
        known = {"time": now()} | more
        self.outcomes[name] = replace(self.outcomes[name], state=state, reason=reason, **known)

    def _tell(self, names: Iterable[str], stage: str) -> None:
        for name in sorted(names):
            with suppress(OSError):  # that nobody can hear of it leaves no wave half-way
                self.told(name, stage)
