"""What a shell offers for an argument: names of files and of machines, and nothing is checked.

Each function is click's `shell_complete` of an option or argument. Whatever cannot be read offers
nothing: a person who presses Tab has asked no question that deserves an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from click import ClickException, Context, Parameter

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from komando.inventory import Inventory

_KINDS = ("opd", "hotspots")


def offer_sites(ctx: Context, param: Parameter, incomplete: str) -> list[str]:
    """Offices and public points, as `opd/<slug>` and `hotspots/<slug>`, by their files' names."""
    del param
    root = _policies(ctx)
    names = (
        f"{kind}/{path.stem}" for kind in _KINDS for path in sorted(root.glob(f"{kind}/*.yaml"))
    )
    return _begun(names, incomplete)


def offer_office(ctx: Context, param: Parameter, incomplete: str) -> list[str]:
    """Offices by their short names; as `opd/<slug>` to whoever begins so."""
    kind = "opd/" if incomplete.startswith("opd/") else ""
    found = offer_offices(ctx, param, incomplete.removeprefix(kind))
    return [f"{kind}{name}" for name in found]


def offer_offices(ctx: Context, param: Parameter, incomplete: str) -> list[str]:
    """Offices by their short names."""
    del param
    return _begun((path.stem for path in sorted(_policies(ctx).glob("opd/*.yaml"))), incomplete)


def offer_roles(ctx: Context, param: Parameter, incomplete: str) -> list[str]:
    """What somebody of people.yaml may be."""
    from komando.policy.people import Role

    del ctx, param
    return _begun(get_args(Role), incomplete)


def offer_segments(ctx: Context, param: Parameter, incomplete: str) -> list[str]:
    """The segments of the region."""
    del param
    return _begun(_of_region(ctx, "segments"), incomplete)


def offer_calendars(ctx: Context, param: Parameter, incomplete: str) -> list[str]:
    """The calendars of the region."""
    del param
    return _begun(_of_region(ctx, "calendars"), incomplete)


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


def _policies(ctx: Context) -> Path:
    return Path(ctx.params.get("policies") or "policies")


def _begun(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _of_region(ctx: Context, key: str) -> list[str]:
    """The names below a key of region.yaml."""
    from komando.documents.files import read_bytes
    from komando.documents.reader import read

    file = str(_policies(ctx) / "region.yaml")
    raw = read_bytes(file)
    document = read(file, raw).document if isinstance(raw, bytes) else None
    found = None if document is None else document.at((key,))
    return list(found) if isinstance(found, dict) else []


def _hosts(ctx: Context, *, routers: bool = False) -> list[str]:
    from komando.cli.machines import folder_of
    from komando.inventory import InventoryError, load_inventory

    try:
        found: Inventory = load_inventory(folder_of(ctx.params.get("inventory") or "production"))
    except (ClickException, InventoryError, OSError):
        return []
    return list(found.routers if routers else found.hosts)
