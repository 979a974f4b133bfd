"""The city that stands: what others need to know of it, from its record."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from pydantic import TypeAdapter, ValidationError

from komando.inventory import Access, Host
from komando.lab.container import access
from komando.lab.place import DEFAULT, LabError, Place, require_no_fleet
from komando.lab.topology import INTERNET, Endpoint, Topology
from komando.units import Pair

_NAMESPACES = {"controller": "ctl"}


@dataclass(frozen=True)
class City:
    """One lab that is up.

    Rates are the lab's own: the policy's divided by `divisor`. `capacity` is what the ISP carries,
    `usable` what the shaper shares out of it. `others` are the machines beside the router.
    `prepared` is the digest of the roles that all of them were prepared by, empty where they are
    bare.
    """

    name: str
    region: str
    zone: str
    router: Host
    divisor: int
    capacity: Pair
    usable: Pair
    topology: Topology
    prepared: str
    others: tuple[Host, ...] = ()
    internet_v4: str = INTERNET[0].partition("/")[0]
    internet_v6: str = INTERNET[1].partition("/")[0]

    @property
    def place(self) -> Place:
        """Its names and folders on this machine."""
        return Place(self.name)

    @property
    def access(self) -> Access:
        """How `komando apply` and `verify` reach its hosts."""
        return access(self.place, self.router.user)

    @property
    def machines(self) -> dict[str, Host]:
        """Every machine that stands, by name, the router first."""
        return {host.name: host for host in (self.router, *self.others)}

    def part_of(self, machine: str) -> str:
        """The part of the city that a machine is."""
        return "router" if machine == self.router.name else machine

    @property
    def endpoints(self) -> dict[str, Endpoint]:
        """The offices and public points, by slug."""
        return {slug: site.endpoint for slug, site in self.topology.sites.items()}

    @property
    def parts(self) -> list[str]:
        """Every answer to WHERE: the shared parts, then the offices and public points."""
        shared = (part.name for part in self.topology.parts)
        return [*("controller" if one == "ctl" else one for one in shared), *self.endpoints]

    def netns(self, where: str) -> str:
        """The namespace of a part; raises LabError, naming what may be meant, for anything else."""
        if where not in self.parts:
            near = get_close_matches(where, self.parts, n=3) or self.parts
            raise LabError(f"the lab has no {where!r}; it has {', '.join(near)}")
        return self.place.namespace(_NAMESPACES.get(where, where))


_RECORD = TypeAdapter(City)


def save_city(city: City) -> None:
    """Write the record, whole or not at all: from now on the city counts as standing."""
    new = city.place.record.with_suffix(".new")
    new.write_bytes(_RECORD.dump_json(city, indent=1))
    new.replace(city.place.record)


def load_city(name: str = DEFAULT) -> City:
    """The city of that name; raises LabError when it is not up."""
    place = Place(name)
    try:
        require_no_fleet(place)
        return _RECORD.validate_json(place.record.read_bytes())
    except FileNotFoundError:
        option = "" if name == DEFAULT else f" --name {name}"
        raise LabError(f"the lab {name!r} is not up: `komando lab up{option}`") from None
    except PermissionError:
        raise LabError("the lab belongs to root: run this as root (sudo)") from None
    except ValidationError:
        raise LabError(
            f"the lab {name!r} was built by another version: `komando lab up` builds it anew"
        ) from None
