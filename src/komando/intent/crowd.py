"""One office that stands for all that shaping treats alike: ten thousand cost what their kinds do.

Shares follow from the pool, the mode, the rates and the exceptions in force alone. Where two
offices agree in these, whatever is computed for one is true of the other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from komando.intent.model import Leaf, RouterIntent

Kinds = Sequence[Sequence[Leaf]]
"""Leaves by kind; those of one kind differ in nothing that shaping looks at."""


@dataclass(frozen=True)
class Crowd:
    """A router of stand-ins at one moment.

    `times`: by minor, for how many leaves a stand-in stands. `stand_ins`: by the slug of each leaf
    of the whole router, in its order, the slug of the one that stands for it.
    """

    router: RouterIntent
    times: Mapping[int, int]
    stand_ins: Mapping[str, str]


def kinds_of(leaves: Iterable[Leaf]) -> Kinds:
    """Sort leaves into kinds. Exceptions are part of the kind: they count for the quantum."""
    kinds: dict[object, list[Leaf]] = defaultdict(list)
    for leaf in leaves:
        own = tuple(item.guarantee for item in leaf.exceptions)
        rates = (leaf.guarantee, leaf.floor, leaf.ceiling)
        kinds[leaf.kind, leaf.pool, leaf.mode, leaf.share, rates, own].append(leaf)
    return tuple(kinds.values())


def gather(router: RouterIntent, kinds: Kinds, exceptions: Iterable[str]) -> Crowd:
    """The stand-ins while these exceptions (their keys) are in force: their offices stand alone."""
    apart = {key.partition("@")[0] for key in exceptions}
    groups: list[Sequence[Leaf]] = []
    for kind in kinds:
        alone = [leaf for leaf in kind if leaf.slug in apart]
        rest = [leaf for leaf in kind if leaf.slug not in apart] if alone else kind
        groups += ([leaf] for leaf in alone)
        if rest:
            groups.append(rest)
    firsts = sorted((group[0] for group in groups), key=lambda leaf: leaf.minor)
    first_of = {leaf.slug: group[0].slug for group in groups for leaf in group}
    return Crowd(
        router=replace(router, leaves=tuple(firsts)),
        times={group[0].minor: len(group) for group in groups},
        stand_ins={leaf.slug: first_of[leaf.slug] for leaf in router.leaves},
    )
