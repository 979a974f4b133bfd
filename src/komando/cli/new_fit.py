"""How much of a guarantee would fit, where the one that was asked for is too much."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

from pydantic import ValidationError

from komando.cli.new_site import usual_floor
from komando.documents.reader import read
from komando.intent.room import room_for
from komando.intent.shaping import base_rate
from komando.policy import Opd, Policy
from komando.units import DIRECTIONS, Pair

Changed = Callable[[Opd, Pair], Opd]


def with_usual_floor(office: Opd, guarantee: Pair) -> Opd:
    """An office with another guarantee, and the floor that goes with it by default."""
    return office.model_copy(update={"guarantee": guarantee, "floor": usual_floor(guarantee)})


def with_own_floor(office: Opd, guarantee: Pair) -> Opd:
    """An office with another guarantee; with its own floor, where that can be kept beside it."""
    kept = all(
        base_rate(office.floor.of(way).bits, guarantee.of(way).bits) == office.floor.of(way).bits
        for way in DIRECTIONS
    )
    if not kept:
        return with_usual_floor(office, guarantee)
    return office.model_copy(update={"guarantee": guarantee})


def with_exceptional(start: date, office: Opd, guarantee: Pair) -> Opd:
    """An office with another guarantee in its exception from `start` on."""
    items = tuple(
        item.model_copy(update={"guarantee": guarantee}) if item.start == start else item
        for item in office.exceptions
    )
    return office.model_copy(update={"exceptions": items})


def fitting(policy: Policy, file: Path, content: bytes, wanted: Pair, changed: Changed) -> str:
    """What would fit in place of a guarantee that is too much beside what others are promised.

    `content` is the office's file with it, `policy` is without that; `changed` is the office with
    another guarantee in its place.
    """
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
    floor = changed(office, room).floor
    if any(floor.of(way) > room.of(way) for way in DIRECTIONS):
        return f"no guarantee would fit that is not below its floor, {floor}"
    beside = "" if floor == office.floor else f", with a floor of {floor}"
    return f"a guarantee of {room} would fit{beside}"
