"""How a verb reaches the hosts: options that plan, apply and verify share, and the way there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from komando.cli.desired import Desired
from komando.inventory import Access, Inventory

LAB = "lab"
"""The inventory whose machines are those of a lab: a miniature city, or a fleet."""

Verb = TypeVar("Verb", bound=Callable[..., Any])


def host_options(verb: Verb) -> Verb:
    """`--inventory`, `--policies`, `--lab` and `--identity`."""
    for option in (
        click.option(
            "--identity",
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            envvar="KOMANDO_IDENTITY",
            show_envvar=True,
            help="The ssh key of the deploy user. Default: the agent's, or the user's own keys.",
        ),
        click.option(
            "--lab",
            "lab",
            metavar="NAME",
            default=None,
            help="Which lab, where several stand; for --inventory lab.",
        ),
        click.option(
            "--policies",
            type=click.Path(readable=False, path_type=Path),
            default=Path("policies"),
            show_default=True,
            help="The folder of the policies.",
        ),
        click.option(
            "--inventory",
            default="production",
            show_default=True,
            help="The machines: a folder of inventories/.",
        ),
    ):
        verb = option(verb)
    return verb


def access_to(wanted: Desired, lab: str | None, identity: Path | None) -> Access:
    """The way to the hosts of an inventory.

    A lab knows its own; elsewhere host keys stand in the inventory's `known_hosts`. Ends the verb
    with exit status 1 when the lab is not up or the file does not stand.
    """
    if wanted.inventory.name == LAB:
        return _lab(wanted.inventory, lab)
    if lab is not None:
        raise click.UsageError("--lab goes with --inventory lab alone")
    known_hosts = wanted.folder / "known_hosts"
    if not known_hosts.is_file():
        raise click.ClickException(
            f"{known_hosts} does not stand: without the hosts' keys nothing can be trusted. "
            f"Collect them at the machines' consoles (ssh-keyscan trusts whoever answers)"
        )
    return Access(prefix=(), identity=identity, known_hosts=known_hosts)


def _lab(wanted: Inventory, name: str | None) -> Access:
    from komando.lab.city import load_city
    from komando.lab.fleet.fleet import is_fleet, load_fleet
    from komando.lab.place import DEFAULT, LabError

    name = name or DEFAULT
    try:
        if not is_fleet(name):
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
