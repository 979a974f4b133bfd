"""Whether a fleet has come through a round: what was said is held against what the routers say.

An outcome that does not fit is *ambiguous*: `Ambiguous` says which of the promises it broke.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from benchmarks.rounds import Try
from komando.lab.place import LabError
from komando.ledger import Ledger, LedgerError
from komando.ledger.chain import Link
from komando.ledger.entries import Finished
from komando.ledger.turns import open_turns
from tests.lab.desk import Done
from tests.lab.scene import GRACE, Scene

Running = Mapping[str, str | None]
"""What each router runs, by its name."""

NOTHING_CHANGED = "no host was changed"
BROKE_OFF = "interrupted; a change that was not confirmed reverts by itself"
UNSAID = "unsaid"
"""What became of a router of which an apply said nothing, as it was killed or broke off."""


class Ambiguous(Exception):
    """A promise that was not kept; the text says which, and what was found instead."""


def rests(scene: Scene) -> dict[str, str | None]:
    """What each router runs, all of them looked at at once, when its window is over."""
    begun = time.monotonic()
    try:
        return scene.each(scene.comes_to_rest)
    except (AssertionError, LabError) as error:
        took = time.monotonic() - begun
        raise Ambiguous(f"after {took:.1f} s, with {GRACE:g} s of grace: {error}") from error


def ledger_of(scene: Scene) -> Ledger:
    """The fleet's own ledger, as its first clone sees it."""
    folder = scene.fleet.place.folder
    return Ledger.open(folder / "clone.git", "lab", str(folder / "forge.git"))


def links_of(scene: Scene) -> list[Link]:
    """All of the ledger, oldest first. Raises Ambiguous where it cannot be read."""
    try:
        ledger = ledger_of(scene)
        ledger.fetch()
        return ledger.links()
    except LedgerError as error:
        raise Ambiguous(f"the ledger cannot be read: {error}") from error


def states_of(done: Done, routers: Iterable[str]) -> dict[str, str]:
    """What an apply said of each router that it spoke of."""
    return {name: state for name in routers if (state := done.state(name))}


def judge_words(tries: Iterable[Try], before: Running, runs: Running) -> list[dict[str, str]]:
    """What became of each router by the words of each apply, which the routers bear out.

    Every router that the words leave open runs the one or the other. Raises Ambiguous.
    """
    may: dict[str, set[str | None]] = {name: {digest} for name, digest in before.items()}
    told = []
    for one in tries:
        states = states_of(one.done, before)
        _judge_code(one, states)
        for name, possible in may.items():
            may[name] = _after(one, name, states.get(name, ""), possible)
        told.append(states)
    for name, possible in may.items():
        if runs[name] not in possible:
            raise Ambiguous(
                f"{name} runs {runs[name]}; by what was said it runs "
                f"{' or '.join(sorted(map(str, possible)))}, and {before[name]} at first"
            )
    return told


def _after(one: Try, name: str, state: str, before: set[str | None]) -> set[str | None]:
    if state == "carried":
        return {one.wanted[name]}
    open_ = state == "unknown" or (not state and (one.killed or BROKE_OFF in one.done.all))
    return before | {one.wanted[name]} if open_ else before


def _judge_code(one: Try, states: Mapping[str, str]) -> None:
    done, told = one.done, set(states.values())
    if "Traceback (most recent call last)" in done.all:
        raise Ambiguous("it ended with a traceback")
    if one.killed:
        return
    if not told:
        fits = {
            0: "Nothing changes" in done.all,
            1: NOTHING_CHANGED in done.all or BROKE_OFF in done.all or "Error:" in done.all,
        }.get(done.code, False)
    elif told <= {"carried", "unreached"}:
        expected = 3 if "unreached" in told else 0
        fits = done.code == expected or (one.interrupted > 0 and done.code == 1)
    else:
        fits = done.code == 1
    if not fits:
        raise Ambiguous(f"the exit code is {done.code}, the words say {states or 'nothing'}")


def judge_ledger(
    tries: Iterable[Try],
    links: list[Link],
    since: int,
    runs: Running,
    heads: Mapping[str, set[str]],
) -> None:
    """The entries after number `since` say what the words say, and what the routers say.

    `heads` are the digests of all lines of each router's own record. Raises Ambiguous.
    """
    entries = [link.entry for link in links if link.entry is not None]
    if len(entries) != len(links):
        raise Ambiguous(f"the ledger has entries that cannot be read: {links}")
    finished = [it for it in entries if it.number > since and isinstance(it, Finished)]
    spoke = [one for one in tries if states_of(one.done, runs)]
    written = [
        {name: result.result for name, result in it.hosts.items()}
        for it in finished
        if it.result != "interrupted" or any(one.interrupted for one in spoke)
    ]
    for one in spoke:
        states = states_of(one.done, runs)
        if set(states.values()) <= {"unreached"}:
            continue  # it had nobody to change: there was no turn
        if states not in written and not one.killed:
            raise Ambiguous(f"the ledger says {written or 'nothing'}, the words {states}")
    for it in finished:
        _judge_heads(it, heads)
    if finished:
        _judge_after(finished[-1], runs)


def _judge_heads(entry: Finished, heads: Mapping[str, set[str]]) -> None:
    for name, result in entry.hosts.items():
        if result.head and result.head not in heads[name]:
            raise Ambiguous(f"{name}'s record has no line {result.head}, the ledger says so")


def _judge_after(entry: Finished, runs: Running) -> None:
    for name, result in entry.hosts.items():
        if result.after is not None and result.after != (runs[name] or ""):
            raise Ambiguous(f"{name} runs {runs[name]}, the ledger says {result.after}")


def heads_of(scene: Scene) -> dict[str, set[str]]:
    """The digests of the lines of each router's own record. Raises Ambiguous if one is no chain."""
    found = {}
    for name in scene.fleet.routers:
        try:
            befores = {str(entry["before"]) for entry in scene.record(name)}
            found[name] = befores | {str(scene.observed(name)["head"])}
        except AssertionError as error:
            raise Ambiguous(f"{name}'s record is no chain: {error}") from error
    return found


def judge_next(scene: Scene, told: Callable[[Done], None]) -> dict[str, str | None]:
    """The next apply, which changes all, succeeds and leaves no turn open; what runs then.

    Raises Ambiguous.
    """
    with scene.at_leisure():
        done = scene.apply("--at-once")
    told(done)
    if done.code:
        raise Ambiguous(f"the next apply ends with {done.code}")
    runs = rests(scene)
    wanted = {name: bundle.digest for name, bundle in scene.wanted().items()}
    if runs != wanted:
        raise Ambiguous(f"the next apply ends with 0; wanted were {wanted}, these run: {runs}")
    entries = [link.entry for link in links_of(scene) if link.entry is not None]
    if left := open_turns(entries):
        raise Ambiguous(f"turns stand open in the ledger: {left}")
    return dict(runs)


def judge_whole(scene: Scene, folder: Path) -> str:
    """What `komando ledger verify` says of ledger and records at the end; "" when all fits."""
    folder.mkdir(parents=True, exist_ok=True)
    fetch = partial(_lines, scene)
    for name in scene.fleet.routers:
        (folder / f"{name}.jsonl").write_text(fetch(name))
    lab = scene.fleet.place.folder
    done = scene.bare(
        *("ledger", "verify", "--records", str(folder), "--environment", "lab"),
        *("--repository", str(lab / "clone.git"), "--remote", str(lab / "forge.git")),
    )
    return "" if done.code == 0 else done.all


def _lines(scene: Scene, name: str) -> str:
    return scene.routers[name].run("komando-host record")
