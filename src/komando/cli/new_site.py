"""What `komando new` takes from the policies that stand: what is free, what is usual, what fits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import ValidationError

from komando.cli.new_ask import DAY, NAME, Form
from komando.cli.streams import tell
from komando.documents.fields import SLUG_EXPECTED, is_slug, near_slug
from komando.documents.reader import read
from komando.ledger.errors import LedgerError
from komando.ledger.git import Git
from komando.policy import Opd, Policy
from komando.policy.fresh import Allotted, FreshHotspot, FreshOpd, NoRoomError, allot, next_id
from komando.policy.tree import Kind
from komando.units import DIRECTIONS, Direction, Pair, Rate

T = TypeVar("T")

_MBIT = 1_000_000

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


def unheard(policy: Policy, name: Any) -> Any:
    """A name that no office or point has; ends the verb for one that stands."""
    for folder, sites in (("opd", policy.opd), ("hotspots", policy.hotspots)):
        for slug, site in sites.items():
            if name is not None and site.name.casefold() == name.casefold():
                raise click.ClickException(f"{folder}/{slug}.yaml has the name {site.name} already")
    return name


def only(names: Mapping[str, Any]) -> str | None:
    """The one name that there is; None where there is a choice."""
    return next(iter(names)) if len(names) == 1 else None


def most_common(values: Iterable[T]) -> T | None:
    """What most of them have; None of nothing."""
    return next((value for value, _ in Counter(values).most_common(1)), None)


def usual_floor(guarantee: Pair) -> Pair:
    """A seventh of the guarantee in whole Mbit/s, at least 1, and never above the guarantee."""

    def floor(way: Direction) -> Rate:
        whole = max(guarantee.of(way).bits // _FLOOR_PART // _MBIT, 1) * _MBIT
        return min(Rate(whole), guarantee.of(way))

    return Pair(floor("down"), floor("up"))


def usual_ceiling(guarantee: Pair, capacity: Pair) -> Pair:
    """Four times the guarantee, and no more than the last mile carries."""
    return Pair(
        *(
            min(Rate(guarantee.of(way).bits * _CEILING_TIMES), capacity.of(way))
            for way in DIRECTIONS
        )
    )


def request_of(form: Form, letter: str | None, day: str | None) -> tuple[str | None, date | None]:
    """The letter that asks for it, and its date: both, or neither."""
    number = form.may("--letter", letter, "Number of the letter that asks for it", NAME)
    if number is None:
        if day is not None:
            raise click.UsageError("--date is that of a letter: name its number with --letter")
        return None, None
    return number, form.take("--date", day, "Date of the letter", DAY)


def place_of(
    policies: Path, policy: Policy, kind: Kind, segment: str, given: Mapping[str, Any]
) -> tuple[int, Allotted]:
    """The id and the addresses of a new office or point: those that were given, else free ones.

    Ends the verb where none is left.
    """
    try:
        number = next_id(policy, _gone(policies))
        if given["networks"] and given["gateways"]:
            return number, Allotted(given["networks"], given["gateways"])
        free = allot(policy, kind, segment, number)
    except NoRoomError as error:
        raise click.ClickException(
            f"{error}: name addresses with --network and --gateway"
        ) from error
    networks = given["networks"] or free.networks
    return number, Allotted(networks, given["gateways"] or free.gateways)


def _gone(policies: Path) -> Callable[[int], bool]:
    """Whether an office had an id that is gone now: git knows, where there is a repository."""
    try:
        git = Git(policies)
    except LedgerError:
        tell(f"{policies} is in no git repository: an id may be one that was used before", err=True)
        git = None

    def gone(number: int) -> bool:
        if git is None:
            return False
        found = git.run("log", "--format=%H", "--max-count=1", f"-G^id: +{number}( |$)", "--", ".")
        return found.status == 0 and bool(found.out.strip())

    return gone


def summary(fresh: FreshOpd | FreshHotspot) -> str:
    """What a new office or point was given."""
    networks = ", ".join(map(str, fresh.networks))
    return f"id {fresh.id}, {networks}, reached by {', '.join(map(str, fresh.gateways))}"


def with_guarantee(office: Opd, guarantee: Pair) -> Opd:
    """An office with another guarantee, and a floor that is not above it."""
    floor = Pair(*(min(office.floor.of(way), guarantee.of(way)) for way in DIRECTIONS))
    return office.model_copy(update={"guarantee": guarantee, "floor": floor})


def with_exceptional(start: date, office: Opd, guarantee: Pair) -> Opd:
    """An office with another guarantee in its exception from `start` on."""
    items = tuple(
        item.model_copy(update={"guarantee": guarantee}) if item.start == start else item
        for item in office.exceptions
    )
    return office.model_copy(update={"exceptions": items})


def fitting(
    policy: Policy,
    file: Path,
    content: bytes,
    wanted: Pair,
    changed: Callable[[Opd, Pair], Opd],
) -> str:
    """What would fit in place of a guarantee that is too much beside what others are promised.

    `content` is the office's file with it, `policy` is without that.
    """
    from komando.intent.room import room_for

    document = read(str(file), content).document
    if document is None:
        return ""
    try:
        office = Opd.model_validate({**document.data, "slug": file.stem})
    except ValidationError:  # that is told, too
        return ""
    origins = {**policy.origins, ("opd", file.stem): document}

    def policy_with(pair: Pair) -> Policy:
        opd = {**policy.opd, file.stem: changed(office, pair)}
        return replace(policy, opd=opd, origins=origins)

    most = Pair(*(min(wanted.of(way), office.link.capacity.of(way)) for way in DIRECTIONS))
    room = room_for(most, policy_with)
    if room is None:
        return "not even a guarantee of 1 Mbit/s would fit: lower another office's first"
    return f"a guarantee of {room} would fit"
