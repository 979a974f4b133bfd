"""What differs between what stands in the kernel and what a generation wants at a moment."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from .configuration import Configuration
from .frozen import Frozen
from .kernel import answers, live_classes, qdisc_of
from .network import Live, NetworkSteps, live_network, plan_network
from .offloads import live_offloads
from .records import Records
from .settings import live_settings
from .shape import Line, Record, Steps, plan_tree
from .steer import LiveSteering, Steering, plan_steering, steering_of
from .tables import TableRecord, TableStep, plan_table, shown_tables
from .tree import LiveClass, LiveQdisc, Tree


class TreeFound(Frozen):
    """One device: what is on record of it, and what the kernel shows."""

    record: Record | None
    classes: Mapping[str, LiveClass]
    qdiscs: tuple[LiveQdisc, ...]


class Found(Frozen):
    """What the comparison was made of: all that it takes to say more than what there is to do.

    Trees by device, of those that stand alone; tables by name, each with its record.
    """

    trees: Mapping[str, TreeFound]
    tables: Mapping[str, tuple[TableRecord | None, str]]
    steering: Mapping[str, LiveSteering]
    network: Live
    settings: Mapping[str, str]


class Work(Frozen):
    """All that differs between what stands and what is wanted.

    `absent` are interfaces that the generation names and that are not there: what belongs to them
    is left out of all the rest.
    """

    configuration: Configuration
    trees: Mapping[str, Tree]
    absent: tuple[str, ...]
    ifb: str
    offloads: Mapping[str, list[str]]
    steps: tuple[Steps, ...]
    strays: tuple[str, ...]
    steer: tuple[Line, ...]
    tables: tuple[TableStep, ...]
    settings: tuple[str, ...]
    network: NetworkSteps
    found: Found

    def words(self) -> list[str]:
        """Each difference in a few words; empty when the kernel is as it should be."""
        words = [f"interface {device} is away" for device in self.absent]
        words += [f"{self.configuration.ifb} is {self.ifb}"] if self.ifb else []
        for steps in self.steps:
            if steps.rebuild:
                words.append(f"tree on {steps.device}: {steps.rebuild}")
            elif not steps.nothing:
                words.append(f"tree on {steps.device}: {len(steps.touched)} classes differ")
        words += [f"tree on {device} is left over" for device in self.strays]
        words += [f"offloads on {device}: {', '.join(on)}" for device, on in self.offloads.items()]
        words += [f"steering: {line}" for line, _ in self.steer]
        words += [step.reason for step in self.tables]
        words += [f"setting {key}" for key in self.settings]
        return words + [item.line for item in (*self.network.make, *self.network.remove)]


def survey(configuration: Configuration, profile: str, records: Records) -> Work:
    """Compares the kernel with what the generation wants under `profile`; touches nothing."""
    trees = {tree.device: tree for tree in configuration.trees(profile)}
    live = live_network()
    ifb = "missing" if configuration.ifb not in live.devices else ""
    ifb = ifb or ("" if configuration.ifb in live.up else "down")
    absent = [device for device in configuration.interfaces if device not in live.devices]
    sent = records.steering()
    found = _find(configuration, records, trees, sent, live)
    return Work(
        configuration=configuration,
        trees=trees,
        absent=tuple(absent),
        ifb=ifb,
        offloads=live_offloads({*configuration.interfaces, configuration.ifb} & live.devices),
        steps=tuple(
            _plan_tree(tree, found.trees.get(device))
            for device, tree in trees.items()
            if device not in absent
        ),
        strays=tuple(sorted(set(records.devices()) - trees.keys())),
        steer=tuple(plan_steering(configuration.steering, sent, found.steering)),
        tables=_plan_tables(configuration, found),
        settings=_plan_settings(configuration, records, found),
        network=_network_steps(configuration, records, absent, found.network),
        found=found,
    )


def _find(
    configuration: Configuration,
    records: Records,
    trees: Collection[str],
    sent: Steering | None,
    live: Live,
) -> Found:
    steered = configuration.steering.devices | (sent.devices if sent else frozenset())
    steered &= live.devices
    lines = ["qdisc show", *(f"filter show dev {device} egress" for device in steered)]
    shown, *filters = answers(["tc", "-j"], lines)
    qdiscs: dict[str, list[LiveQdisc]] = {}
    for item in shown:
        qdiscs.setdefault(item["dev"], []).append(qdisc_of(item))
    tables = shown_tables([(files.family, files.name) for files in configuration.tables])
    classes = live_classes([device for device in trees if device in live.devices])
    return Found(
        trees={
            device: TreeFound(records.tree(device), found, tuple(qdiscs.get(device, ())))
            for device, found in classes.items()
        },
        tables={
            files.name: (records.table(files.name), tables[files.family, files.name])
            for files in configuration.tables
        },
        steering={
            device: steering_of(qdiscs.get(device, ()), shown)
            for device, shown in zip(steered, filters, strict=True)
        },
        network=live,
        settings=live_settings(configuration.settings),
    )


def _plan_tree(tree: Tree, found: TreeFound | None) -> Steps:
    if found is None:
        return plan_tree(tree, None, {}, [])
    return plan_tree(tree, found.record, found.classes, found.qdiscs)


def network_steps(
    configuration: Configuration, records: Records, absent: Collection[str]
) -> NetworkSteps:
    """What addresses, links and routes lack, those of absent interfaces left out."""
    return _network_steps(configuration, records, absent, live_network())


def _network_steps(
    configuration: Configuration, records: Records, absent: Collection[str], live: Live
) -> NetworkSteps:
    wanted = [item for item in configuration.network if item.entry.device not in absent]
    return plan_network(wanted, live, records.addresses())


def _plan_tables(configuration: Configuration, found: Found) -> tuple[TableStep, ...]:
    steps = (plan_table(files, *found.tables[files.name]) for files in configuration.tables)
    return tuple(step for step in steps if step)


def _plan_settings(configuration: Configuration, records: Records, found: Found) -> tuple[str, ...]:
    sent, seen = records.settings()
    return tuple(
        key
        for key, value in configuration.settings.items()
        if sent.get(key) != value or found.settings.get(key) != seen.get(key)
    )
