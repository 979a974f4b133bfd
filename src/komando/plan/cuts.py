"""What offices, points and the public lose: the facts that safety limits are held against."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final, Literal

from komando.intent import Leaf, RouterIntent
from komando.intent.model import PUBLIC
from komando.intent.shaping import in_force
from komando.intent.sums import TOLERANCE, promised
from komando.plan.model import Cut
from komando.plan.wording import Wording, policy_folder
from komando.units import DIRECTION_WORDS, DIRECTIONS, Pair, Rate

WHOLE: Final = 10_000
"""Hundredths of a percent in all of it."""

LEAST: Final = "the worst hours"
"""What is said in place of a profile where no profile kept its name."""

_RATES: Final[tuple[Literal["guarantee", "floor", "ceiling"], ...]] = (
    "guarantee",
    "floor",
    "ceiling",
)


def compare_cuts(old: Wording, new: Wording) -> Iterator[Cut]:
    """Each loss of each office and point by slug, then that of the public's pool."""
    after = {leaf.slug: leaf for leaf in new.intent.leaves}
    for was in sorted(old.intent.leaves, key=lambda leaf: leaf.slug):
        now = after.get(was.slug)
        if now is None or now.kind != was.kind:
            yield _removed(was, old)
        else:
            yield from _kept(was, now, old, new)
    yield from _pool(old, new)


def _removed(was: Leaf, words: Wording) -> Cut:
    networks = ", ".join(str(network) for network in was.networks)
    has = f"{networks}; {words.pair(was.guarantee)}" if was.kind == "opd" else networks
    return Cut("connection", was.kind, was.slug, was.name, has, None, 0)


def _kept(was: Leaf, now: Leaf, old: Wording, new: Wording) -> Iterator[Cut]:
    folder = policy_folder(now)
    if not set(was.networks) & set(now.networks):
        yield Cut(
            "networks",
            now.kind,
            now.slug,
            now.name,
            ", ".join(str(network) for network in was.networks),
            ", ".join(str(network) for network in now.networks),
            0,
            new.place(folder, now.slug, "networks"),
        )
    if now.kind != "opd":  # a point's part of the pool follows from all the others
        return
    for rate in _RATES:
        before, after = getattr(was, rate), getattr(now, rate)
        left = _left(before, old.intent.divisor, after, new.intent.divisor)
        words = old.pair(before) or "", new.pair(after) or ""
        if left < WHOLE and words[0] != words[1]:
            place = new.place(folder, now.slug, rate)
            yield Cut(rate, "opd", now.slug, now.name, *words, left, place)
    if (was.mode, now.mode) == ("observe", "enforce"):
        place = new.place(folder, now.slug, "mode")
        yield Cut("mode", "opd", now.slug, now.name, was.mode, now.mode, WHOLE, place)


def _left(before: Pair, divided: int, after: Pair, now_divided: int) -> int:
    """What stays, in hundredths of a percent, of the direction that loses most."""
    return min(
        after.of(side).bits * now_divided * WHOLE // (before.of(side).bits * divided)
        for side in DIRECTIONS
    )


def _pool(old: Wording, new: Wording) -> Iterator[Cut]:
    """The public's pool in the profile in which it loses most.

    Profiles go by their names; where none stayed, by the least that the pool is in any. A router
    without points has nobody who could lose it.
    """
    if not any(leaf.kind == "hotspot" for leaf in old.intent.leaves):
        return
    was, now = _public_pools(old.intent), _public_pools(new.intent)
    if not was.keys() & now.keys():
        was, now = {LEAST: _least(was.values())}, {LEAST: _least(now.values())}
    divisors = old.intent.divisor, new.intent.divisor
    losses = {
        name: _left(was[name], divisors[0], now[name], divisors[1])
        for name in sorted(was.keys() & now.keys())
    }
    worst = min(losses, key=lambda name: losses[name])
    words = old.pair(was[worst]) or "", new.pair(now[worst]) or ""
    if losses[worst] < WHOLE and words[0] != words[1]:
        place = new.place("region", "", "public")
        yield Cut("pool", "public", worst, "the public's pool", *words, losses[worst], place)


def _public_pools(intent: RouterIntent) -> dict[str, Pair]:
    return {item.name: item.pools[PUBLIC] for item in intent.profiles}


def _least(pairs: Collection[Pair]) -> Pair:
    return Pair(*(min(pair.of(side) for pair in pairs) for side in DIRECTIONS))


def above_uplink(words: Wording) -> Iterator[str]:
    """Each direction in which the promises of some profile pass the usable uplink.

    The policies' check looks at the same before anything is rendered; this one looks at what
    would be sent.
    """
    intent = words.intent
    for side in DIRECTIONS:
        most, name = max(
            (_promises(intent, index, side), profile.name)
            for index, profile in enumerate(intent.profiles)
        )
        link = intent.uplink.link.of(side)
        if most > link.bits + link.bits // TOLERANCE:
            yield (
                f"{DIRECTION_WORDS[side]} in {name}: {words.rate(Rate(most))} promised, "
                f"{words.rate(link)} usable"
            )


def _promises(intent: RouterIntent, index: int, side: Literal["down", "up"]) -> int:
    """bit/s that offices, points and the router itself are promised in one profile."""
    profile = intent.profiles[index]
    exceptions = in_force(intent, profile.exceptions)
    return intent.uplink.control.of(side).bits + sum(
        promised(leaf, profile, exceptions.get(leaf.slug)).of(side).bits for leaf in intent.leaves
    )
