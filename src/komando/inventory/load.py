"""Reads an inventory: the same plain Ansible YAML that Ansible reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path as FilePath

from pydantic import ValidationError

from komando.diagnostics import Diagnostic, Sources, as_text, errors_in, in_order
from komando.documents.document import Document, Path
from komando.documents.explain import Explainer
from komando.documents.faults import faults_of
from komando.documents.files import read_bytes
from komando.documents.keys import private_key_of
from komando.documents.reader import read
from komando.inventory.machines import (
    WITH_BUNDLES,
    Hop,
    Host,
    HostKind,
    Inventory,
    SecretReference,
)
from komando.inventory.ways import way_to
from komando.inventory.whole import check_whole
from komando.inventory.written import Everything, HostsFile, Reached, Router, Variables

FILE = "hosts.yaml"


class InventoryError(ValueError):
    """An inventory that cannot be used; `diagnostics` says where and why."""

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        sources = Sources()
        super().__init__("\n\n".join(as_text(one, sources) for one in diagnostics))
        self.diagnostics = diagnostics


class _Explainer(Explainer):
    """A group is no key like others: its name says what its machines are."""

    def unknown_key(self, path: Path) -> Diagnostic:
        said = super().unknown_key(path)
        if path[:-1] != ("all", "children"):
            return said
        message = f"no kind of machine is called `{path[-1]}`"
        return replace(said, id="group-unknown", message=message)


def load_inventory(folder: FilePath) -> Inventory:
    """Read `hosts.yaml` of an inventory's folder, whose name is the environment's.

    Raises InventoryError with everything that is wrong with it.
    """
    written, document = _read(folder / FILE)
    settings, machines = written.all.vars, list(written.all.children.machines())
    hops = {
        name: Hop(
            name,
            str(machine.ansible_host),
            machine.ansible_port,
            machine.ansible_user or settings.ansible_user,
        )
        for _, name, machine in machines
    }
    jumps = {name: machine.jump for _, name, machine in machines}
    hosts = {
        name: replace(
            _host(kind, machine, hops[name], settings),
            where=document.value(("all", "children", kind, "hosts", name, "ansible_host")),
            hops=tuple(hops[one] for one in way_to(name, jumps)),
            secrets=_secrets(written.all, kind, name, document),
        )
        for kind, name, machine in machines
    }
    return Inventory(
        folder.name,
        hosts,
        settings.rate_divisor,
        settings.administrator,
        None if settings.deploy_keys is None else tuple(settings.deploy_keys),
        tuple(settings.observe_keys),
    )


def _host(kind: HostKind, machine: Reached, itself: Hop, settings: Variables) -> Host:
    host = Host(
        name=itself.name,
        kind=kind,
        address=itself.address,
        interfaces={},
        leaf="pfifo",
        port=itself.port,
        user=itself.user,
        management=tuple(settings.management),
        confirm_within=settings.confirm_within,
    )
    if not isinstance(machine, Router):
        return host
    return replace(
        host,
        interfaces=dict(machine.interfaces),
        leaf=machine.leaf,
        confirm_within=machine.confirm_within or settings.confirm_within,
        canary=machine.canary,
        neighbour=machine.neighbour,
    )


def _secrets(
    everything: Everything, kind: HostKind, name: str, document: Document
) -> tuple[SecretReference, ...]:
    """A host's own mapping takes the place of the one of all: Ansible does not merge them."""
    if kind not in WITH_BUNDLES:
        return ()
    own = getattr(everything.children, kind).hosts[name].secrets
    above: tuple[str, ...] = ("all", "vars", "secrets")
    if own is not None:
        above = ("all", "children", kind, "hosts", name, "secrets")
    stated = everything.vars.secrets if own is None else own
    return tuple(
        SecretReference(one, secret.owner, document.key((*above, one)))
        for one, secret in sorted(stated.items())
    )


def _read(path: FilePath) -> tuple[HostsFile, Document]:
    raw = read_bytes(str(path))
    if isinstance(raw, Diagnostic):
        raise InventoryError([raw])
    secret = private_key_of(str(path), raw)
    if secret is not None:  # before anything that shows lines of the file
        raise InventoryError([secret])
    reading = read(str(path), raw)
    diagnostics = list(reading.diagnostics)
    if (document := reading.document) is not None:
        diagnostics += check_whole(document)
        try:
            found = HostsFile.model_validate(document.data)
        except ValidationError as error:
            text = raw.decode("utf-8").removeprefix("\ufeff")
            explainer = _Explainer(HostsFile, document, text)
            diagnostics += explainer.explain(list(faults_of(error)), reading)
        else:
            if not errors_in(diagnostics):
                return found, document
    raise InventoryError(in_order(diagnostics))
