"""What no single machine of an inventory can know: errors, each at its value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import ip_address, ip_network
from typing import Final, TypeVar

from komando.diagnostics import Diagnostic, Location, Related
from komando.documents.addresses import Address, Network
from komando.documents.document import Document, Path
from komando.inventory.machines import KINDS
from komando.inventory.ways import Entry, check_ways

T = TypeVar("T")

_OF_ANSIBLE: Final[dict[str, str]] = {
    **dict.fromkeys(KINDS, "a group of this file"),
    "all": "Ansible's group of all machines",
    "ungrouped": "Ansible's group of machines without one",
    "localhost": "this machine itself",
}

_OF_ROLES: Final = dict.fromkeys(
    ("deploy", "observe", "controller"), "a user that the roles make, for keys that may do little"
)


def check_whole(document: Document) -> list[Diagnostic]:
    """Names and addresses that stand twice, and ways that lead nowhere.

    It looks at the file and not at the models, so that one wrong value does not hide the rest: what
    a model refuses counts as unknown here.
    """
    entries: dict[str, Entry] = {}
    found: list[Diagnostic] = []
    for name, entry in _entries(document):
        if name in _OF_ANSIBLE:
            at = document.key(entry.path)
            found.append(_reserved(name, _OF_ANSIBLE[name], "another name, as `core-1`", at))
        if name in entries:
            found.append(_twice(name, entry, entries[name], document))
        else:
            entries[name] = entry
    found += _administrator(document)
    found += _addresses_twice(entries, document)
    management = _read_as(ip_network, document.at(("all", "vars", "management")))
    for entry in entries.values():
        if entry.kind != "jump" and entry.address and management:
            at = document.value((*entry.path, "ansible_host"))
            found += _unmanaged(entry.address, management, at)
    return [*found, *check_ways(document, entries)]


def _administrator(document: Document) -> Iterator[Diagnostic]:
    above: Path = ("all", "vars", "administrator")
    name = document.at(above)
    if isinstance(name, str) and name in _OF_ROLES:
        at = document.value(above)
        yield _reserved(name, _OF_ROLES[name], "root, or who may become it by sudo", at)


def _entries(document: Document) -> Iterator[tuple[str, Entry]]:
    """Every machine, by name, in the order of the file."""
    above: Path = ("all", "children")
    for group, name in _steps(document, above):
        path = (*above, group, "hosts", name)
        jump, neighbour = (document.at((*path, key)) for key in ("jump", "neighbour"))
        addresses = _read_as(ip_address, [document.at((*path, "ansible_host"))])
        yield (
            name,
            Entry(
                kind=next((kind for kind in KINDS if kind == group), None),
                path=path,
                jump=jump if isinstance(jump, str) else None,
                neighbour=neighbour if isinstance(neighbour, str) else None,
                address=addresses[0] if addresses else None,
            ),
        )


def _steps(document: Document, above: Path) -> Iterator[tuple[str, str]]:
    groups = document.at(above)
    for group in groups if isinstance(groups, dict) else ():
        hosts = document.at((*above, group, "hosts"))
        for name in hosts if isinstance(hosts, dict) else ():
            yield group, name


def _read_as(read: Callable[[str], T], values: object) -> list[T]:
    """Those of some values that can be read."""
    found = []
    for one in values if isinstance(values, list) else ():
        with suppress(ValueError):
            found.append(read(one if isinstance(one, str) else ""))
    return found


def _reserved(name: str, what: str, expected: str, at: Location) -> Diagnostic:
    return Diagnostic(
        "name-reserved",
        "error",
        f"a name that is in use already: {what}",
        found=name,
        expected=expected,
        remedy="rename it here and wherever it is referred to",
        location=at,
    )


def _twice(name: str, entry: Entry, first: Entry, document: Document) -> Diagnostic:
    return Diagnostic(
        "host-twice",
        "error",
        f"{name} stands in two groups",
        found=f"{name} in `{first.path[2]}` and in `{entry.path[2]}`",
        expected="each machine in one group: it is of one kind",
        remedy="remove it from one of them, or give the second machine a name of its own",
        location=document.key(entry.path),
        related=(Related(f"in `{first.path[2]}`", document.key(first.path)),),
    )


def _addresses_twice(entries: dict[str, Entry], document: Document) -> Iterator[Diagnostic]:
    names: dict[Address, str] = {}
    for name, entry in entries.items():
        if entry.address and (other := names.setdefault(entry.address, name)) != name:
            first = document.value((*entries[other].path, "ansible_host"))
            yield Diagnostic(
                "address-twice",
                "error",
                f"{name} and {other} have one address",
                found=str(entry.address),
                expected="an address of its own for each machine, also where the ports differ",
                remedy="correct one of them: ssh and Ansible ask for a machine by its address",
                location=document.value((*entry.path, "ansible_host")),
                related=(Related(f"the address of {other}", first),),
            )


def _unmanaged(address: Address, management: list[Network], at: Location) -> Iterator[Diagnostic]:
    if not any(address in network for network in management):
        yield Diagnostic(
            "address-unmanaged",
            "error",
            "the address lies in no network of `management`",
            found=str(address),
            expected=f"an address in {', '.join(map(str, management))}",
            remedy="correct it, or add its network to `management`: from these addresses machines "
            "ask one another, and they answer these networks alone",
            location=at,
        )
