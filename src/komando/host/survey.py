"""What differs between what stands in the kernel and what a generation wants at a moment."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from .configuration import Configuration
from .kernel import links, live_classes, live_qdiscs
from .network import NetworkSteps, live_network, plan_network
from .offloads import live_offloads
from .records import Records
from .settings import live_settings
from .shape import Line, Steps, plan_tree
from .steer import live_steering, plan_steering
from .tables import TableStep, plan_table, shown
from .tree import Tree


@dataclass(frozen=True)
class Work:
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
    here = links()
    ifb = {None: "missing", False: "down", True: ""}[here.get(configuration.ifb)]
    absent = [device for device in configuration.interfaces if device not in here]
    sent = records.steering()
    steered = configuration.steering.devices | (sent.devices if sent else frozenset())
    return Work(
        configuration=configuration,
        trees=trees,
        absent=tuple(absent),
        ifb=ifb,
        offloads=live_offloads({*configuration.interfaces, configuration.ifb} & here.keys()),
        steps=tuple(
            _plan_tree(tree, records, stands=device in here)
            for device, tree in trees.items()
            if device not in absent
        ),
        strays=tuple(sorted(set(records.devices()) - trees.keys())),
        steer=tuple(
            plan_steering(
                configuration.steering,
                sent,
                {device: live_steering(device) for device in steered & here.keys()},
            )
        ),
        tables=_plan_tables(configuration, records),
        settings=_plan_settings(configuration, records),
        network=network_steps(configuration, records, absent),
    )


def _plan_tree(tree: Tree, records: Records, *, stands: bool) -> Steps:
    if not stands:
        return plan_tree(tree, None, {}, [])
    live = live_classes(tree.device), live_qdiscs(tree.device)
    return plan_tree(tree, records.tree(tree.device), *live)


def network_steps(
    configuration: Configuration, records: Records, absent: Collection[str]
) -> NetworkSteps:
    """What addresses, links and routes lack, those of absent interfaces left out."""
    wanted = [item for item in configuration.network if item.entry.device not in absent]
    return plan_network(wanted, live_network(), records.addresses())


def _plan_tables(configuration: Configuration, records: Records) -> tuple[TableStep, ...]:
    steps = (
        plan_table(files, records.table(files.name), shown(files.family, files.name))
        for files in configuration.tables
    )
    return tuple(step for step in steps if step)


def _plan_settings(configuration: Configuration, records: Records) -> tuple[str, ...]:
    sent, seen = records.settings()
    live = live_settings(configuration.settings)
    return tuple(
        key
        for key, value in configuration.settings.items()
        if sent.get(key) != value or live.get(key) != seen.get(key)
    )
