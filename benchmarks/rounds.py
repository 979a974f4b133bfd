"""A round of `rollout.hostile`: what was drawn for it, its applies, and its story so far."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from komando.lab.fleet.machine import Machine
from tests.lab.desk import Done, Running
from tests.lab.scene import Scene

STAGES = ("activating", "armed", "reached", "confirmed")


@dataclass(frozen=True)
class Try:
    """One apply: what it was to bring (digests by router), what it said, and how it ended.

    `killed`: it could say nothing more. `interrupted`: by that many Ctrl-C.
    """

    wanted: Mapping[str, str]
    done: Done
    killed: bool = False
    interrupted: int = 0


@dataclass
class Round:
    """One round: two clones of the policies, what was drawn for it, and its story so far.

    `pace` is how many seconds an apply takes on this machine that nobody disturbs.
    """

    scene: Scene
    other: Scene
    random: Random
    victim: str
    pace: float
    spoil: dict[str, dict[str, str]] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    story: list[str] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)
    runs: list[Running] = field(default_factory=list)

    @property
    def machine(self) -> Machine:
        """The router that it befalls."""
        return self.scene.routers[self.victim]

    @property
    def window(self) -> int:
        """Seconds until an unconfirmed change reverts."""
        return self.scene.fleet.order.window

    def tell(self, words: str) -> None:
        """One line of the story, with its second."""
        self.story.append(f"{time.monotonic() - self.begun:7.2f} s  {words}")

    def start(self) -> Running:
        """Start the apply, with the bundles that went wrong."""
        self.tell(f"apply starts {' '.join(self.options)}")
        spoil = self.spoil or None
        running = self.scene.start("apply", "--no-verify", *self.options, spoil=spoil)
        self.runs.append(running)
        return running

    def end_all(self) -> None:
        """Whatever still runs when the round breaks off is killed."""
        for running in self.runs:
            if running.process.poll() is None:
                running.kill()

    def wanted(self) -> dict[str, str]:
        """The digests that the apply is to bring."""
        return self.scene.digests(self.spoil)

    def ended(self, running: Running, *, interrupted: int = 0) -> Try:
        """Wait for the end of the apply."""
        done = running.end()
        self.tell(f"apply ended with {done.code}")
        return Try(self.wanted(), done, interrupted=interrupted)

    def wait(self, running: Running) -> None:
        """Until a moment of the apply by chance: soon after a stage, or at any time at all."""
        if self.random.random() < 0.6:
            stage = self.random.choice(STAGES)
            pause = self.random.uniform(0, 0.5)
            with suppress(AssertionError):  # it never came so far
                running.until(f"{self.victim}: {stage}")
            self.tell(f"{self.victim} is {stage}, or the apply is over; {pause:.2f} s more")
        else:
            pause = self.random.uniform(0, 1.2 * self.pace)
        time.sleep(pause)

    def pause(self, most: float) -> None:
        """So long, at most, as it lasts."""
        time.sleep(self.random.uniform(0.2, most))
