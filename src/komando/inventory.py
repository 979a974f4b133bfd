"""The machines: read from the same plain Ansible YAML that Ansible reads, and how to reach them."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

HostKind = Literal["router"]
"""The groups of the inventory: one kind of machine each, prepared by the role of that name."""

Leaf = Literal["fq_codel", "cake", "pfifo"]
"""The queue of one office on a router: the best that its kernel has."""

Interface = Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._-]{0,14}$")]
"""A network interface, as Linux allows and no shell minds (15 characters: IFNAMSIZ - 1)."""

FILE = "hosts.yaml"


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _HostVariables(_Read):
    ansible_host: IPv4Address | IPv6Address
    ansible_port: int = Field(22, ge=1, le=65535)
    ansible_user: str | None = None
    interfaces: dict[str, Interface]
    leaf: Leaf


class _Group(_Read):
    hosts: dict[str, _HostVariables]


class _Variables(_Read):
    ansible_user: str = "deploy"
    rate_divisor: int = Field(1, ge=1, le=1000)


class _All(_Read):
    vars: _Variables = _Variables()
    children: dict[HostKind, _Group]


class _File(_Read):
    all: _All


@dataclass(frozen=True)
class Host:
    """One machine of the inventory.

    `address` is an IP address and `interfaces` maps `uplink` and the segments' names to the
    machine's own interfaces. `user` is who the controller logs in as.
    """

    name: str
    kind: HostKind
    address: str
    interfaces: dict[str, str]
    leaf: Leaf
    port: int = 22
    user: str = "deploy"


@dataclass(frozen=True)
class Inventory:
    """The hosts of one environment, by name; every rate there is divided by `divisor`."""

    name: str
    hosts: dict[str, Host]
    divisor: int = 1


@dataclass(frozen=True)
class Access:
    """How the controller reaches the hosts.

    `prefix` stands before every command that speaks to one (the lab's controller works from a
    network namespace); `known_hosts` is the only file of host keys that is trusted.
    """

    prefix: tuple[str, ...]
    identity: Path | None
    known_hosts: Path
    user: str = "deploy"


def load_inventory(folder: Path) -> Inventory:
    """Read `hosts.yaml` of an inventory's folder; the folder's name is the environment's."""
    everything = _File.model_validate(yaml.safe_load((folder / FILE).read_text())).all
    hosts = {
        name: Host(
            name=name,
            kind=kind,
            address=str(read.ansible_host),
            interfaces=dict(read.interfaces),
            leaf=read.leaf,
            port=read.ansible_port,
            user=read.ansible_user or everything.vars.ansible_user,
        )
        for kind, group in everything.children.items()
        for name, read in group.hosts.items()
    }
    return Inventory(folder.name, hosts, everything.vars.rate_divisor)
