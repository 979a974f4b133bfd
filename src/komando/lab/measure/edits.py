"""Edits of a copy of the policies, made as a person makes them: one line, or one file."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from komando.intent import Leaf, Profile, RouterIntent
from komando.lab.place import LabError
from komando.policy import Policy, load_policy
from komando.units import DIRECTIONS, Pair, Rate

RAISED = 5, 4
"""A guarantee is raised by a quarter, if the least share of the public leaves so much."""


@dataclass(frozen=True)
class Edit:
    """One edit: of which office, in words, and how it is done in a folder of policies."""

    kind: str
    office: str
    words: str
    make: Callable[[Path], None]


@contextmanager
def copy_of(policies: Path) -> Iterator[Path]:
    """A copy that is gone afterwards. Raises LabError when there are no such policies."""
    if not (policies / "region.yaml").is_file():
        raise LabError(f"no policies in {policies}/: name their folder with --policies")
    with TemporaryDirectory(prefix="komando-policies-") as folder:
        copy = Path(folder, "policies")
        shutil.copytree(policies, copy)
        yield copy


def read(policies: Path, today: date) -> Policy:
    """The policy. Raises LabError when it is not valid."""
    policy = load_policy(policies, today).policy
    if policy is None:
        raise LabError(f"{policies}/ does not hold together: `komando check` says where")
    return policy


def edits(
    policy: Policy, intent: RouterIntent, profile: Profile, slugs: Collection[str]
) -> list[Edit]:
    """An office with another guarantee, one less, the same one again, one that changes calendar.

    Each of another of these offices. Raises LabError when there are too few.
    """
    offices = sorted(
        (leaf for leaf in intent.leaves if leaf.slug in slugs and _plain(leaf, profile)),
        key=lambda leaf: (-leaf.guarantee.down.bits, leaf.id),
    )
    movable = [leaf for leaf in offices if _other_calendar(leaf, intent, profile)]
    if len(offices) < 3 or not movable:
        raise LabError("to change, remove and move offices, three at work are needed")
    moved = movable[-1]
    changed, removed = [leaf for leaf in offices if leaf is not moved][:2]
    return [
        _raise(policy, changed, intent.divisor),
        _remove(removed),
        _add(policy, removed),
        _move(policy, moved, _other_calendar(moved, intent, profile)),
    ]


def _plain(leaf: Leaf, profile: Profile) -> bool:
    return leaf.kind == "opd" and leaf.mode == "enforce" and leaf.pool in profile.open


def _other_calendar(leaf: Leaf, intent: RouterIntent, profile: Profile) -> str:
    """A calendar whose pool is open as well, or nothing."""
    others = (pool.slug for pool in intent.pools if pool.slug not in (leaf.pool, "public"))
    return next((slug for slug in others if slug in profile.open), "")


def _raise(policy: Policy, leaf: Leaf, divisor: int) -> Edit:
    times, over = RAISED
    pair = Pair(
        *(
            Rate(
                min(leaf.guarantee.of(way).bits * times // over, leaf.ceiling.of(way).bits)
                * divisor
            )
            for way in DIRECTIONS
        )
    )
    text = f"{{down: {pair.down}, up: {pair.up}}}"

    def make(folder: Path) -> None:
        _set(policy, folder, leaf.slug, "guarantee", text)

    before = policy.opd[leaf.slug].guarantee
    return Edit("change", leaf.slug, f"guarantee of {leaf.name}: {before} to {pair}", make)


def _move(policy: Policy, leaf: Leaf, calendar: str) -> Edit:
    def make(folder: Path) -> None:
        _set(policy, folder, leaf.slug, "calendar", calendar)

    return Edit("move", leaf.slug, f"{leaf.name} moves from {leaf.pool} to {calendar}", make)


def _remove(leaf: Leaf) -> Edit:
    def make(folder: Path) -> None:
        (folder / "opd" / f"{leaf.slug}.yaml").unlink()

    return Edit("remove", leaf.slug, f"{leaf.name} is no more", make)


def _add(policy: Policy, leaf: Leaf) -> Edit:
    text = _file(policy, leaf.slug).read_text()

    def make(folder: Path) -> None:
        (folder / "opd" / f"{leaf.slug}.yaml").write_text(text)

    return Edit("add", leaf.slug, f"{leaf.name} is new", make)


def _file(policy: Policy, slug: str) -> Path:
    return Path(policy.where("opd", slug, "guarantee").file)


def _set(policy: Policy, folder: Path, slug: str, key: str, value: str) -> None:
    """Give a key of an office another value; the rest of its line goes, a comment too."""
    place = policy.where("opd", slug, key)
    path = folder / "opd" / f"{slug}.yaml"
    lines = path.read_text().splitlines()
    lines[place.line - 1] = lines[place.line - 1][: place.column - 1] + value
    path.write_text("\n".join(lines) + "\n")
