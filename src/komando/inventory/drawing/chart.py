"""What every form of the drawing shows: who reaches whom, and over whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from komando.documents.addresses import Network
from komando.inventory.machines import Host, Inventory


@dataclass(frozen=True)
class Node:
    """A machine, and those that are reached over it."""

    host: Host
    behind: tuple[Node, ...] = ()

    def walk(self) -> Iterator[Node]:
        """It, and all behind it."""
        yield self
        for node in self.behind:
            yield from node.walk()


@dataclass(frozen=True)
class Chart:
    """The machines of an environment, by the ways to them.

    `controllers` are where the ways begin; `direct` are reached without a jump host. Every machine
    stands once. `keyless` are the names of those whose key is not known.
    """

    environment: str
    management: tuple[Network, ...]
    controllers: tuple[Host, ...]
    direct: tuple[Node, ...]
    keyless: frozenset[str] = frozenset()

    def nodes(self) -> Iterator[Node]:
        """All machines but those where the ways begin, each before those behind it."""
        for node in self.direct:
            yield from node.walk()

    def ways(self) -> Iterator[tuple[str | None, str]]:
        """Each machine with the one that ssh comes from; None is a controller without a name."""
        begin: list[str | None] = [host.name for host in self.controllers]
        for first in begin or [None]:
            for node in self.direct:
                yield first, node.host.name
        for node in self.nodes():
            for one in node.behind:
                yield node.host.name, one.host.name

    def neighbours(self) -> list[tuple[str, str]]:
        """Pairs of a router and the one that has to reach it before a change is confirmed."""
        hosts = [node.host for node in self.nodes()]
        return [(host.name, host.neighbour) for host in hosts if host.neighbour is not None]

    def managed(self, host: Host) -> bool:
        """Whether its address lies in the management network; a jump host's may lie outside."""
        return any(ip_address(host.address) in network for network in self.management)


def chart_of(machines: Inventory, keyless: Iterable[str] = ()) -> Chart:
    """The drawing of an inventory, in its own order."""
    hosts = machines.hosts.values()

    def behind(name: str | None) -> tuple[Node, ...]:
        return tuple(
            Node(host, behind(host.name))
            for host in hosts
            if host.jump == name and not (name is None and host in controllers)
        )

    leading = {host.jump for host in hosts}
    controllers = tuple(
        host
        for host in hosts
        if host.kind == "controller" and host.jump is None and host.name not in leading
    )
    management = next((host.management for host in hosts), ())
    return Chart(machines.name, management, controllers, behind(None), frozenset(keyless))
