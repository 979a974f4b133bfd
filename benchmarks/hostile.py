"""`rollout.hostile`: random applies under random faults; how many outcomes are ambiguous.

Every round draws a policy edit for some of three routers, and what befalls the apply: a fault, a
bundle that went wrong, or both, or nothing. Then the fault is lifted, and the round is judged: each
router is reached and at rest within its window and two seconds, runs exactly one whole generation,
exit code, words and ledger say so, its own record is one chain, and the next apply succeeds. A
round that fails any of it is *ambiguous*; its whole story is kept in a folder.
"""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from subprocess import TimeoutExpired
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from benchmarks.faults import FAULTS, bad_bundles
from benchmarks.fleets import standing_fleet
from benchmarks.judge import (
    UNSAID,
    Ambiguous,
    heads_of,
    judge_ledger,
    judge_next,
    judge_whole,
    judge_words,
    links_of,
    rests,
)
from benchmarks.rounds import Round, Try
from benchmarks.rows import Row, Settings
from komando.lab.place import LabError
from tests.lab.desk import Done
from tests.lab.scene import STATE, WINDOW, Scene

ROUTERS = 3
PACE = 6.0
"""Seconds that an apply of three routers takes with a canary, on two busy cores."""

RATES, NEXT_RATES = range(11, 41), (41, 42)
"""Rates in Mbit/s: of a hostile apply, and in turns of the apply behind it, which changes all."""

STATES = ("carried", "reverted", "refused", "untouched", "unreached", "unknown", UNSAID)


STORIES = (Ambiguous, LabError, AssertionError, ValueError, KeyError, OSError, TimeoutExpired)
"""What ends a round, and not the run: whatever it was, nobody can say what came of the apply."""


@dataclass
class Tally:
    """What became of the routers that were to change, by fault; and the rounds that do not fit."""

    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    rounds: Counter[str] = field(default_factory=Counter)
    ambiguous: list[str] = field(default_factory=list)
    by_fault: Counter[str] = field(default_factory=Counter)

    def count(self, fault: str, states: list[str]) -> None:
        """One apply more."""
        self.outcomes.setdefault(fault, Counter()).update(states)

    def table(self) -> Table:
        """The whole, for people."""
        table = Table(box=None, pad_edge=False, title="routers that were to change, by fault")
        for name in ("fault", "rounds", *STATES, "ambiguous rounds"):
            table.add_column(name, justify="left" if name == "fault" else "right")
        for fault in sorted(self.rounds):
            found = self.outcomes.get(fault, Counter())
            cells = [str(found[state] or "") for state in STATES]
            table.add_row(fault, str(self.rounds[fault]), *cells, str(self.by_fault[fault] or ""))
        whole: Counter[str] = sum(self.outcomes.values(), Counter())
        table.add_section()
        cells = [str(whole[state] or "") for state in STATES]
        table.add_row("all", str(self.rounds.total()), *cells, str(len(self.ambiguous)))
        return table


def hostile(what: Settings) -> Row:
    """Run it; the fleet is gone afterwards, whatever happens."""
    tally = Tally()
    what.progress(f"rollout.hostile: {what.count} rounds, --seed {what.seed}")
    try:
        _run(what, tally)
    finally:  # however it ended: what was found so far
        Console(stderr=True, width=160).print(tally.table())
        for one in tally.ambiguous:
            what.progress(f"AMBIGUOUS {one}")
    ambiguous, rounds = len(tally.ambiguous), tally.rounds.total()
    return Row(
        id="rollout.hostile",
        value=ambiguous,
        unit="ambiguous",
        peer="random hostile applies",
        peer_value=rounds,
        ratio=ambiguous / rounds,
        target=what.targets["rollout.hostile"],
        met=ambiguous == 0,
    )


def _run(what: Settings, tally: Tally) -> None:
    with (
        standing_fleet("hostile", ROUTERS, WINDOW, what.progress) as fleet,
        TemporaryDirectory(prefix="komando-hostile-") as folder,
    ):
        scene = Scene.of(fleet, Path(folder) / "first")
        other = Scene.of(fleet, Path(folder) / "second")
        _rounds(what, scene, other, tally)
        if words := judge_whole(scene, what.stories / "records"):
            tally.ambiguous.append(f"at the end: {words}")
        else:
            shutil.rmtree(what.stories / "records")


def _rounds(what: Settings, scene: Scene, other: Scene, tally: Tally) -> None:
    first = scene.apply()
    if first.code:
        raise LabError(f"the first apply ended with {first.code}: {first.all}")
    runs = dict(rests(scene))
    for number in range(1, what.count + 1):
        # a round draws from a seed of its own: one can be looked at again without those before it
        random = Random(f"{what.seed}/{number}")  # noqa: S311  # dice, not keys
        fault, now = _drawn(random, scene, other)
        begun = time.monotonic()
        before, tries = runs, []
        tally.rounds[fault] += 1
        try:
            since = len(links_of(scene))
            tries = _struck(fault, now)
            states = _judged(now, tries, before, since)
            for one, told in zip(tries, states, strict=True):
                wanting = [name for name in before if one.wanted[name] != before[name]]
                tally.count(fault, [told.get(name, UNSAID) for name in wanting])
            scene.edit_all(NEXT_RATES[number % 2])
            runs = judge_next(scene, partial(_tell, now, "the next apply"))
            words = ", ".join(sorted({state for told in states for state in told.values()}))
        except STORIES as error:
            kind = "" if isinstance(error, Ambiguous) else f"{type(error).__name__}: "
            words = f"AMBIGUOUS {kind}{error}"
            tally.by_fault[fault] += 1
            tally.ambiguous.append(f"round {number}, {fault}: {kind}{error}")
            _keep(what, number, fault, now, tries, words)
            runs = _mended(scene)
        what.progress(
            f"{number}/{what.count}  {fault} on {now.victim}: {words or 'nothing was said'}"
            f"  ({time.monotonic() - begun:.0f} s)"
        )


def _drawn(random: Random, scene: Scene, other: Scene) -> tuple[str, Round]:
    routers = list(scene.fleet.routers)
    edited = random.sample(routers, random.randint(1, len(routers)))
    for name in edited:
        scene.edit(name, random.choice(RATES))
        other.edit(name, random.choice(RATES))
    now = Round(scene, other, random, random.choice(edited), PACE)
    now.options = random.choice([(), (), ("--at-once",)])
    fault = random.choice(list(FAULTS))
    bundles = bad_bundles(scene, now.victim)
    wrong = random.choice(sorted(bundles))
    if random.random() < (0.75 if fault == "none" else 0.25):
        now.spoil = {now.victim: bundles[wrong]}
        fault = wrong if fault == "none" else f"{fault}, {wrong}"
    now.tell(f"{fault}: {', '.join(edited)} are edited, {now.victim} is befallen")
    return fault, now


def _struck(fault: str, now: Round) -> list[Try]:
    try:
        return FAULTS.get(fault.partition(",")[0], FAULTS["none"])(now)
    finally:
        now.end_all()
        _lift(now.scene)


def _judged(
    now: Round, tries: list[Try], before: dict[str, str | None], since: int
) -> list[dict[str, str]]:
    for one in tries:
        _tell(now, "an apply", one.done)
    runs = rests(now.scene)
    now.tell(f"at rest: {runs}")
    told = judge_words(tries, before, runs)
    judge_ledger(tries, links_of(now.scene), since, runs, heads_of(now.scene))
    return told


def _tell(now: Round, who: str, done: Done) -> None:
    now.tell(f"{who} said, with exit code {done.code}:\n{done.said}\n--- stderr\n{done.words}")


def _lift(scene: Scene) -> None:
    """Whatever a fault left behind when it broke off; what is as it should be stays."""
    for machine in scene.routers.values():
        machine.free_disk()
        if not machine.is_on:
            machine.power_on()
        machine.thaw()
        machine.mend()
        machine.behind(f"mountpoint -q {STATE} && umount -l {STATE}", check=False)


def _keep(
    what: Settings, number: int, fault: str, now: Round, tries: list[Try], words: str
) -> None:
    """The whole story of a round that does not fit."""
    folder = what.stories / f"round-{number:03}"
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"seed {what.seed}, round {number}: {fault}", words, "", *now.story, ""]
    lines += [f"{key}: {value}" for one in tries for key, value in vars(one).items()]
    (folder / "story.txt").write_text("\n".join(lines) + "\n")
    for name, machine in now.scene.routers.items():
        with suppress(LabError):
            (folder / f"{name}.txt").write_text(
                machine.behind(
                    f"komando-host observe; ls -la {STATE} {STATE}/generations; cat {STATE}/record;"
                    f" tail -n 99 {STATE}/pending {STATE}/reverting {STATE}/confirmed;"
                    " journalctl -n 200 --no-pager -o short-precise; nft list ruleset",
                    check=False,
                )
            )
    (folder / "spoil.json").write_text(json.dumps(now.spoil, indent=1))


def _mended(scene: Scene) -> dict[str, str | None]:
    """So that the next round begins with a fleet that is whole; raises where that fails."""
    for attempt in range(4):
        with suppress(LabError, Ambiguous, AssertionError), scene.at_leisure():
            done = scene.apply()
            if done.code == 0:
                return dict(rests(scene))
        time.sleep(20 * attempt)
    raise LabError("the fleet cannot be brought to rest any more: see the last story")
