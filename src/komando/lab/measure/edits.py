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
from komando.lab.measure.moments import NotShown
from komando.lab.place import LabError
from komando.policy import Policy, load_policy
from komando.units import DIRECTIONS, Pair, Rate


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

    Each of another of these offices, within the pools' budgets. Raises NotShown when no three
    offices at work allow that.
    """
    offices = sorted(
        (leaf for leaf in intent.leaves if leaf.slug in slugs and _plain(leaf, profile)),
        key=lambda leaf: (-leaf.guarantee.down.bits, leaf.id),
    )
    changed = next(
        (
            leaf
            for leaf in offices
            if _has_room(policy, leaf) and _fits(policy, leaf.pool, _quarter(policy, leaf))
        ),
        None,
    )
    moves = [
        (leaf, pool.slug)
        for leaf in reversed(offices)
        for pool in intent.pools
        if leaf is not changed
        and pool.slug in profile.open
        and pool.slug != leaf.pool
        and (changed is None or pool.slug != changed.pool)
        and _fits(policy, pool.slug, policy.opd[leaf.slug].guarantee)
    ]
    if changed is None or not moves or len(offices) < 3:
        raise NotShown("to change, remove and move offices, three at work with room are needed")
    moved, calendar = moves[0]
    removed = next(leaf for leaf in offices if leaf not in (changed, moved))
    return [
        _raise(policy, changed),
        _remove(removed),
        _add(policy, removed),
        _move(policy, moved, calendar),
    ]


def _plain(leaf: Leaf, profile: Profile) -> bool:
    return leaf.kind == "opd" and leaf.mode == "enforce" and leaf.pool in profile.open


def _has_room(policy: Policy, leaf: Leaf) -> bool:
    """Whether something can be added to a guarantee below its ceiling."""
    opd = policy.opd[leaf.slug]
    return any(opd.guarantee.of(way).bits < opd.ceiling.of(way).bits for way in DIRECTIONS)


def _quarter(policy: Policy, leaf: Leaf) -> Pair:
    """What is added to a guarantee: a quarter of it."""
    guarantee = policy.opd[leaf.slug].guarantee
    return Pair(*(Rate(guarantee.of(way).bits // 4) for way in DIRECTIONS))


def _fits(policy: Policy, pool: str, more: Pair) -> bool:
    """Whether the budget of a pool bears so much more."""
    budget = policy.region.pools[pool].budget
    members = [opd.guarantee for opd in policy.opd.values() if opd.calendar == pool]
    return budget is None or all(
        sum(one.of(way).bits for one in (*members, more)) <= budget.of(way).bits
        for way in DIRECTIONS
    )


def _raise(policy: Policy, leaf: Leaf) -> Edit:
    opd, more = policy.opd[leaf.slug], _quarter(policy, leaf)
    pair = Pair(
        *(
            Rate(min(opd.guarantee.of(way).bits + more.of(way).bits, opd.ceiling.of(way).bits))
            for way in DIRECTIONS
        )
    )

    def make(folder: Path) -> None:
        _set(policy, folder, leaf.slug, "guarantee", f"{{down: {pair.down}, up: {pair.up}}}")

    return Edit("change", leaf.slug, f"guarantee of {leaf.name}: {opd.guarantee} to {pair}", make)


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
