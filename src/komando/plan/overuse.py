"""What enforcing would have cut in the last measured week: pure, from what a host has counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from komando import generation
from komando.bundle import Bundle
from komando.generation import RunningGeneration
from komando.intent import Leaf, RouterIntent, read_intent
from komando.intent.shaping import office_ceiling
from komando.plan.model import Overuse
from komando.plan.wording import Wording
from komando.units import DIRECTIONS, Direction, Rate, about
from komando.usage import Series, Usage, not_passed

USUAL = 0.95
"""The part of the time that `usual` speaks of."""


def asks_for_usage(wanted: Bundle, running: RunningGeneration) -> bool:
    """Whether a plan from what runs to `wanted` can say more when it knows what was used."""
    if running.digest == wanted.digest or running.bundle is None:
        return False
    try:
        old, new = (
            read_intent(bundle.text(generation.INTENT)) for bundle in (running.bundle, wanted)
        )
    except (KeyError, ValueError, TypeError):  # of another version: files alone compare
        return False
    return any(True for _ in _held(old, new))


def compare_overuse(old: Wording, new: Wording, usage: Usage | None) -> Iterator[Overuse]:
    """Each office and direction that will be held back, or more than before, by name.

    One that was observed until now is told in any case; of a ceiling that falls, what passed it.
    `usage` is None where it could not be asked.
    """
    for was, now, direction in sorted(
        _held(old.intent, new.intent), key=lambda one: (one[0].slug, one[2])
    ):
        enforced = (was.mode, now.mode) == ("observe", "enforce")
        found = _one(was, now, direction, (old, new), usage)
        if enforced or found.above:
            yield found


def _held(old: RouterIntent, new: RouterIntent) -> Iterator[tuple[Leaf, Leaf, Direction]]:
    before = {leaf.slug: leaf for leaf in old.leaves if leaf.kind == "opd"}
    for now in new.leaves:
        was = before.get(now.slug)
        if was is None or now.kind != "opd" or now.mode == "observe":
            continue
        for direction in DIRECTIONS:
            falls = _bits(new, now, direction) < _bits(old, was, direction)
            if was.mode == "observe" or falls:
                yield was, now, direction


def _ceiling(router: RouterIntent, leaf: Leaf, direction: Direction) -> int:
    return office_ceiling(leaf, router.uplink.link.of(direction).bits, direction)


def _bits(router: RouterIntent, leaf: Leaf, direction: Direction) -> int:
    """The same as the policy states it."""
    return _ceiling(router, leaf, direction) * router.divisor


def _one(
    was: Leaf,
    now: Leaf,
    direction: Direction,
    words: tuple[Wording, Wording],
    usage: Usage | None,
) -> Overuse:
    old, new = words
    enforced = was.mode == "observe"
    aspect = "mode" if enforced else "ceiling"
    ceiling = _ceiling(new.intent, now, direction)
    told = Overuse(
        slug=now.slug,
        name=now.name,
        direction=direction,
        enforced=enforced,
        ceiling=new.rate(Rate(ceiling)),
        location=new.place("opd", now.slug, aspect),
    )
    series: Sequence[Series] = ()
    if usage is not None:
        series = usage.of(was.class_id, direction, _ceiling(old.intent, was, direction))
    if not series:
        why = "not measured yet" if usage is not None else "the router could not be asked"
        return Overuse(**vars(told) | {"unmeasured": why})
    # a lab divides the policy's rates; what was measured there is multiplied to be compared
    factor = new.intent.divisor / old.intent.divisor
    highest = max(series, key=lambda one: one.most)
    measured = {
        "minutes": _minutes(one.seconds for one in series),
        "since": _moment(min(one.since for one in series), new.intent.zone),
        "above": _minutes(one.above(ceiling / factor) for one in series),
        "shared": _minutes(
            one.above(_promise(new.intent, now, one.profile, direction) / factor) for one in series
        ),
        "most": _rate(highest.most, old),
        "at": _moment(highest.at, new.intent.zone),
        "usual": _rate(not_passed(series, USUAL), old),
    }
    return Overuse(**vars(told) | measured)


def _promise(router: RouterIntent, leaf: Leaf, profile: str, direction: Direction) -> int:
    """What it gets in such an hour when everyone wants everything, in bit/s."""
    for one in router.profiles:
        if one.name == profile and leaf.slug in one.shares:
            return one.shares[leaf.slug].of(direction).bits
    return leaf.floor.of(direction).bits


def _minutes(seconds: Iterable[int]) -> int:
    return -(-sum(seconds) // 60)


def _rate(bits: float, words: Wording) -> str:
    policy = round(bits * words.intent.divisor)
    return about(Rate(policy)) if policy else "nothing"


def _moment(moment: datetime, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M}"
