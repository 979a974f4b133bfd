"""What the region's file says of one router: uplink, segments, pools, calendars, the public."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from komando.intent import Leaf, PoolIntent
from komando.plan.model import Action, Change, Detail, Kind
from komando.plan.wording import Wording, pair_details
from komando.units import Direction, Pair, Rate


def compare_region(old: Wording, new: Wording) -> Iterator[Change]:
    """The nouns of the region's file that differ for this router."""
    yield from _changed(
        "uplink", new.intent.uplink.name, f"uplink {new.intent.uplink.name}", _uplink(old, new)
    )
    yield from _segments(old, new)
    yield from _calendars(old, new)
    yield from _pools(old, new)
    yield from _changed("public", "", "the public's points", _public(old, new))
    yield from _changed("region", "", new.intent.region, _region(old, new))


def _changed(kind: Kind, slug: str, name: str, details: Iterator[Detail]) -> Iterator[Change]:
    found = tuple(details)
    if found:
        yield Change("change", kind, slug, name, found, found[0].location)


def _uplink(old: Wording, new: Wording) -> Iterator[Detail]:
    was, now = old.intent.uplink, new.intent.uplink
    path = ("uplinks", now.name)
    for aspect, key in (
        ("capacity", "capacity"),
        ("usable", "usable"),
        ("control", "control"),
        ("unmatched", "unmatched"),
    ):
        attribute = "link" if aspect == "usable" else aspect
        place = new.place("region", "", *path, key)
        yield from pair_details(
            aspect, (getattr(was, attribute), old), (getattr(now, attribute), new), place
        )
    texts = {
        ("addresses",): (", ".join(was.addresses), ", ".join(now.addresses)),
        ("gateways",): (", ".join(was.gateways), ", ".join(now.gateways)),
        ("nat", "offices"): (was.nat_offices, now.nat_offices),
        ("nat", "public"): (was.nat_public, now.nat_public),
    }
    for keys, (before, after) in texts.items():
        if before != after:
            place = new.place("region", "", *path, *keys)
            yield Detail(" ".join(keys), before, after, "", place)


def _segments(old: Wording, new: Wording) -> Iterator[Change]:
    before = {item.slug: ", ".join(item.addresses) for item in old.intent.segments}
    after = {item.slug: ", ".join(item.addresses) for item in new.intent.segments}
    yield from _texts("segment", "addresses", before, after, new, ("segments", "addresses"))


def _calendars(old: Wording, new: Wording) -> Iterator[Change]:
    yield from _texts(
        "calendar",
        "hours",
        old.intent.calendars,
        new.intent.calendars,
        new,
        ("calendars", "windows"),
    )


def _texts(
    kind: Kind,
    aspect: str,
    before: Mapping[str, str],
    after: Mapping[str, str],
    words: Wording,
    keys: tuple[str, str],
) -> Iterator[Change]:
    for slug in sorted(before.keys() | after.keys()):
        was, now = before.get(slug), after.get(slug)
        if was == now:
            continue
        place = words.place("region", "", keys[0], slug, keys[1]) if now is not None else None
        action: Action = "add" if was is None else "remove" if now is None else "change"
        detail = Detail(aspect, was, now, "", place)
        yield Change(action, kind, slug, f"{kind} {slug}", (detail,), place)


def _pools(old: Wording, new: Wording) -> Iterator[Change]:
    before = {pool.slug: pool for pool in old.intent.pools}
    after = {pool.slug: pool for pool in new.intent.pools}
    for slug in sorted(before.keys() | after.keys()):
        was, now = before.get(slug), after.get(slug)
        place = new.place("region", "", "pools", slug) if now is not None else None
        if was is None or now is None:
            action: Action = "add" if was is None else "remove"
            detail = Detail("out of hours", _closed(was, old), _closed(now, new), "", place)
            yield Change(action, "pool", slug, f"pool {slug}", (detail,), place)
        else:
            yield from _changed("pool", slug, f"pool {slug}", _pool(was, now, old, new))


def _pool(was: PoolIntent, now: PoolIntent, old: Wording, new: Wording) -> Iterator[Detail]:
    place = new.place("region", "", "pools", now.slug, "closed")
    yield from pair_details(
        "out of hours", (was.closed, old), (now.closed, new), place, "while its calendar is closed"
    )
    if was.slot != now.slot:
        place = new.place("region", "", "pools", now.slug, "slot")
        yield Detail("slot", str(was.slot), str(now.slot), "", place)


def _closed(pool: PoolIntent | None, words: Wording) -> str | None:
    if pool is None:
        return None
    return words.pair(pool.closed) or "always open"


def _public(old: Wording, new: Wording) -> Iterator[Detail]:
    """What the points keep together at all hours, if they stayed the same points."""
    was, now = _least(old.intent.leaves), _least(new.intent.leaves)
    if was is None or now is None:
        return
    way: Direction = "down" if was.down != now.down else "up"
    place = new.place("region", "", "public", "least", way)
    yield from pair_details("least", (was, old), (now, new), place, "at all hours")


def _least(leaves: tuple[Leaf, ...]) -> Pair | None:
    points = [leaf.guarantee for leaf in leaves if leaf.kind == "hotspot"]
    if not points:
        return None
    down, up = (sum(pair.of(side).bits for pair in points) for side in ("down", "up"))
    # each point's part was rounded down to whole bits: together they lack a few
    return Pair(Rate(max(1, round(down, -3))), Rate(max(1, round(up, -3))))


def _region(old: Wording, new: Wording) -> Iterator[Detail]:
    for aspect, path in (("region", "name"), ("zone", "zone")):
        was, now = getattr(old.intent, aspect), getattr(new.intent, aspect)
        if was != now:
            yield Detail(path, was, now, "", new.place("region", "", path))
    if old.intent.divisor != new.intent.divisor:
        yield Detail(
            "rates divided by", str(old.intent.divisor), str(new.intent.divisor), "in this lab"
        )
