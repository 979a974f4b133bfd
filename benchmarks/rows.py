"""A benchmark's shape: interleaved rounds, medians, one row with its target."""

from __future__ import annotations

import statistics
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

TARGETS = Path(__file__).with_name("targets.toml")
ROUNDS = 5
"""Rounds that count, after one that warms the page cache and does not."""

Progress = Callable[[str], None]


class Unmeasured(Exception):
    """A side of a benchmark failed, so there is no figure; the text says what it printed."""


@dataclass(frozen=True)
class Row:
    """One line of the table; `ratio` is value / peer_value, and `target` the most it may be.

    A row without a target is told for comparison, and always met.
    """

    id: str
    value: float
    unit: str
    peer: str
    peer_value: float
    ratio: float
    target: float | None
    met: bool

    def as_json(self) -> dict[str, object]:
        """The row as plain data, figures rounded to what the clock can tell."""
        plain = asdict(self)
        return {
            key: round(value, 4) if isinstance(value, float) else value
            for key, value in plain.items()
        }


@dataclass(frozen=True)
class Contest:
    """Two ways to measure, in one unit: ours and the peer's. Each call is one round."""

    unit: str
    peer: str
    ours: Callable[[], float]
    theirs: Callable[[], float]


def load_targets() -> Mapping[str, float]:
    """The most that each ratio may be, by id. Raises KeyError for an entry without `ratio`."""
    entries = tomllib.loads(TARGETS.read_text())
    return {id_: float(entry["ratio"]) for id_, entry in entries.items()}


@dataclass(frozen=True)
class Settings:
    """What the command line says of a run.

    `rounds` count for medians. `count` rounds of hostile applies are drawn from `seed`; the stories
    of those that do not fit lie in `stories`. `reads` are made of an invariant.
    """

    targets: Mapping[str, float]
    progress: Progress
    rounds: int = ROUNDS
    count: int = 300
    seed: int = 1
    reads: int = 1_000_000
    stories: Path = Path("build/hostile")


def row_of(
    id_: str,
    unit: str,
    ours: Sequence[float],
    peer: str,
    theirs: Sequence[float],
    target: float | None,
) -> Row:
    """The row of two series in one unit, by their medians."""
    value, peer_value = statistics.median(ours), statistics.median(theirs)
    ratio = value / peer_value
    met = target is None or ratio <= target
    return Row(id_, value, unit, peer, peer_value, ratio, target, met)


def hold(id_: str, contest: Contest, target: float, progress: Progress, rounds: int) -> Row:
    """Run both sides in turn, so that a noisy minute of the machine falls on both."""
    ours: list[float] = []
    theirs: list[float] = []
    for number in range(rounds + 1):
        progress(f"{id_}: {'warming up' if number == 0 else f'round {number} of {rounds}'}")
        mine, peers = contest.ours(), contest.theirs()
        if number > 0:
            ours.append(mine)
            theirs.append(peers)
    return row_of(id_, contest.unit, ours, contest.peer, theirs, target)
