"""One office that stands for all that shaping treats alike: ten thousand cost what their kinds do.

Shares follow from the pool, the mode, the rates and the exceptions in force alone. Where two
offices agree in these, whatever is computed for one is true of the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from komando.intent.model import Leaf, RouterIntent
from komando.intent.timeline import exception_parts
from komando.units import Pair


@dataclass(frozen=True)
class Kinds:
    """Leaves by kind: those of one kind differ in nothing that shaping looks at.

    `place`: by slug, the index of a leaf's kind. `firsts`: by slug, the slug of the first of its
    kind. Both are in the order of the leaves.
    """

    members: Sequence[Sequence[Leaf]]
    place: Mapping[str, int]
    firsts: Mapping[str, str]


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
    numbers: dict[object, int] = {}
    members: list[list[Leaf]] = []
    place: dict[str, int] = {}
    for leaf in leaves:
        rates = (*_figures(leaf.guarantee), *_figures(leaf.floor), *_figures(leaf.ceiling))
        own = tuple(item.guarantee for item in leaf.exceptions)
        kind = (leaf.kind, leaf.pool, leaf.mode, leaf.share, rates, own)
        number = numbers.setdefault(kind, len(numbers))
        if number == len(members):
            members.append([])
        members[number].append(leaf)
        place[leaf.slug] = number
    return Kinds(members, place, {slug: members[one][0].slug for slug, one in place.items()})


def _figures(pair: Pair) -> tuple[int, int]:
    """Plain integers: ten thousand of the models' own hashes take a while."""
    return pair.down.bits, pair.up.bits


def gather(router: RouterIntent, kinds: Kinds, exceptions: Iterable[str]) -> Crowd:
    """The stand-ins while these exceptions (their keys) are in force: their offices stand alone."""
    apart = {exception_parts(key)[0] for key in exceptions} & kinds.place.keys()
    split = {kinds.place[slug] for slug in apart}
    stand_ins = dict(kinds.firsts)
    groups: list[Sequence[Leaf]] = []
    for index, kind in enumerate(kinds.members):
        if index not in split:
            groups.append(kind)
            continue
        groups += ([leaf] for leaf in kind if leaf.slug in apart)
        rest = [leaf for leaf in kind if leaf.slug not in apart]
        if rest:
            groups.append(rest)
            stand_ins |= {leaf.slug: rest[0].slug for leaf in rest}
    stand_ins |= {slug: slug for slug in apart}
    return Crowd(
        router=replace(
            router,
            leaves=tuple(sorted((group[0] for group in groups), key=lambda leaf: leaf.minor)),
        ),
        times={group[0].minor: len(group) for group in groups},
        stand_ins=stand_ins,
    )
