"""How a plan says rates, hours and places in the policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from komando.diagnostics import Location
from komando.intent import Leaf, RouterIntent
from komando.plan.model import Detail
from komando.units import DIRECTIONS, Pair, Rate

Folder = Literal["region", "opd", "hotspots"]

ONE_MEGABIT = 10**6


class Where(Protocol):
    """`Policy.where`: the place of a value, or of the nearest part above it, or KeyError."""

    def __call__(self, kind: Folder, slug: str, *path: str | int) -> Location:
        """The place of the value at `path` in the file of `kind` and `slug`."""
        ...


@dataclass(frozen=True)
class Wording:
    """The words of one router's intent: rates as the policy states them, hours, places."""

    intent: RouterIntent
    where: Where

    def rate(self, rate: Rate) -> str:
        """A rate as the policy states it, before a lab's divisor; to the kbit/s above 1 Mbit/s."""
        bits = rate.bits * self.intent.divisor
        return str(Rate(round(bits, -3) if bits > ONE_MEGABIT else bits))

    def pair(self, pair: Pair | None) -> str | None:
        """`20 Mbit/s`, or `20 Mbit/s down, 10 Mbit/s up` where the directions differ."""
        if pair is None:
            return None
        if pair.down == pair.up:
            return self.rate(pair.down)
        return f"{self.rate(pair.down)} down, {self.rate(pair.up)} up"

    def place(self, kind: Folder, slug: str, *path: str | int) -> Location | None:
        """Where the policy says it; None when it has no such file any more."""
        try:
            return self.where(kind, slug, *path)
        except KeyError:
            return None

    def hours(self, calendar: str | None) -> str:
        """`in the hours of working-week (Mon-Thu 07:00-15:30)`, or `at all hours`."""
        if calendar is None:
            return "at all hours"
        text = self.intent.calendars.get(calendar, "")
        if text in ("", "at all hours"):
            return text or f"in the hours of {calendar}"
        return f"in the hours of {calendar} ({text})"

    def calendar(self, slug: str) -> str:
        """`working-week (Mon-Thu 07:00-15:30)`."""
        text = self.intent.calendars.get(slug)
        return f"{slug} ({text})" if text else slug


def count(number: int, noun: str) -> str:
    """`1 office`, `2 offices`, `2 addresses`."""
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def policy_folder(leaf: Leaf) -> Folder:
    """The folder of the policies that holds the leaf's file, as `Where` names it."""
    return "opd" if leaf.kind == "opd" else "hotspots"


def pair_details(
    aspect: str,
    before: tuple[Pair | None, Wording],
    after: tuple[Pair | None, Wording],
    place: Location | None = None,
    when: str = "",
) -> list[Detail]:
    """A pair of rates that changes: one detail, or one for each direction that changes alone."""
    (old, old_words), (new, new_words) = before, after
    if old_words.pair(old) == new_words.pair(new):
        return []
    if all(pair is None or pair.down == pair.up for pair in (old, new)):
        return [Detail(aspect, old_words.pair(old), new_words.pair(new), when, place)]
    details = []
    for side in DIRECTIONS:
        was = None if old is None else old_words.rate(old.of(side))
        becomes = None if new is None else new_words.rate(new.of(side))
        if was != becomes:
            details.append(Detail(f"{aspect} {side}", was, becomes, when, place))
    return details
