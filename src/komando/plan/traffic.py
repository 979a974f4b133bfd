"""What traffic will notice, by the host program's own reckoning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from komando import generation
from komando.bundle import Bundle
from komando.host.calendar import parse_calendar
from komando.host.shape import Record, plan_tree
from komando.host.tree import LiveClass, LiveQdisc, Tree, parse_tree, with_profile
from komando.intent import RouterIntent
from komando.intent.model import CONTROL_MINOR, PUBLIC_MINOR, ROOT_MINOR, UNMATCHED_MINOR
from komando.plan.model import Traffic
from komando.units import DIRECTIONS, Direction

TREES: Mapping[Direction, str] = {"down": generation.DOWNLOAD, "up": generation.UPLOAD}

FIXED = {
    f"1:{ROOT_MINOR:x}": "the uplink",
    f"1:{UNMATCHED_MINOR:x}": "what belongs to no office",
    f"1:{CONTROL_MINOR:x}": "the router's own",
    f"1:{PUBLIC_MINOR:x}": "the public's pool",
}
"""The classes that every router has, whatever its policies say."""


def profile_at(bundle: Bundle, moment: datetime) -> str:
    """The profile that the bundle's calendar puts in force at a moment."""
    return parse_calendar(bundle.text(generation.CALENDAR)).at(moment)


def tree_of(bundle: Bundle, direction: Direction, profile: str) -> Tree:
    """The tree of one direction while a profile is in force.

    Raises HostError for lines that the host would refuse, KeyError for an unknown profile.
    """
    path = TREES[direction]
    text = bundle.text(path)
    device = text[text.index(" dev ") :].split(maxsplit=2)[1]
    change = f"{generation.PROFILES}/{profile}.{direction}.tc"
    return with_profile(parse_tree(text, device, path), bundle.text(change), change)


def leaf_kinds(bundle: Bundle) -> frozenset[str]:
    """The kinds of queue that the offices have in a bundle."""
    trees = (parse for parse in (bundle.text(path) for path in TREES.values()))
    return frozenset(
        line.split(" handle ", 1)[1].split()[1]
        for text in trees
        for line in text.splitlines()
        if line.startswith("qdisc add") and " handle " in line and " root " not in line
    )


def compare_traffic(
    old: tuple[Bundle, str], new: tuple[Bundle, str], names: Mapping[str, str]
) -> Iterator[Traffic]:
    """Both trees, each with its profile in force, as the host would take the one to the other."""
    for direction in DIRECTIONS:
        was, wanted = tree_of(old[0], direction, old[1]), tree_of(new[0], direction, new[1])
        classes = {
            item.id: LiveClass(item.parent, item.rate, item.ceil) for item in was.classes.values()
        }
        qdiscs = [LiveQdisc("htb", "1:", "root", 0)]
        qdiscs += [
            LiveQdisc(leaf.kind, leaf.handle, leaf.parent, 0) for leaf in was.leaves.values()
        ]
        record = Record(was) if was.device == wanted.device else None
        steps = plan_tree(wanted, record, classes, qdiscs)
        by_action = {
            action: tuple(
                names.get(change.id, change.id)
                for change in steps.changes
                if change.action == action
            )
            for action in ("change", "add", "delete")
        }
        if steps.rebuild:
            yield Traffic(
                wanted.device,
                direction,
                len(wanted.classes),
                rebuilt=True,
                was=was.device,
                reason=steps.rebuild if record else "it comes to another interface",
            )
        else:
            yield Traffic(
                wanted.device,
                direction,
                len(wanted.classes),
                by_action["change"],
                by_action["add"],
                by_action["delete"],
                was=was.device,
            )


def class_names(*intents: RouterIntent) -> dict[str, str]:
    """What people call each class; the last intent decides."""
    names: dict[str, str] = {}
    for intent in intents:
        names |= {pool.class_id: f"pool {pool.slug}" for pool in intent.pools}
        names |= {leaf.class_id: leaf.name for leaf in intent.leaves}
    return names | FIXED
