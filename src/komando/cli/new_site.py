"""What `komando new` takes from the policies that stand: what is free, and what is usual."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import click

from komando.cli.days import DAY
from komando.cli.new_ask import Form
from komando.cli.new_past import used_before
from komando.cli.new_value import NAME, Value
from komando.documents.fields import SLUG_EXPECTED, Line, is_slug, near_slug
from komando.policy import Policy
from komando.policy.fresh import Allotted, FreshHotspot, FreshOpd, NoRoomError, allot, next_id
from komando.policy.tree import Kind
from komando.units import DIRECTIONS, Direction, Pair, Rate

T = TypeVar("T")

_KBIT, _MBIT = 1_000, 1_000_000

_FLOOR_PART = 7
"""A guarantee is so many times its floor, as with most offices that stand."""

_CEILING_TIMES = 4
"""A ceiling is so many times its guarantee, as with most offices that stand."""


def require_unused(policy: Policy, slug: str) -> None:
    """End the verb for a slug that is none, or that an office or point has."""
    if not is_slug(slug):
        near = near_slug(slug)
        hint = f": perhaps `{near}`" if near else ""
        raise click.UsageError(f"{slug!r} is no short name ({SLUG_EXPECTED}){hint}")
    for folder, sites in (("opd", policy.opd), ("hotspots", policy.hotspots)):
        if slug in sites:
            raise click.ClickException(
                f"{folder}/{slug}.yaml stands already: change that file, or take another name"
            )


class FreshName(Value):
    """A name that no office or point has."""

    def __init__(self, policy: Policy) -> None:
        super().__init__(Line, "a line of text")
        sites = ("opd", policy.opd), ("hotspots", policy.hotspots)
        self._taken = {
            site.name.casefold(): (f"{folder}/{slug}.yaml", site.name)
            for folder, kind in sites
            for slug, site in kind.items()
        }

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The name."""
        name = super().convert(value, param, ctx)
        if (found := self._taken.get(name.casefold())) is not None:
            self.fail(f"{found[0]} has the name {found[1]} already", param, ctx)
        return name


def only(names: Mapping[str, Any]) -> str | None:
    """The one name that there is; None where there is a choice."""
    return next(iter(names)) if len(names) == 1 else None


def most_common(values: Iterable[T]) -> T | None:
    """What most of them have; None of nothing."""
    return next((value for value, _ in Counter(values).most_common(1)), None)


def usual_floor(guarantee: Pair) -> Pair:
    """A seventh of the guarantee, and always below it.

    In whole Mbit/s, 1 at least; of a guarantee below 2 Mbit/s in whole kbit/s. A floor that is as
    high as its guarantee would leave the office no weight in its pool (`intent/shaping.py`).
    """

    def floor(way: Direction) -> Rate:
        bits = guarantee.of(way).bits
        step = _MBIT if bits >= 2 * _MBIT else _KBIT if bits >= 2 * _KBIT else 1
        return Rate(max(bits // _FLOOR_PART // step, 1) * step)

    return Pair(floor("down"), floor("up"))


def usual_ceiling(guarantee: Pair, capacity: Pair) -> Pair:
    """Four times the guarantee, and no more than the last mile carries."""
    return Pair(
        *(
            min(Rate(guarantee.of(way).bits * _CEILING_TIMES), capacity.of(way))
            for way in DIRECTIONS
        )
    )


def request_of(form: Form) -> tuple[str | None, date | None]:
    """The letter that asks for it, and its date: both, or neither."""
    number = form.may("--letter", "Number of the letter that asks for it", NAME)
    if number is None:
        if form.has("--date") and not form.has("--letter"):
            form.object("--date is that of a letter: name its number with --letter")
        return None, None
    return number, form.take("--date", "Date of the letter", DAY)


def place_of(
    policy: Policy, kind: Kind, segment: str, number: int, given: Mapping[str, Any]
) -> Allotted:
    """The addresses of a new office or point: those that were given, else free ones.

    Ends the verb where none is left.
    """
    if given["network"] and given["gateway"]:
        return Allotted(given["network"], given["gateway"])
    try:
        free = allot(policy, kind, segment, number)
    except NoRoomError as error:
        raise click.ClickException(
            f"{error}: name addresses with --network and --gateway"
        ) from error
    return Allotted(given["network"] or free.networks, given["gateway"] or free.gateways)


def free_id(policies: Path, policy: Policy) -> int:
    """The id of a new office or point; ends the verb where none is left, or nobody can tell."""
    try:
        return next_id(policy, used_before(policies))
    except NoRoomError as error:
        raise click.ClickException(str(error)) from error


def summary(fresh: FreshOpd | FreshHotspot) -> str:
    """What a new office or point was given."""
    networks = ", ".join(map(str, fresh.networks))
    return f"id {fresh.id}, {networks}, reached by {', '.join(map(str, fresh.gateways))}"
