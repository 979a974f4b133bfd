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
    """

    slug: str
    kind: str
    name: str
    pool: str
    mode: str
    class_id: str
    promise: Rates | None


class Pool(Frozen):
    """What the offices of one calendar, or the public points, share; `size` as the profile has it.

    None where the intent does not know the profile.
    """

    slug: str
    class_id: str
    size: Rates | None


class Region(Frozen):
    """All that a router's intent names; empty where it says nothing that is understood."""

    sites: tuple[Site, ...] = ()
    pools: tuple[Pool, ...] = ()


def region_of(intent: Mapping[str, Any], profile: str | None) -> Region:
    """Reads an intent under one profile; an older or a newer one may lack what is looked for."""
    try:
        profiles = {one["name"]: one for one in intent["profiles"]}
        shares, pools = (
            profiles[profile][key] if profile in profiles else {} for key in ("shares", "pools")
        )
        classes = {str(one["slug"]): str(one["class"]) for one in intent["pools"]}
        return Region(
            tuple(
                Site(
                    slug=str(one["slug"]),
                    kind=str(one["kind"]),
                    name=str(one["name"]),
                    pool=str(one["pool"]),
                    mode=str(one["mode"]),
                    class_id=str(one["class"]),
                    promise=_rates(shares.get(one["slug"])),
                )
                for one in intent["leaves"]
            ),
            tuple(
                Pool(slug, class_id, _rates(pools.get(slug)))
                for slug, class_id in {**classes, "public": PUBLIC}.items()
            ),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return Region()


def _rates(pair: Any) -> Rates | None:
    return None if pair is None else {way: int(pair[way]) for way in DIRECTIONS}
