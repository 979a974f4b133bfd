"""The text of `known_hosts` with one more key in it; all other lines stay as they are."""

from __future__ import annotations

from collections.abc import Sequence

from komando.documents.keys import PublicKey


def with_key(text: str, place: str, key: PublicKey, order: Sequence[str]) -> str:
    """The text in which `place` has this key, and no other.

    A new line stands behind those of the places that come before it in `order`, the inventory's;
    one that takes the place of another stands where that stood.
    """
    lines: list[str] = []
    at: int | None = None
    for line in text.removesuffix("\n").split("\n") if text else ():
        rest = _without(line, place)
        if rest != line and at is None:
            at = len(lines)
        if rest is not None:
            lines.append(line if rest == line else rest)
    lines.insert(_fitting(lines, place, order) if at is None else at, f"{place} {key}")
    return "".join(f"{line}\n" for line in lines)


def _without(line: str, place: str) -> str | None:
    """The line without one of its places; None where it has no other."""
    places = _places(line)
    if place not in places:
        return line
    others = ",".join(one for one in places if one != place)
    return f"{others} {line.split(maxsplit=1)[1]}" if others else None


def _places(line: str) -> list[str]:
    first = line.split(maxsplit=1)[:1]
    return first[0].split(",") if first and not first[0].startswith("#") else []


def _fitting(lines: list[str], place: str, order: Sequence[str]) -> int:
    ranks = {one: rank for rank, one in enumerate(order)}
    own = ranks.get(place, len(order))
    known = [
        (number, ranks[one])
        for number, line in enumerate(lines)
        for one in _places(line)
        if one in ranks
    ]
    earlier = [number for number, rank in known if rank < own]
    later = [number for number, rank in known if rank > own]
    return max(earlier) + 1 if earlier else min(later, default=len(lines))
