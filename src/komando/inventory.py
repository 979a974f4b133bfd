"""The machines: read from the same plain Ansible YAML that Ansible reads, and how to reach them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from komando.diagnostics import Diagnostic, Location, Sources, as_text, errors_in, in_order
from komando.documents.addresses import AddressField, Network, NetworkField
from komando.documents.document import Document
from komando.documents.fields import Slug
from komando.documents.files import read_bytes
from komando.documents.reader import read
from komando.ways import Entry, check_ways, way_to

HostKind = Literal["router", "jump"]
"""The groups of the inventory, one kind of machine each.

A router is prepared by the roles base and router. A jump is there to lead to others alone: it has
no generations, and the role base is all of it.
"""

Leaf = Literal["fq_codel", "cake", "pfifo"]
"""The queue of one office on a router: the best that its kernel has."""

FILE = "hosts.yaml"

CONFIRM_WITHIN = 60
"""Seconds after which an unconfirmed change reverts, unless a host says otherwise.

A person who is cut off waits for so long; a router with 500 offices is confirmed in about 3 s.
"""

PATIENCE = 10
"""Seconds for each step to a host; a round trip by satellite takes 0.7."""

# As Linux allows and no shell minds; 15 characters are IFNAMSIZ - 1.
_Interface = Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._-]{0,14}$")]
_User = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")]


class InventoryError(ValueError):
    """An inventory that cannot be used; `diagnostics` says where and why."""

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        sources = Sources()
        super().__init__("\n\n".join(as_text(one, sources) for one in diagnostics))
        self.diagnostics = diagnostics


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

    `address` is an IP address and `interfaces` maps `uplink` and the segments' names to the
    machine's own interfaces. `user` is who the controller logs in as. Its ssh answers the networks
    of `management` alone. A change there reverts by itself unless it is confirmed within
    `confirm_within` seconds; a `canary` changes before the others; `neighbour` is another host,
    which has to reach this one before a change is confirmed. `hops` are the machines that ssh goes
    over, the one that the controller reaches by itself first.
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

    @property
    def jump(self) -> str | None:
        """The machine that leads to it; None where the controller reaches it by itself."""
        return self.hops[-1].name if self.hops else None


@dataclass(frozen=True)
class Inventory:
    """The hosts of one environment, by name; every rate there is divided by `divisor`."""

    name: str
    hosts: dict[str, Host]
    divisor: int = 1

    @property
    def routers(self) -> dict[str, Host]:
        """The hosts that a policy can speak of."""
        return {name: host for name, host in self.hosts.items() if host.kind == "router"}

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
    machines on the way. Each step to a host (TCP, the key exchange, the log-in, a jump host's
    forwarding) is given up after `patience` seconds.
    """

    prefix: tuple[str, ...]
    identity: Path | None
    known_hosts: Path
    user: str = "deploy"
    patience: int = PATIENCE


class _Written(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Secret(_Written):
    owner: _User = Field(
        default="root", description="The user on the host whose file it is.", examples=["root"]
    )


class _Reached(_Written):
    """How any machine is reached, in Ansible's own words where it has them."""

    ansible_host: AddressField = Field(
        description="Address in the management network.", examples=["10.255.0.2"]
    )
    ansible_port: int = Field(
        default=22, ge=1, le=65535, description="Port of its sshd.", examples=[22]
    )
    ansible_user: _User | None = Field(
        default=None, description="Who the controller logs in as.", examples=["deploy"]
    )
    jump: Slug | None = Field(
        default=None,
        description="The machine of this file over which ssh reaches it.",
        examples=["bastion"],
    )


class _Machine(_Reached):
    interfaces: dict[Slug, _Interface] = Field(
        min_length=1,
        description="The interface of the uplink, and of each segment by its name.",
        examples=[{"uplink": "eno1", "metro": "eno2"}],
    )
    leaf: Leaf = Field(description="The queue of each office.", examples=["fq_codel"])
    confirm_within: int | None = Field(
        default=None,
        ge=2,
        le=3600,
        description="Seconds after which an unconfirmed change here reverts.",
        examples=[60],
    )
    canary: bool = Field(
        default=False, description="Whether it changes before the others.", examples=[True]
    )
    neighbour: Slug | None = Field(
        default=None,
        description="Another host that has to reach it before a change is confirmed.",
        examples=["core-2"],
    )
    secrets: dict[Slug, _Secret] | None = Field(
        default=None,
        description="Its secrets by name, in place of those of all hosts.",
        examples=[{"vpn-key": {"owner": "root"}}],
    )


class _Jump(_Reached):
    """A machine that leads to others, and nothing else."""


class _Jumps(_Written):
    hosts: dict[Slug, _Jump] = Field(
        min_length=1, description="Its machines by name.", examples=[{"bastion": {}}]
    )


class _Group(_Written):
    hosts: dict[Slug, _Machine] = Field(
        min_length=1, description="Its machines by name.", examples=[{"core-1": {}}]
    )


class _Groups(_Written):
    router: _Group = Field(description="The routers.", examples=[{"hosts": {}}])
    jump: _Jumps | None = Field(
        default=None,
        description="Machines that lead to others, and nothing else.",
        examples=[{"hosts": {}}],
    )

    def machines(self) -> dict[str, _Machine | _Jump]:
        """All of them, the routers first."""
        return {**self.router.hosts, **(self.jump.hosts if self.jump else {})}


class _Variables(_Written):
    ansible_user: _User = Field(
        default="deploy", description="Who the controller logs in as.", examples=["deploy"]
    )
    management: list[NetworkField] = Field(
        min_length=1,
        description="Networks that may reach the hosts' ssh; all others may not.",
        examples=[["192.0.2.0/28"]],
    )
    confirm_within: int = Field(
        default=CONFIRM_WITHIN,
        ge=2,
        le=3600,
        description="Seconds after which an unconfirmed change reverts.",
        examples=[60],
    )
    secrets: dict[Slug, _Secret] = Field(
        default={},
        description="The secrets of every host that does not state its own, by name.",
        examples=[{"vpn-key": {"owner": "root"}}],
    )
    rate_divisor: int = Field(
        default=1, ge=1, le=1000, description="What every rate is divided by.", examples=[5]
    )


class _Everything(_Written):
    vars: _Variables = Field(description="What holds for all.", examples=[{}])
    children: _Groups = Field(description="Groups of machines.", examples=[{"router": {}}])


class _HostsFile(_Written):
    all: _Everything = Field(description="All machines.", examples=[{"children": {}}])


def load_inventory(folder: Path) -> Inventory:
    """Read `hosts.yaml` of an inventory's folder, whose name is the environment's.

    Raises InventoryError with everything that is wrong with it.
    """
    written, document = _read(folder / FILE)
    everything = written.all
    settings, machines = everything.vars, everything.children.machines()
    hops = {
        name: Hop(
            name,
            str(machine.ansible_host),
            machine.ansible_port,
            machine.ansible_user or settings.ansible_user,
        )
        for name, machine in machines.items()
    }
    jumps = {name: machine.jump for name, machine in machines.items()}
    hosts = {
        name: _host(machine, hops[name], settings, tuple(hops[one] for one in way_to(name, jumps)))
        for name, machine in machines.items()
    }
    for name in everything.children.router.hosts:
        hosts[name] = replace(hosts[name], secrets=_secrets(everything, "router", name, document))
    return Inventory(folder.name, hosts, settings.rate_divisor)


def _host(
    machine: _Machine | _Jump, itself: Hop, settings: _Variables, hops: tuple[Hop, ...]
) -> Host:
    router = machine if isinstance(machine, _Machine) else None
    host = Host(
        name=itself.name,
        kind="router" if router else "jump",
        address=itself.address,
        interfaces={},
        leaf="pfifo",
        port=itself.port,
        user=itself.user,
        management=tuple(settings.management),
        confirm_within=settings.confirm_within,
        hops=hops,
    )
    if router is None:
        return host
    return replace(
        host,
        interfaces=dict(router.interfaces),
        leaf=router.leaf,
        confirm_within=router.confirm_within or settings.confirm_within,
        canary=router.canary,
        neighbour=router.neighbour,
    )


def _secrets(
    everything: _Everything, kind: str, name: str, document: Document
) -> tuple[SecretReference, ...]:
    """A host's own mapping takes the place of the one of all: Ansible does not merge them."""
    own = getattr(everything.children, kind).hosts[name].secrets
    above: tuple[str, ...] = ("all", "vars", "secrets")
    if own is not None:
        above = ("all", "children", kind, "hosts", name, "secrets")
    stated = everything.vars.secrets if own is None else own
    return tuple(
        SecretReference(one, secret.owner, document.key((*above, one)))
        for one, secret in sorted(stated.items())
    )


def _read(path: Path) -> tuple[_HostsFile, Document]:
    raw = read_bytes(str(path))
    if isinstance(raw, Diagnostic):
        raise InventoryError([raw])
    reading = read(str(path), raw)
    diagnostics = list(reading.diagnostics)
    if reading.document is not None:
        try:
            found = _HostsFile.model_validate(reading.document.data)
        except ValidationError as error:
            # all that explains policies, which a sound inventory need not wait for
            from komando.policy.explain import Explainer
            from komando.policy.faults import faults_of

            text = raw.decode("utf-8").removeprefix("\ufeff")
            explainer = Explainer(_HostsFile, reading.document, text)
            diagnostics += explainer.explain(list(faults_of(error)), reading)
        else:
            diagnostics += check_ways(reading.document, _entries(found.all))
            if not errors_in(diagnostics):
                return found, reading.document
    raise InventoryError(in_order(diagnostics))


def _entries(everything: _Everything) -> dict[str, Entry]:
    """What the checks of the ways look at, by name."""
    entries: dict[str, Entry] = {}
    management = tuple(everything.vars.management)
    for kind, group in (("router", everything.children.router), ("jump", everything.children.jump)):
        for name, machine in (group.hosts if group else {}).items():
            router = machine if isinstance(machine, _Machine) else None
            entries[name] = Entry(
                path=("all", "children", kind, "hosts", name),
                jump=machine.jump,
                neighbour=router.neighbour if router else None,
                address=machine.ansible_host if router else None,
                management=management,
            )
    return entries
