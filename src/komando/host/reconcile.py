"""Bringing the kernel to what a generation wants at a moment, in place.

What stands was compared with what is wanted (`survey`); what differs is sent in an order in which
no packet loses its class: shrink, add, flip the maps, grow, and at last delete the classes
that left, once they are drained.
"""

from __future__ import annotations

import time
from itertools import groupby

from .configuration import Configuration
from .errors import HostError
from .frozen import Frozen, replace
from .kernel import (
    CommandError,
    batch,
    ip_batch,
    links,
    live_qdiscs,
    live_trees,
    run,
    succeeds,
)
from .layout import SYSCTL
from .network import Address, Wanted
from .offloads import live_offloads, turn_off
from .records import Applied, Records
from .settings import live_settings, sent_settings
from .shape import Change, Line, Steps, rebuild_lines, record_of
from .steer import remembered
from .survey import Work, network_steps, survey
from .tables import NAT_TABLE, load_table, table_record

DRAIN_SECONDS = 1.0
"""How long a class that leaves may take to send what it still holds."""


class Outcome(Frozen):
    """What was done: classes, whether a whole tree was built anew, and all else in words.

    `absent` are the interfaces that are not there, around which it was done. `work` is what was
    found to do.
    """

    changes: tuple[Change, ...] = ()
    rebuilt: bool = False
    other: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    work: Work | None = None


def reconcile(
    configuration: Configuration,
    applied: Applied,
    records: Records,
    *,
    thorough: bool = False,
) -> Outcome:
    """Brings the kernel to `applied.profile` of the configuration.

    Raises HostError with all that failed. A tree or a table that fails ends the run at once, unless
    it is `thorough`, as on the way back; what stands around them (steering, settings, addresses,
    routes) is tried to the end first. An interface that is away is no failure: all is done around
    it, and the outcome names it.
    """
    work = survey(configuration, applied.profile, records)
    outcome = Outcome(
        changes=tuple(change for steps in work.steps for change in steps.changes),
        rebuilt=any(steps.rebuild for steps in work.steps),
        other=tuple(word for word in work.words() if not word.startswith("tree on ")),
        absent=work.absent,
        work=work,
    )
    run_ = _Run(work, records)
    for stage in (
        run_.trees_up,
        run_.steering,
        run_.tables,
        run_.trees_grow,
        run_.settings,
        run_.network,
        run_.trees_away,
    ):
        try:
            stage()
        except (HostError, OSError) as error:
            if not thorough:
                raise
            run_.failures.append(str(error))
    records.put_applied(applied)
    if run_.failures:
        raise HostError("; ".join(run_.failures))
    return outcome


def route_alone(configuration: Configuration, applied: Applied, records: Records) -> Outcome:
    """Brings addresses, routes, translation and settings in force, and nothing that limits.

    Raises HostError with all that failed.
    """
    work = survey(configuration, applied.profile, records)
    tables = tuple(step for step in work.tables if step.files.name == NAT_TABLE[1])
    run_ = _Run(replace(work, tables=tables), records)
    run_.tables()
    run_.settings()
    run_.network()
    if run_.failures:
        raise HostError("; ".join(run_.failures))
    return Outcome(other=tuple(step.reason for step in tables), absent=work.absent)


class _Run:
    """One pass over the work; its methods stand in the order in which they are called."""

    def __init__(self, work: Work, records: Records) -> None:
        self.work = work
        self.records = records
        self.failures: list[str] = []

    def trees_up(self) -> None:
        """Makes the ifb, opens the records, builds what is built anew, shrinks, adds."""
        self._ifb_up()
        for device in self.work.strays:
            succeeds(["tc", "qdisc", "del", "dev", device, "root"])
            self.records.forget_tree(device)
        for steps in self.work.steps:
            self._open(steps)
        batch([line for steps in self.work.steps for line in steps.shrink])
        for steps in self.work.steps:
            if steps.rebuild:
                batch(rebuild_lines(self.work.trees[steps.device], live_qdiscs(steps.device)))
            batch(steps.add)

    def _ifb_up(self) -> None:
        ifb = self.work.configuration.ifb
        offloads = dict(self.work.offloads)
        if self.work.ifb == "missing":
            try:
                run(["ip", "link", "add", ifb, "type", "ifb"])
            except CommandError:
                # the first request loads the module, which makes ifb0 itself and then refuses
                if ifb not in links():
                    raise
            offloads |= live_offloads([ifb])
        if self.work.ifb:
            run(["ip", "link", "set", ifb, "up"])
        for device, switches in offloads.items():
            try:
                turn_off(device, switches)
            except CommandError as error:
                self.failures.append(str(error))

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
        wanted, ifb = self.work.configuration.steering, self.work.configuration.ifb
        before = self.records.steering()
        if before == wanted and not self.work.steer:
            return
        self.records.put_steering(remembered(before, wanted), ifb)
        failures: list[str] = []
        for _, lines in groupby(sorted(self.work.steer, key=_device), key=_device):
            try:
                batch(list(lines))
            except HostError as error:
                failures.append(str(error))
        self.failures += failures
        if not failures:
            self.records.put_steering(wanted, ifb)

    def tables(self) -> None:
        """Loads what differs of the nft tables: each a transaction of its own."""
        for step in self.work.tables:
            old = self.records.table(step.files.name)
            if old:  # should this run be killed, the next one loads again
                self.records.put_table(step.files.name, replace(old, shown=""))
            load_table(step)
            if step.files.full:
                self.records.put_table(step.files.name, table_record(step.files))
            else:
                self.records.forget_table(step.files.name)

    def trees_grow(self) -> None:
        """Gives the classes that grow what the others have left."""
        batch([line for steps in self.work.steps for line in steps.grow])

    def settings(self) -> None:
        """Sends the settings of the generation when one differs."""
        if not self.work.settings:
            return
        settings = self.work.configuration.settings
        try:
            run(["sysctl", "-q", "-p", "-"], sent_settings(settings))
        except CommandError as error:
            self.failures.append(f"{SYSCTL}: {error}")
            return
        self.records.put_settings(dict(settings), live_settings(settings))

    def network(self) -> None:
        """Makes and removes addresses and routes; one that fails does not stop the others."""
        wanted = frozenset(
            item.entry
            for item in self.work.configuration.network
            if isinstance(item.entry, Address)
        )
        ours = self.records.addresses()
        if wanted - ours:
            self.records.put_addresses(ours | wanted)
        steps = self.work.network
        failed = self._send(*steps.make, *steps.remove)
        if any(isinstance(item.entry, Address) for item in steps.remove):
            # a first address of a subnet takes the others of it along, and every route over them
            again = network_steps(self.work.configuration, self.records, self.work.absent)
            failed += self._send(*again.make)
        self.failures += failed
        if not failed and self.records.addresses() != wanted:
            self.records.put_addresses(wanted)

    @staticmethod
    def _send(*items: Wanted) -> list[str]:
        failed = ip_batch([item.line for item in items]) if items else {}
        return [f"{items[number].source}: {words}" for number, words in failed.items()]

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
        touched = [steps.device for steps in self.work.steps if not steps.nothing]
        live = live_trees(touched) if touched else {}
        for device, (classes, qdiscs) in live.items():
            tree = self.work.trees[device]
            self.records.put_tree(device, record_of(tree, classes, qdiscs))


def _device(line: Line) -> str:
    return line[0].split()[3]


def _wait_until_drained(steps: Steps, deadline: float) -> None:
    leaving = set(steps.leave)
    while time.monotonic() < deadline:
        # the first look comes after a pause, too: a packet may be on its way to the queue
        time.sleep(0.02)
        if not any(item.backlog and item.parent in leaving for item in live_qdiscs(steps.device)):
            return
