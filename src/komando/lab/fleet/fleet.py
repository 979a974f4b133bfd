"""The fleet that stands: what others need to know of it, from its record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from komando.inventory import Access, Host
from komando.lab.container import access
from komando.lab.fleet.papers import Order
from komando.lab.place import LabError, Place, require_no_city

DEFAULT = "armada"


@dataclass(frozen=True)
class Fleet:
    """One fleet that is up.

    `routers` stand in the order of their addresses. `tree` is the Debian of them all with what the
    roles changed upon it, the upper folder first.
    """

    name: str
    order: Order
    routers: dict[str, Host]
    tree: tuple[Path, ...]

    @property
    def place(self) -> Place:
        """Its names and folders on this machine."""
        return Place(self.name)

    @property
    def access(self) -> Access:
        """How `komando apply` and `verify` reach its hosts."""
        return access(self.place, "deploy")

    @property
    def inventory(self) -> Path:
        """The folder of its own inventory, for `--inventory`."""
        return inventory_of(self.place)

    @property
    def policies(self) -> Path:
        """The folder of its own policies, for `--policies`."""
        return policies_of(self.place)

    def require(self, router: str) -> Host:
        """One of its routers; raises LabError, naming those that there are, for any other."""
        try:
            return self.routers[router]
        except KeyError:
            known = ", ".join(self.routers)
            raise LabError(f"the fleet {self.name!r} has no {router!r}; it has {known}") from None


def inventory_of(place: Place) -> Path:
    """Where a fleet's inventory lies: its folder bears the name of the lab's environment."""
    return place.folder / "inventories" / "lab"


def policies_of(place: Place) -> Path:
    """Where a fleet's policies lie."""
    return place.folder / "policies"


_RECORD = TypeAdapter(Fleet)


def save_fleet(fleet: Fleet) -> None:
    """Write the record, whole or not at all: from now on the fleet counts as standing."""
    record = fleet.place.fleet_record
    new = record.with_suffix(".new")
    new.write_bytes(_RECORD.dump_json(fleet, indent=1))
    new.replace(record)


def is_fleet(name: str) -> bool:
    """Whether a fleet stands under that name; raises LabError where only root can tell."""
    try:
        return Place(name).fleet_record.exists()
    except PermissionError:
        raise LabError("the lab belongs to root: run this as root (sudo)") from None


def load_fleet(name: str = DEFAULT) -> Fleet:
    """The fleet of that name; raises LabError when it is not up."""
    place = Place(name)
    try:
        require_no_city(place)
        return _RECORD.validate_json(place.fleet_record.read_bytes())
    except FileNotFoundError:
        raise LabError(
            f"the fleet {name!r} is not up: `komando lab fleet --name {name} --routers 3`"
        ) from None
    except PermissionError:
        raise LabError("the fleet belongs to root: run this as root (sudo)") from None
    except ValidationError:
        raise LabError(
            f"the fleet {name!r} was built by another version: `komando lab fleet --name {name}`"
            " builds it anew"
        ) from None
