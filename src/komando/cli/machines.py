"""The machines that a verb is about, which can be reached before any policy was read."""

from __future__ import annotations

from pathlib import Path

import click

from komando.cli.checked import refused
from komando.documents.near import nearest
from komando.inventory import Host, Inventory, InventoryError, load_inventory

INVENTORIES = Path("inventories")


def folder_of(inventory: str) -> Path:
    """The folder of an inventory, by its name or its path; ends the verb where there is none."""
    for folder in (INVENTORIES / inventory, Path(inventory)):
        if (folder / "hosts.yaml").is_file():
            return folder
    if not INVENTORIES.is_dir():
        raise click.ClickException(
            f"no inventory {inventory!r}, as there is no folder {INVENTORIES}/ here: run it in the "
            "repository's folder, or name the inventory's own folder with --inventory"
        )
    known = sorted(path.parent.name for path in INVENTORIES.glob("*/hosts.yaml"))
    raise click.ClickException(
        f"no inventory {inventory!r}: {INVENTORIES}/ has {', '.join(known) or 'none'}"
    )


def machines_of(folder: Path) -> Inventory:
    """The inventory of a folder; one that is wrong is told on stderr and ends the verb."""
    try:
        return load_inventory(folder)
    except InventoryError as error:
        raise refused(error.diagnostics) from error


def host_named(machines: Inventory, folder: Path, name: str) -> Host:
    """The machine of a name; ends the verb where the inventory has none."""
    if name in machines.hosts:
        return machines.hosts[name]
    near = nearest(name, machines.hosts)
    hint = f"did you mean {near}?" if near else f"it has {', '.join(machines.hosts)}"
    raise click.ClickException(f"no machine {name!r} in {folder}/hosts.yaml: {hint}")


def names_in(limit: str) -> list[str]:
    """The names of `--limit`, each once, in their order by name."""
    return sorted({name.strip() for name in limit.split(",")})
