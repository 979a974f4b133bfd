"""Reads an inventory: the same plain Ansible YAML that Ansible reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from komando.diagnostics import Diagnostic, Sources, as_text, errors_in, in_order
from komando.documents.document import Document
from komando.documents.explain import Explainer
from komando.documents.faults import faults_of
from komando.documents.files import read_bytes
from komando.documents.reader import read
from komando.inventory.machines import Hop, Host, HostKind, Inventory, SecretReference
from komando.inventory.ways import Entry, check_ways, way_to
from komando.inventory.written import Everything, HostsFile, Jump, Machine, Variables

FILE = "hosts.yaml"


class InventoryError(ValueError):
    """An inventory that cannot be used; `diagnostics` says where and why."""

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        sources = Sources()
        super().__init__("\n\n".join(as_text(one, sources) for one in diagnostics))
        self.diagnostics = diagnostics


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


def _host(machine: Machine | Jump, itself: Hop, settings: Variables, hops: tuple[Hop, ...]) -> Host:
    router = machine if isinstance(machine, Machine) else None
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
    everything: Everything, kind: str, name: str, document: Document
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


def _read(path: Path) -> tuple[HostsFile, Document]:
    raw = read_bytes(str(path))
    if isinstance(raw, Diagnostic):
        raise InventoryError([raw])
    reading = read(str(path), raw)
    diagnostics = list(reading.diagnostics)
    if reading.document is not None:
        try:
            found = HostsFile.model_validate(reading.document.data)
        except ValidationError as error:
            text = raw.decode("utf-8").removeprefix("\ufeff")
            explainer = Explainer(HostsFile, reading.document, text)
            diagnostics += explainer.explain(list(faults_of(error)), reading)
        else:
            diagnostics += check_ways(reading.document, _entries(found.all))
            if not errors_in(diagnostics):
                return found, reading.document
    raise InventoryError(in_order(diagnostics))


def _entries(everything: Everything) -> dict[str, Entry]:
    """What the checks of the ways look at, by name."""
    entries: dict[str, Entry] = {}
    for name, machine in everything.children.machines().items():
        kind: HostKind = "router" if isinstance(machine, Machine) else "jump"
        entries[name] = Entry(
            kind=kind,
            path=("all", "children", kind, "hosts", name),
            jump=machine.jump,
            neighbour=machine.neighbour if isinstance(machine, Machine) else None,
            address=machine.ansible_host,
            management=tuple(everything.vars.management),
        )
    return entries
