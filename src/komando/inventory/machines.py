"""The machines of an inventory, and how they are reached."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

from komando.diagnostics import Location
from komando.documents.addresses import Network

HostKind = Literal["controller", "router", "hotspot", "signing", "jump"]
"""The groups of the inventory, one kind of machine each.

Each is prepared by the role base and the role of its name. A jump is there to lead to others alone,
and the role base is all of it.
"""

KINDS: tuple[HostKind, ...] = get_args(HostKind)
"""All of them, in the order in which they are told."""

WITH_BUNDLES: frozenset[HostKind] = frozenset({"router", "hotspot", "signing"})
"""Those to which bundles go: they have generations and the host program, and may have secrets."""

Leaf = Literal["fq_codel", "cake", "pfifo"]
"""The queue of one office on a router: the best that its kernel has."""

CONFIRM_WITHIN = 60
"""Seconds after which an unconfirmed change reverts, unless a host says otherwise.

A person who is cut off waits for so long; a router with 500 offices is confirmed in about 3 s.
"""

PATIENCE = 10
"""Seconds for each step to a host; a round trip by satellite takes 0.7."""


@dataclass(frozen=True)
class Hop:
    """A machine on the way to another one, and how it is logged in to."""

    name: str
    address: str
    port: int
    user: str


@dataclass(frozen=True)
class SecretReference:
    """A secret that a host shall have: its name, whose file it will be, and where that is stated.

    The encrypted file is `secrets/<name>.age` beside `hosts.yaml`; on the host it becomes
    `/etc/komando/secrets/<name>`, mode 0600.
    """

    name: str
    owner: str = "root"
    where: Location | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Host:
    """One machine of the inventory.

    `address` is an IP address. `interfaces` maps `uplink` and the segments' names to a router's own
    interfaces; other machines have none. `user` is who the controller logs in as. Its ssh answers
    the networks of `management` alone. A change there reverts by itself unless it is confirmed
    within `confirm_within` seconds; a `canary` changes before the others; `neighbour` is another
    router, which has to reach this one before a change is confirmed. `hops` are the machines that
    ssh goes over, the one that the controller reaches by itself first. `where` is its address in
    the inventory's file.
    """

    name: str
    kind: HostKind
    address: str
    interfaces: dict[str, str]
    leaf: Leaf
    port: int = 22
    user: str = "deploy"
    management: tuple[Network, ...] = ()
    confirm_within: int = CONFIRM_WITHIN
    canary: bool = False
    neighbour: str | None = None
    secrets: tuple[SecretReference, ...] = ()
    hops: tuple[Hop, ...] = ()
    where: Location | None = field(default=None, compare=False)

    @property
    def jump(self) -> str | None:
        """The machine that leads to it; None where the controller reaches it by itself."""
        return self.hops[-1].name if self.hops else None

    def reached_as(self, user: str | None) -> Host:
        """It, logged in to as somebody, on the way as well; None is whom the inventory says."""
        if user is None:
            return self
        hops = tuple(replace(hop, user=user) for hop in self.hops)
        return replace(self, user=user, hops=hops)


@dataclass(frozen=True)
class Inventory:
    """The hosts of one environment, by name and in the order of `KINDS`.

    Every rate there is divided by `divisor`. `administrator` logs in to prepare a machine.
    `deploy_keys` and `observe_keys` are lines of public keys, as authorized_keys has them: of those
    who may deploy to every machine that bundles go to (None: nobody has said yet), and of those who
    may only look.
    """

    name: str
    hosts: dict[str, Host]
    divisor: int = 1
    administrator: str = "root"
    deploy_keys: tuple[str, ...] | None = None
    observe_keys: tuple[str, ...] = ()

    @property
    def routers(self) -> dict[str, Host]:
        """The hosts that a policy can speak of."""
        return self.of_kind("router")

    def of_kind(self, kind: HostKind) -> dict[str, Host]:
        """The hosts of one kind, by name."""
        return {name: host for name, host in self.hosts.items() if host.kind == kind}

    def with_neighbours(self, names: Iterable[str]) -> list[Host]:
        """Some hosts in their order, and then the neighbours that have to reach them."""
        hosts = [self.hosts[name] for name in names]
        wanted = dict.fromkeys(host.name for host in hosts)
        wanted |= {one: None for host in hosts if (one := host.neighbour) in self.hosts}
        return [self.hosts[name] for name in wanted]


@dataclass(frozen=True)
class Access:
    """How the controller reaches the hosts.

    `prefix` stands before every command that speaks to one (the lab's controller works from a
    network namespace); `known_hosts` is the only file of host keys that is trusted, also for the
    machines on the way. A `user` logs in everywhere in place of those that the inventory says. Each
    step to a host (TCP, the key exchange, the log-in, a jump host's forwarding) is given up after
    `patience` seconds.
    """

    prefix: tuple[str, ...]
    identity: Path | None
    known_hosts: Path
    user: str | None = None
    patience: int = PATIENCE
