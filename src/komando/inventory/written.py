"""`hosts.yaml` as it is written: plain Ansible YAML, in Ansible's own words where it has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from komando.documents.addresses import AddressField, NetworkField
from komando.documents.fields import Slug
from komando.documents.keys import PublicKeyField
from komando.inventory.machines import CONFIRM_WITHIN, KINDS, HostKind, Leaf

# As Linux allows and no shell minds; 15 characters are IFNAMSIZ - 1.
_Interface = Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._-]{0,14}$")]
_User = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")]


class Written(BaseModel):
    """Strict, like everything that people write here."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Secret(Written):
    """A secret of a host."""

    owner: _User = Field(
        default="root", description="The user on the host whose file it is.", examples=["root"]
    )


class Reached(Written):
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


class Keeper(Reached):
    """A machine to which bundles go, and which may have secrets."""

    secrets: dict[Slug, Secret] | None = Field(
        default=None,
        description="Its secrets by name, in place of those of all hosts.",
        examples=[{"vpn-key": {"owner": "root"}}],
    )


class Router(Keeper):
    """A router."""

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
        description="Another router that has to reach it before a change is confirmed.",
        examples=["core-2"],
    )


M = TypeVar("M", bound=Reached)


class Group(Written, Generic[M]):
    """One kind of machine."""

    hosts: dict[Slug, M] = Field(
        min_length=1, description="Its machines by name.", examples=[{"core-1": {}}]
    )


class Groups(Written):
    """The groups, one kind of machine each."""

    controller: Group[Reached] | None = Field(
        default=None,
        description="Machines that apply, verify and watch.",
        examples=[{"hosts": {"controller-1": {}}}],
    )
    router: Group[Router] = Field(description="The routers.", examples=[{"hosts": {"core-1": {}}}])
    hotspot: Group[Keeper] | None = Field(
        default=None,
        description="Gateways of public points.",
        examples=[{"hosts": {"gateway-1": {}}}],
    )
    signing: Group[Keeper] | None = Field(
        default=None,
        description="Machines that sign documents.",
        examples=[{"hosts": {"signing-1": {}}}],
    )
    jump: Group[Reached] | None = Field(
        default=None,
        description="Machines that lead to others, and nothing else.",
        examples=[{"hosts": {"bastion": {}}}],
    )

    def machines(self) -> Iterator[tuple[HostKind, str, Reached]]:
        """All of them, kind by kind, with their names."""
        for kind in KINDS:
            group: Group[Any] | None = getattr(self, kind)
            for name, machine in (group.hosts if group else {}).items():
                yield kind, name, machine


class Variables(Written):
    """What holds for all machines that do not say otherwise."""

    ansible_user: _User = Field(
        default="deploy", description="Who the controller logs in as.", examples=["deploy"]
    )
    administrator: _User = Field(
        default="root",
        description="Who logs in to prepare a machine: root, or one who may become it by sudo, and "
        "no user that the roles make.",
        examples=["root"],
    )
    deploy_keys: list[PublicKeyField] | None = Field(
        default=None,
        description="Public keys that may deploy to every machine that bundles go to. An empty list"
        " says that nobody may.",
    )
    observe_keys: list[PublicKeyField] = Field(
        default=[],
        description="Public keys that may ask the host program, and change nothing.",
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
    secrets: dict[Slug, Secret] = Field(
        default={},
        description="The secrets of every host that does not state its own, by name.",
        examples=[{"vpn-key": {"owner": "root"}}],
    )
    rate_divisor: int = Field(
        default=1, ge=1, le=1000, description="What every rate is divided by.", examples=[5]
    )


class Everything(Written):
    """Ansible's group of all machines."""

    vars: Variables = Field(description="What holds for all.", examples=[{}])
    children: Groups = Field(description="Groups of machines.", examples=[{"router": {}}])


class HostsFile(Written):
    """The whole file."""

    all: Everything = Field(description="All machines.", examples=[{"children": {}}])
