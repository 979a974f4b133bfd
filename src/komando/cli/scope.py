"""How a verb reaches the hosts: options that plan, apply and verify share, and the way there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from komando.cli import changing_nothing
from komando.cli.options import (
    POLICIES,
    administrator_identity_option,
    identity_option,
    inventory_option,
    policies_option,
)
from komando.rollout.launch import Launched, launch

if TYPE_CHECKING:
    from komando.cli.desired import Desired
    from komando.inventory import Access, Inventory

Verb = Callable[..., None]

LAB = "lab"
"""The inventory whose machines are those of a lab: a miniature city, or a fleet."""


@dataclass(frozen=True)
class Scope:
    """Which machines a verb is about, by which policies, and how they are reached."""

    inventory: str
    policies: Path
    lab: str | None
    identity: Path | None

    @contextmanager
    def ahead(self) -> Iterator[Launched]:
        """The pyinfra process, started while this one still imports what reads policies."""
        prefix: tuple[str, ...] = ()
        with changing_nothing():
            if Path(self.inventory).name == LAB:
                from komando.lab.place import DEFAULT, LabError, Place

                with suppress(LabError):  # the name is told to be wrong in its place
                    prefix = Place(self.lab or DEFAULT).enter("ctl")
            launched = launch(prefix)
        try:
            yield launched
        finally:
            launched.dismiss()

    def desired(self, limit: str | None = None, launched: Launched | None = None) -> Desired:
        """What the policies ask for of all hosts, or of those that `limit` names.

        What is wrong with it is told, and ends the verb. Meanwhile `launched` connects to them, and
        asks what they run.
        """
        from komando.cli.machines import folder_of, machines_of

        folder = folder_of(self.inventory)
        machines = machines_of(folder)
        if launched is not None:
            with suppress(click.ClickException, OSError):  # told in its place, after the policies
                self._connect(launched, folder, machines, limit)
        from komando.cli.desired import desired, limited

        return limited(desired(self.policies, folder, machines), limit)

    def _connect(
        self, launched: Launched, folder: Path, machines: Inventory, limit: str | None
    ) -> None:
        from komando.cli.machines import names_in
        from komando.rollout.session import opening

        names = sorted(machines.routers) if limit is None else names_in(limit)
        if machines.routers.keys() >= set(names):
            access = access_to(machines, folder, self.lab, self.identity)
            launched.open(opening(machines.with_neighbours(names), access), names)

    def access(self, wanted: Desired) -> Access:
        """The way to the hosts that are wanted; one without a known key ends the verb."""
        access = access_to(wanted.inventory, wanted.folder, self.lab, self.identity)
        require_keys(wanted.inventory, access, wanted.bundles)
        return access

    def stands(self, name: str) -> bool:
        """Whether a machine of the inventory is there: a lab may be up without some of its own."""
        if Path(self.inventory).name != LAB:
            return True
        from komando.lab.city import load_city
        from komando.lab.fleet.fleet import is_fleet
        from komando.lab.place import DEFAULT

        lab = self.lab or DEFAULT
        return is_fleet(lab) or name in load_city(lab).machines

    @property
    def lab_folder(self) -> Path | None:
        """The folder of the lab, where the inventory is a lab's: its own ledger lies there."""
        if Path(self.inventory).name != LAB:
            return None
        from komando.lab.place import DEFAULT, Place

        return Place(self.lab or DEFAULT).folder

    def machines(self) -> tuple[Inventory, Access]:
        """The machines and the way to them, without a look at any policy."""
        from komando.cli.machines import folder_of, machines_of

        folder = folder_of(self.inventory)
        machines = machines_of(folder)
        return machines, access_to(machines, folder, self.lab, self.identity)


def host_options(verb: Verb) -> Verb:
    """`--policies`, `--inventory`, `--lab` and `--identity`, as the verb's `scope`."""
    return policies_option(machine_options(verb))


def machine_options(verb: Verb) -> Verb:
    """The same without `--policies`, for a verb that reads none."""
    return _scoped(verb, identity_option)


def administrator_options(verb: Verb) -> Verb:
    """As `machine_options`, for a verb that logs in as the administrator, by a key of their own."""
    return _scoped(verb, administrator_identity_option)


def place_options(verb: Verb) -> Verb:
    """`--inventory` and `--lab` alone, for a verb that logs in nowhere."""
    return _scoped(verb)


def _scoped(verb: Verb, *more: Callable[[Verb], Verb]) -> Verb:
    @wraps(verb)
    def scoped(
        inventory: str,
        lab: str | None,
        identity: Path | None = None,
        policies: Path = POLICIES,
        **rest: Any,
    ) -> None:
        verb(scope=Scope(inventory, policies, lab, identity), **rest)

    lab_option = click.option(
        "--lab",
        metavar="NAME",
        default=None,
        help="Which lab, where several stand; for --inventory lab.",
    )
    options: tuple[Callable[[Verb], Verb], ...] = (*more, lab_option, inventory_option)
    wrapped: Verb = scoped
    for option in options:
        wrapped = option(wrapped)
    return wrapped


def access_to(inventory: Inventory, folder: Path, lab: str | None, identity: Path | None) -> Access:
    """The way to the hosts of an inventory.

    A lab knows its own; elsewhere host keys stand in the inventory's `known_hosts`. Ends the verb
    with exit status 1 when the lab is not up or the file does not stand.
    """
    from komando.inventory import Access

    if inventory.name == LAB:
        return _lab(inventory, lab)
    if lab is not None:
        raise click.UsageError("--lab goes with --inventory lab alone")
    known_hosts = folder / "known_hosts"
    if not known_hosts.is_file():
        raise click.ClickException(
            f"{known_hosts} does not stand: without the hosts' keys nothing can be trusted. "
            "`komando trust HOST` shows each, to be compared with what the machine's console says"
        )
    return Access(prefix=(), identity=identity, known_hosts=known_hosts)


def require_keys(machines: Inventory, access: Access, names: Iterable[str]) -> None:
    """End the verb, with a diagnostic for each, where a host or one on its way has no known key.

    Said before anything is asked: a connection would say the same, host by host, in other words.
    """
    from komando.inventory.known import read_known_hosts, without_key

    wanted = [machines.hosts[name] for name in names]
    needed = {hop.name: machines.hosts[hop.name] for host in wanted for hop in host.hops}
    needed |= {host.name: host for host in wanted}
    known = read_known_hosts(access.known_hosts)
    if missing := list(without_key(needed.values(), known)):
        from komando.cli.checked import refused

        raise refused([*known.diagnostics, *missing])


def _lab(wanted: Inventory, name: str | None) -> Access:
    from komando.lab.fleet.fleet import is_fleet, load_fleet
    from komando.lab.place import DEFAULT, LabError

    name = name or DEFAULT
    try:
        if not is_fleet(name):
            from komando.lab.city import load_city

            return load_city(name).access
        fleet = load_fleet(name)
        for host in wanted.hosts.values():
            if fleet.require(host.name).address != host.address:
                raise LabError(
                    f"{host.name} has another address in the fleet {name!r}: "
                    f"--inventory {fleet.inventory} is its own"
                )
    except LabError as error:
        raise click.ClickException(str(error)) from error
    return fleet.access
