"""What of the kernel stands otherwise than it was sent, told as findings with diffs.

Pure: all of it comes from one survey. Where the kernel was asked right after something was sent,
its own words then and now are compared, so that the two sides of a diff are spelt alike.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from .finding import Finding, diff_of, pairs_diff
from .layout import STEER
from .network import Address, Link, Route, Wanted
from .shape import Record, Steps, close
from .steer import LiveSteering
from .survey import TreeFound, Work
from .tables import GUARD_TABLE, TableStep
from .tree import LiveClass, LiveQdisc, TcClass, Tree

Pair = tuple[str, str]
"""A line that is expected and the one that is found; "" where there is none."""


def differences(work: Work) -> list[Finding]:
    """Everything in the kernel that differs; empty exactly when `work.words()` is."""
    return [
        *(
            Finding("address", device, "an interface of this machine", "it is away", mend="console")
            for device in work.absent
        ),
        *_trees(work),
        *_steering(work),
        *(_table(step, work) for step in work.tables),
        *(_setting(key, work) for key in work.settings),
        *_network(work),
        *(
            Finding("offload", device, "off", f"{', '.join(on)} on")
            for device, on in work.offloads.items()
        ),
    ]


def _trees(work: Work) -> Iterator[Finding]:
    if work.ifb == "down":
        yield Finding("tree", work.configuration.ifb, "the interface is up", "it is down")
    for steps in work.steps:
        if not steps.nothing:
            yield _tree(steps, work)
    for device in work.strays:
        yield Finding("tree", device, "no tree", "one of an earlier generation is left over")


def _tree(steps: Steps, work: Work) -> Finding:
    tree = work.trees[steps.device]
    expected = f"{len(tree.classes)} classes"
    found = work.found.trees.get(steps.device)
    if found is None:
        return Finding("tree", steps.device, expected, f"the interface is {work.ifb}")
    pairs = list(tree_pairs(tree, found))
    if not pairs:
        words = steps.rebuild or "a run was cut off: what it sent is not known"
    elif pairs[0][0].startswith("qdisc htb"):
        words = "another qdisc is at its root" if pairs[0][1] else "it is missing"
    else:
        words = ", ".join(_counted(pairs))
    return Finding("tree", steps.device, expected, words, pairs_diff(pairs))


def _counted(pairs: Iterable[Pair]) -> Iterator[str]:
    kinds = [
        "missing" if not found else "strange" if not expected else "changed"
        for expected, found in pairs
    ]
    return (f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))


def tree_pairs(wanted: Tree, found: TreeFound) -> Iterator[Pair]:
    """Class by class and leaf by leaf what stands otherwise; the root alone when that is away."""
    root = next((item for item in found.qdiscs if item.parent == "root"), None)
    if root is None or (root.kind, root.handle) != ("htb", "1:"):
        yield (
            f"qdisc {wanted.root.replace('htb', 'htb 1: root', 1)}",
            f"qdisc {root.kind} {root.handle} root" if root and root.handle != "0:" else "",
        )
        return
    for item in wanted.classes.values():
        yield from _class_pair(item, found.record, found.classes.get(item.id))
    for key in found.classes.keys() - wanted.classes.keys():
        yield "", found.classes[key].shown
    yield from _leaf_pairs(wanted, found)


def _class_pair(item: TcClass, record: Record | None, live: LiveClass | None) -> Iterator[Pair]:
    known = record is not None and item.id not in record.uncertain
    sent = record.tree.classes.get(item.id) if record and known else None
    shown = record.shown.get(item.id, "") if record and sent == item else ""
    expected = shown or f"class htb {item.id} parent {item.parent} {item.parameters}"
    if live is None:
        yield expected, ""
    elif shown:
        if live.shown != shown:
            yield expected, live.shown
    elif live.parent != item.parent or not (
        close(live.rate, item.rate) and close(live.ceil, item.ceil)
    ):
        yield expected, live.shown


def _leaf_pairs(wanted: Tree, found: TreeFound) -> Iterator[Pair]:
    live = {item.parent: item for item in found.qdiscs}
    record = found.record
    for key, leaf in wanted.leaves.items():
        here = live.get(key)
        sent = record is not None and record.tree.leaves.get(key) == leaf
        shown = record.shown.get(leaf.handle) if record and sent else None
        options = leaf.options.partition(" ")[2] if shown is None else _plain(shown)
        expected = f"qdisc {leaf.kind} {leaf.handle} parent {key} {options}".rstrip()
        if here is None:
            yield expected, ""
        elif (here.kind, here.handle) != (leaf.kind, leaf.handle) or shown not in (
            None,
            here.shown,
        ):
            yield expected, _qdisc(here)
    for key in (live.keys() & wanted.classes.keys()) - wanted.leaves.keys():
        yield "", _qdisc(live[key])


def _qdisc(item: LiveQdisc) -> str:
    return f"qdisc {item.kind} {item.handle} parent {item.parent} {_plain(item.shown)}".rstrip()


def _plain(options: str) -> str:
    """The JSON of a qdisc's options as words."""
    values: Mapping[str, object] = json.loads(options or "{}")
    return " ".join(f"{key} {value}" for key, value in values.items())


def _steering(work: Work) -> Iterator[Finding]:
    """Per device: the lines to send are what lacks, those to delete what stands in their place."""
    devices = dict.fromkeys(line.split()[3] for line, _ in work.steer)
    for device in devices:
        lines = [line for line, _ in work.steer if line.split()[3] == device]
        live = work.found.steering[device]
        pairs: list[Pair] = []
        for line in lines:
            verb, prio = line.split()[1], line.rpartition(" prio ")[2].split()[0]
            if verb == "add":
                pairs.append((line.replace(" add ", " ", 1), ""))
            elif line.startswith("filter"):
                words = f"filter dev {device} egress prio {prio}"
                pairs += [("", f"{words} {there}") for there in _standing(live, int(prio))]
            else:
                pairs.append(("", f"qdisc dev {device} clsact"))
        found = "it is changed" if any(one for _, one in pairs) else "it is missing"
        yield Finding(
            "steering", device, f"as {STEER.rpartition('/')[2]} says", found, pairs_diff(pairs)
        )


def _standing(live: LiveSteering, prio: int) -> tuple[str, ...]:
    if one := live.redirects.get(prio):
        return (f"protocol {one.protocol} bpf bytecode '{one.bytecode}' to {one.target}",)
    return live.others[prio]


def _table(step: TableStep, work: Work) -> Finding:
    files = step.files
    record, live = work.found.tables[files.name]
    loaded = record.shown if record else ""
    expected = "as it was loaded" if files.full else "no such table"
    diff = diff_of(loaded, live) if loaded and live and files.full else ""
    lines = diff.splitlines()
    if not live:
        found = "it is missing"
    elif not files.full:
        found = "it is left over"
    elif lines:
        more, less = (sum(line.startswith(sign) for line in lines) for sign in "+-")
        found = f"changed by hand: {more} lines more, {less} less"
    else:
        found = "another one than the generation's was loaded"
    where = f"{files.family} {files.name}"
    guard = files.name == GUARD_TABLE[1]
    return Finding("guard" if guard else "table", where, expected, found, diff)


def _setting(key: str, work: Work) -> Finding:
    expected = work.configuration.settings[key]
    found = work.found.settings.get(key, "the kernel has no such setting")
    return Finding(
        "setting", key, expected, found, pairs_diff([(f"{key} = {expected}", f"{key} = {found}")])
    )


def _network(work: Work) -> Iterator[Finding]:
    make, remove = work.network.make, work.network.remove
    for item in make:
        if isinstance(item.entry, Link):
            yield Finding("address", item.entry.device, "the interface is up", "it is down")
    addresses = [item for item in (*make, *remove) if isinstance(item.entry, Address)]
    for device in dict.fromkeys(_device_of(item) for item in addresses):
        pairs = [
            (_text(item), "") if item in make else ("", _text(item))
            for item in addresses
            if _device_of(item) == device
        ]
        yield Finding(
            "address", device, "as etc/komando/network says", ", ".join(_counted(pairs)),
            pairs_diff(pairs),
        )  # fmt: skip
    if pairs := list(_route_pairs(work)):
        yield Finding(
            "route",
            "of our protocol number (75)",
            f"{sum(isinstance(one.entry, Route) for one in work.configuration.network)} routes",
            ", ".join(_counted(pairs)),
            pairs_diff(pairs),
        )


def _route_pairs(work: Work) -> Iterator[Pair]:
    live = {route.key: route for route in work.found.network.routes}
    for item in work.network.make:
        if isinstance(item.entry, Route):
            other = live.get(item.entry.key)
            yield _route(item.entry), _route(other) if other else ""
    for item in work.network.remove:
        if isinstance(item.entry, Route):
            yield "", _route(item.entry)


def _device_of(item: Wanted) -> str:
    assert isinstance(item.entry, Address)  # noqa: S101  # none else comes here
    return item.entry.device


def _text(item: Wanted) -> str:
    assert isinstance(item.entry, Address)  # noqa: S101  # none else comes here
    return f"{item.entry.address} dev {item.entry.device}"


def _route(route: Route) -> str:
    words = [] if route.kind == "unicast" else [route.kind]
    words += [route.destination]
    words += ["via", route.gateway] if route.gateway else []
    words += ["dev", route.device] if route.device else []
    words += ["metric", str(route.metric)] if route.metric else []
    return " ".join(words)
