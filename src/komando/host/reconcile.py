"""Bringing the kernel to what a generation wants at a moment, in place.

First everything that stands is read and compared (`survey`), then what differs is sent in an order
in which no packet loses its class: shrink, add, flip the maps, grow, and at last delete the classes
that left, once they are drained.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from shutil import which

from .configuration import Configuration
from .kernel import (
    CommandError,
    batch,
    device_stands,
    device_up,
    ip_batch,
    live_classes,
    live_qdiscs,
    run,
    succeeds,
)
from .layout import SYSCTL, HostError
from .network import Address, NetworkSteps, live_network, plan_network
from .records import Applied, Records
from .settings import live_settings
from .shape import Change, Line, Record, Steps, plan_tree, rebuild_lines
from .steer import LiveSteering, live_steering, plan_steering
from .tables import TableStep, load_table, plan_table, record_of, shown
from .tree import Tree

DRAIN_SECONDS = 1.0
"""How long a class that leaves may take to send what it still holds."""


@dataclass(frozen=True)
class Work:
    """All that differs between what stands and what is wanted."""

    configuration: Configuration
    trees: Mapping[str, Tree]
    ifb: str
    steps: tuple[Steps, ...]
    strays: tuple[str, ...]
    steer: tuple[Line, ...]
    tables: tuple[TableStep, ...]
    settings: tuple[str, ...]
    network: NetworkSteps

    def words(self) -> list[str]:
        """Each difference in a few words; empty when the kernel is as it should be."""
        words = [f"{self.configuration.ifb} is {self.ifb}"] if self.ifb else []
        for steps in self.steps:
            if steps.rebuild:
                words.append(f"tree on {steps.device}: {steps.rebuild}")
            elif not steps.nothing:
                words.append(f"tree on {steps.device}: {len(steps.touched)} classes differ")
        words += [f"tree on {device} is left over" for device in self.strays]
        words += [f"steering: {line}" for line, _ in self.steer]
        words += [step.reason for step in self.tables]
        words += [f"setting {key}" for key in self.settings]
        return words + [item.line for item in (*self.network.make, *self.network.remove)]


@dataclass
class Outcome:
    """What was done: classes, whether a whole tree was built anew, and all else in words."""

    changes: list[Change] = field(default_factory=list)
    rebuilt: bool = False
    other: list[str] = field(default_factory=list)


def survey(configuration: Configuration, profile: str, records: Records) -> Work:
    """Compares the kernel with what the generation wants under `profile`; touches nothing."""
    trees = {tree.device: tree for tree in configuration.trees(profile)}
    ifb = ""
    if not device_stands(configuration.ifb):
        ifb = "missing"
    elif not device_up(configuration.ifb):
        ifb = "down"
    steps = []
    for device, tree in trees.items():
        if ifb == "missing" and device == configuration.ifb:
            steps.append(plan_tree(tree, None, {}, []))
            continue
        live = live_classes(device), live_qdiscs(device)
        steps.append(plan_tree(tree, records.tree(device), *live))
    sent = records.steering()
    steered = configuration.steering.devices | (sent.devices if sent else frozenset())
    live_steer: dict[str, LiveSteering] = {
        device: live_steering(device) for device in steered if device_stands(device)
    }
    return Work(
        configuration=configuration,
        trees=trees,
        ifb=ifb,
        steps=tuple(steps),
        strays=tuple(sorted(set(records.devices()) - trees.keys())),
        steer=tuple(plan_steering(configuration.steering, sent, live_steer)),
        tables=_plan_tables(configuration, records),
        settings=_plan_settings(configuration, records),
        network=plan_network(configuration.network, live_network(), records.addresses()),
    )


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


def reconcile(
    configuration: Configuration, applied: Applied, records: Records, sysctl_file: str
) -> Outcome:
    """Brings the kernel to `applied.profile` of the configuration.

    Raises HostError with all that failed. A tree or a table that fails ends the run at once; what
    stands around them (steering, settings, addresses, routes) is tried to the end first, so that
    one interface that is away does not stop the hours of all others.
    """
    work = survey(configuration, applied.profile, records)
    outcome = Outcome(
        changes=[change for steps in work.steps for change in steps.changes],
        rebuilt=any(steps.rebuild for steps in work.steps),
        other=[word for word in work.words() if not word.startswith("tree on ")],
    )
    run_ = _Run(work, records)
    run_.trees_up()
    run_.steering()
    run_.tables()
    run_.trees_grow()
    run_.settings(sysctl_file)
    run_.network()
    run_.trees_away()
    if run_.failures:
        raise HostError("; ".join(run_.failures))
    records.put_applied(applied)
    return outcome


class _Run:
    """One pass over the work; its methods stand in the order in which they are called."""

    def __init__(self, work: Work, records: Records) -> None:
        self.work = work
        self.records = records
        self.failures: list[str] = []

    def trees_up(self) -> None:
        """Makes the ifb, opens the records, builds what is built anew, shrinks, adds."""
        ifb = self.work.configuration.ifb
        if self.work.ifb == "missing":
            run(["ip", "link", "add", ifb, "type", "ifb"])
            if which("ethtool"):
                # merged packets break the weights of a fair queue (measured: 0.71 to 1.88)
                succeeds(["ethtool", "-K", ifb, "gro", "off", "gso", "off", "tso", "off"])
        if self.work.ifb:
            run(["ip", "link", "set", ifb, "up"])
        for device in self.work.strays:
            if device_stands(device):
                succeeds(["tc", "qdisc", "del", "dev", device, "root"])
            self.records.forget_tree(device)
        for steps in self.work.steps:
            self._open(steps)
        for steps in self.work.steps:
            batch(steps.shrink)
        for steps in self.work.steps:
            if steps.rebuild:
                batch(rebuild_lines(self.work.trees[steps.device], live_qdiscs(steps.device)))
            batch(steps.add)

    def _open(self, steps: Steps) -> None:
        """Writes down which classes are about to be touched, before they are."""
        if steps.nothing:
            return
        record = self.records.tree(steps.device)
        if steps.rebuild or record is None:
            self.records.forget_tree(steps.device)
        else:
            self.records.put_tree(
                steps.device, replace(record, uncertain=record.uncertain | steps.touched)
            )

    def steering(self) -> None:
        """Lays what is missing of clsact and filters."""
        configuration = self.work.configuration
        failures: list[str] = []
        for _, lines in groupby(sorted(self.work.steer, key=_device), key=_device):
            try:
                batch(list(lines))
            except HostError as error:
                failures.append(str(error))
        self.failures += failures
        if not failures and self.records.steering() != configuration.steering:
            self.records.put_steering(configuration.steering, configuration.ifb)

    def tables(self) -> None:
        """Loads what differs of the nft tables: each a transaction of its own."""
        for step in self.work.tables:
            old = self.records.table(step.files.name)
            if old:  # should this run be killed, the next one loads again
                self.records.put_table(step.files.name, replace(old, shown=""))
            load_table(step)
            self.records.put_table(step.files.name, record_of(step.files))

    def trees_grow(self) -> None:
        """Gives the classes that grow what the others have left."""
        for steps in self.work.steps:
            batch(steps.grow)

    def settings(self, path: str) -> None:
        """Sends the settings of the generation when one differs."""
        if not self.work.settings:
            return
        settings = self.work.configuration.settings
        try:
            run(["sysctl", "-q", "-p", path])
        except CommandError as error:
            self.failures.append(f"{SYSCTL}: {error}")
            return
        self.records.put_settings(dict(settings), live_settings(settings))

    def network(self) -> None:
        """Makes and removes addresses and routes; one that fails does not stop the others."""
        steps = self.work.network
        wanted = frozenset(
            item.entry
            for item in self.work.configuration.network
            if isinstance(item.entry, Address)
        )
        ours = self.records.addresses()
        if wanted - ours:
            self.records.put_addresses(ours | wanted)
        items = (*steps.make, *steps.remove)
        failed = ip_batch([item.line for item in items]) if items else {}
        self.failures += [f"{items[number].source}: {words}" for number, words in failed.items()]
        if not failed and self.records.addresses() != wanted:
            self.records.put_addresses(wanted)

    def trees_away(self) -> None:
        """Deletes the classes that left, once they are drained, and closes the records."""
        deadline = time.monotonic() + DRAIN_SECONDS
        for steps in self.work.steps:
            if steps.leave:
                _wait_until_drained(steps, deadline)
                lines = [
                    (f"class del dev {steps.device} classid {key}", "a class that left")
                    for key in steps.leave
                ]
                batch([*lines, *steps.again])
            if not steps.nothing:
                self.records.put_tree(steps.device, Record(self.work.trees[steps.device]))


def _device(line: Line) -> str:
    return line[0].split()[3]


def _wait_until_drained(steps: Steps, deadline: float) -> None:
    leaving = set(steps.leave)
    while time.monotonic() < deadline:
        # the first look comes after a pause, too: a packet may be on its way to the queue
        time.sleep(0.02)
        if not any(item.backlog and item.parent in leaving for item in live_qdiscs(steps.device)):
            return
