"""What a shell offers for an argument: names of files and of machines, and nothing is checked.

Each function is click's `shell_complete` of an option or argument. Whatever cannot be read offers
nothing: a person who presses Tab has asked no question that deserves an error.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from click import ClickException, Context, Parameter

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from komando.inventory import Inventory

_KINDS = ("opd", "hotspots")


def offer_sites(ctx: Context, param: Parameter, incomplete: str) -> list[str]:
    """Offices and public points, as `opd/<slug>` and `hotspots/<slug>`, by their files' names."""
    del param
    root = Path(ctx.params.get("policies") or "policies")
    names = (
        f"{kind}/{path.stem}" for kind in _KINDS for path in sorted(root.glob(f"{kind}/*.yaml"))
    )
    return [name for name in names if name.startswith(incomplete)]


def offer_inventories(ctx: Context, param: Parameter, incomplete: str) -> list[CompletionItem]:
    """The folders of inventories/ that are one; with a slash in it, the shell offers folders."""
    from click.shell_completion import CompletionItem

    del ctx, param
    if "/" in incomplete:
        return [CompletionItem(incomplete, type="dir")]
    names = sorted(path.parent.name for path in Path("inventories").glob("*/hosts.yaml"))
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def offer_machines(ctx: Context, param: Parameter, incomplete: str) -> list[str]:
    """All machines of the inventory that stands before it on the line."""
    del param
    return [name for name in _hosts(ctx) if name.startswith(incomplete)]


def offer_routers(ctx: Context, param: Parameter, incomplete: str) -> list[str]:
    """The machines that have generations."""
    del param
    return [name for name in _hosts(ctx, routers=True) if name.startswith(incomplete)]


def offer_limit(ctx: Context, param: Parameter, incomplete: str) -> list[str]:
    """As `offer_routers`, the last of a list with commas."""
    del param
    head, comma, last = incomplete.rpartition(",")
    left = [name for name in _hosts(ctx, routers=True) if name not in head.split(",")]
    return [f"{head}{comma}{name}" for name in left if name.startswith(last)]


def _hosts(ctx: Context, *, routers: bool = False) -> list[str]:
    from komando.cli.machines import folder_of
    from komando.inventory import InventoryError, load_inventory

    try:
        found: Inventory = load_inventory(folder_of(ctx.params.get("inventory") or "production"))
    except (ClickException, InventoryError, OSError):
        return []
    return list(found.routers if routers else found.hosts)
