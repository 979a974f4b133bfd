"""Offices and public points: what is added, removed or changed in each."""

from __future__ import annotations

from collections.abc import Iterator

from komando.intent import ExceptionIntent, Leaf
from komando.plan.model import Change, Detail
from komando.plan.wording import Folder, Wording, pair_details, policy_folder


def compare_leaves(old: Wording, new: Wording) -> Iterator[Change]:
    """Each office and point that differs: changed and added ones by name, then removed ones."""
    before = {leaf.slug: leaf for leaf in old.intent.leaves}
    after = {leaf.slug: leaf for leaf in new.intent.leaves}
    for slug, leaf in sorted(after.items()):
        was = before.get(slug)
        if was is None or was.kind != leaf.kind:
            yield _added(leaf, new)
        elif details := tuple(_details(was, leaf, old, new)):
            place = new.place(policy_folder(leaf), slug)
            yield Change("change", leaf.kind, slug, leaf.name, details, place)
    for slug, leaf in sorted(before.items()):
        if slug not in after or after[slug].kind != leaf.kind:
            yield _removed(leaf, old)


def _added(leaf: Leaf, words: Wording) -> Change:
    folder = policy_folder(leaf)
    details = [
        Detail("networks", None, _join(leaf.networks)),
        Detail("link", None, f"{leaf.segment}, {words.pair(leaf.link)}"),
    ]
    if leaf.kind == "hotspot":
        details.append(Detail("share", None, _parts(leaf)))
    else:
        details.append(
            Detail("guarantee", None, words.pair(leaf.guarantee), words.hours(leaf.calendar))
        )
        details.append(Detail("floor", None, words.pair(leaf.floor)))
        details.append(Detail("ceiling", None, words.pair(leaf.ceiling)))
        if leaf.mode == "observe":
            details.append(Detail("mode", None, _mode(leaf)))
    return Change(
        "add", leaf.kind, leaf.slug, leaf.name, tuple(details), words.place(folder, leaf.slug)
    )


def _removed(leaf: Leaf, words: Wording) -> Change:
    if leaf.kind == "hotspot":
        detail = Detail("share", _parts(leaf), None)
    else:
        detail = Detail("guarantee", words.pair(leaf.guarantee), None, words.hours(leaf.calendar))
    return Change("remove", leaf.kind, leaf.slug, leaf.name, (detail,))


def _details(was: Leaf, now: Leaf, old: Wording, new: Wording) -> Iterator[Detail]:
    folder, slug = policy_folder(now), now.slug
    for aspect in ("name", "id"):
        yield from _plain(
            aspect, getattr(was, aspect), getattr(now, aspect), new, (folder, slug, aspect)
        )
    if now.kind == "opd":
        yield from _promise(was, now, old, new)
    elif was.share != now.share:
        yield Detail("share", _parts(was), _parts(now), "", new.place(folder, slug, "share"))
    yield from _network(was, now, old, new)
    yield from _exceptions(was, now, old, new)


def _promise(was: Leaf, now: Leaf, old: Wording, new: Wording) -> Iterator[Detail]:
    if (was.calendar, now.calendar) != (None, None) and was.calendar != now.calendar:
        yield Detail(
            "calendar",
            old.calendar(was.calendar or ""),
            new.calendar(now.calendar or ""),
            "",
            new.place("opd", now.slug, "calendar"),
        )
    hours = {"guarantee": new.hours(now.calendar), "floor": "at all hours", "ceiling": ""}
    for aspect, when in hours.items():
        yield from pair_details(
            aspect,
            (getattr(was, aspect), old),
            (getattr(now, aspect), new),
            new.place("opd", now.slug, aspect),
            when,
        )
    if was.mode != now.mode:
        yield Detail("mode", _mode(was), _mode(now), "", new.place("opd", now.slug, "mode"))


def _network(was: Leaf, now: Leaf, old: Wording, new: Wording) -> Iterator[Detail]:
    folder, slug = policy_folder(now), now.slug
    left = [network for network in was.networks if network not in now.networks]
    came = [network for network in now.networks if network not in was.networks]
    if left or came:
        place = new.place(folder, slug, "networks")
        yield Detail("networks", _join(left) or None, _join(came) or None, "", place)
    yield from pair_details(
        "link", (was.link, old), (now.link, new), new.place(folder, slug, "link", "capacity")
    )
    yield from _plain("segment", was.segment, now.segment, new, (folder, slug, "link", "segment"))
    yield from _plain(
        "gateways",
        _join(was.gateways),
        _join(now.gateways),
        new,
        (folder, slug, "link", "gateways"),
    )


def _exceptions(was: Leaf, now: Leaf, old: Wording, new: Wording) -> Iterator[Detail]:
    before = {item.start: item for item in was.exceptions}
    after = {item.start: item for item in now.exceptions}
    for start in sorted(before.keys() | after.keys()):
        gone, come = before.get(start), after.get(start)
        says = _exception(gone, old), _exception(come, new)
        if says[0] == says[1]:
            continue
        place = None
        if come is not None:
            index = now.exceptions.index(come)
            place = new.place("opd", now.slug, "exceptions", index)
        yield Detail(f"exception from {start.isoformat()}", says[0], says[1], "", place)


def _exception(item: ExceptionIntent | None, words: Wording) -> str | None:
    if item is None:
        return None
    parts = [f"until {item.end.isoformat()}"]
    if item.guarantee is not None:
        parts.append(f"guarantee {words.pair(item.guarantee)}")
    if item.calendar is not None:
        parts.append(f"hours of {words.calendar(item.calendar)}")
    return ", ".join(parts)


def _plain(
    aspect: str,
    was: object,
    now: object,
    words: Wording,
    place: tuple[Folder, str, *tuple[str, ...]],
) -> Iterator[Detail]:
    if was != now:
        folder, slug, *path = place
        yield Detail(aspect, str(was), str(now), "", words.place(folder, slug, *path))


def _join(items: object) -> str:
    return ", ".join(str(item) for item in items) if isinstance(items, (tuple, list)) else ""


def _parts(leaf: Leaf) -> str:
    return f"{leaf.share} {'part' if leaf.share == 1 else 'parts'} of the public's pool"


def _mode(leaf: Leaf) -> str:
    return "observe (counted, not held back)" if leaf.mode == "observe" else "enforce"
