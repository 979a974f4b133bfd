"""Who has which class: the offices, points and pools of a generation, read off its intent.

The kernel goes by numbers alone; what they are called, and what is promised to whom under which
profile, stands in `intent.json`. Nothing that is enforced follows from what is read here.
"""

from __future__ import annotations

from collections.abc import Mapping

from .frozen import Frozen
from .typed import Any

ROOT, UNMATCHED, CONTROL, PUBLIC = "1:1", "1:2", "1:3", "1:20"
"""Classes that every tree has: the usable link, what belongs to nobody, the router's own needs, and
the pool of the public (komando.intent.model)."""

DIRECTIONS = ("down", "up")

Rates = Mapping[str, int]
"""bit/s by direction."""


class Site(Frozen):
    """One office or public point; `promise` is what it gets under the profile when all want all.

    That is the guarantee in its hours. None where the intent does not know the profile.
    `exceptions` are the keys of those that change something for it under the profile.
    """

    slug: str
    kind: str
    name: str
    pool: str
    segment: str
    mode: str
    calendar: str | None
    networks: tuple[str, ...]
    gateways: tuple[str, ...]
    class_id: str
    guarantee: Rates
    floor: Rates
    ceiling: Rates
    promise: Rates | None
    exceptions: tuple[str, ...]


class Pool(Frozen):
    """What the offices of one calendar, or the public points, share; `size` as the profile has it.

    None where the intent does not know the profile.
    """

    slug: str
    class_id: str
    size: Rates | None


class Uplink(Frozen):
    """The line to the provider: what was bought, and the usable part of it."""

    name: str
    gateways: tuple[str, ...]
    capacity: Rates
    link: Rates


class Region(Frozen):
    """All that a router's intent names; empty where it says nothing that is understood.

    `open` are the calendars that are open under the profile. In a lab all rates are divided by the
    `divisor`.
    """

    sites: tuple[Site, ...] = ()
    pools: tuple[Pool, ...] = ()
    uplink: Uplink | None = None
    open: tuple[str, ...] = ()
    divisor: int = 1


def region_of(intent: Mapping[str, Any], profile: str | None) -> Region:
    """Reads an intent under one profile; an older or a newer one may lack what is looked for."""
    try:
        profiles = {one["name"]: one for one in intent["profiles"]}
        return _region(intent, profiles.get(profile, _UNKNOWN))
    except (KeyError, TypeError, ValueError, AttributeError):
        return Region()


_UNKNOWN: Mapping[str, Any] = {"open": (), "exceptions": (), "pools": {}, "shares": {}}


def _region(intent: Mapping[str, Any], profile: Mapping[str, Any]) -> Region:
    uplink = intent["uplink"]
    classes = {str(one["slug"]): str(one["class"]) for one in intent["pools"]}
    return Region(
        sites=tuple(_site(one, profile) for one in intent["leaves"]),
        pools=tuple(
            Pool(slug, class_id, _maybe(profile["pools"].get(slug)))
            for slug, class_id in {**classes, "public": PUBLIC}.items()
        ),
        uplink=Uplink(
            name=str(uplink["name"]),
            gateways=_texts(uplink["gateways"]),
            capacity=_rates(uplink["capacity"]),
            link=_rates(uplink["link"]),
        ),
        open=_texts(profile["open"]),
        divisor=int(intent["divisor"]),
    )


def _site(leaf: Mapping[str, Any], profile: Mapping[str, Any]) -> Site:
    slug = str(leaf["slug"])
    return Site(
        slug=slug,
        kind=str(leaf["kind"]),
        name=str(leaf["name"]),
        pool=str(leaf["pool"]),
        segment=str(leaf["segment"]),
        mode=str(leaf["mode"]),
        calendar=None if leaf["calendar"] is None else str(leaf["calendar"]),
        networks=_texts(leaf["networks"]),
        gateways=_texts(leaf["gateways"]),
        class_id=str(leaf["class"]),
        guarantee=_rates(leaf["guarantee"]),
        floor=_rates(leaf["floor"]),
        ceiling=_rates(leaf["ceiling"]),
        promise=_maybe(profile["shares"].get(slug)),
        exceptions=tuple(
            key for key in _texts(profile["exceptions"]) if key.partition("@")[0] == slug
        ),
    )


def _texts(words: Any) -> tuple[str, ...]:
    return tuple(map(str, words))


def _rates(pair: Any) -> Rates:
    return {way: int(pair[way]) for way in DIRECTIONS}


def _maybe(pair: Any) -> Rates | None:
    return None if pair is None else _rates(pair)
