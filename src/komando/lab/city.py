"""The city that stands: what others need to know of it, from its record."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass

from komando.inventory import Access, Host
from komando.lab.place import DEFAULT, LabError, Place
from komando.lab.router import access
from komando.lab.topology import Endpoint
from komando.units import Pair, Rate

_WHERE = {"controller": "ctl"}


@dataclass(frozen=True)
class City:
    """One lab that is up.

    Rates are the lab's own: the policy's divided by `divisor`. `usable` is what the shaper shares
    out on the uplink, `endpoints` maps slugs to the offices and public points, and `internet_v4`
    and `internet_v6` are the addresses that their clients talk to.
    """

    name: str
    router: Host
    divisor: int
    usable: Pair
    internet_v4: str
    internet_v6: str
    segments: tuple[str, ...]
    endpoints: dict[str, Endpoint]

    @property
    def place(self) -> Place:
        """Its names and folders on this machine."""
        return Place(self.name)

    @property
    def access(self) -> Access:
        """How `komando apply` and `verify` reach its hosts."""
        return access(self.place, self.router.user)

    @property
    def parts(self) -> list[str]:
        """Every answer to WHERE."""
        switches = [f"switch-{segment}" for segment in self.segments]
        return ["router", "controller", "internet", "isp", *switches, *self.endpoints]

    def netns(self, where: str) -> str:
        """The namespace of a part; raises LabError, naming the parts, for anything else."""
        if where not in self.parts:
            raise LabError(f"the lab has no {where!r}; it has {', '.join(self.parts)}")
        return self.place.namespace(_WHERE.get(where, where))


def save_city(city: City) -> None:
    """Write the record, whole or not at all: from now on the city counts as standing."""
    rates = {"down": city.usable.down.bits, "up": city.usable.up.bits}
    text = json.dumps(asdict(city) | {"usable": rates}, indent=1)
    new = city.place.record.with_suffix(".new")
    new.write_text(text)
    os.replace(new, city.place.record)


def load_city(name: str = DEFAULT) -> City:
    """The city of that name; raises LabError when it is not up."""
    place = Place(name)
    try:
        read = json.loads(place.record.read_text())
    except FileNotFoundError:
        option = "" if name == DEFAULT else f" --name {name}"
        raise LabError(f"the lab {name!r} is not up: `komando lab up{option}`") from None
    except PermissionError:
        raise LabError("the lab belongs to root: run this as root (sudo)") from None
    usable = Pair(down=Rate(read["usable"]["down"]), up=Rate(read["usable"]["up"]))
    endpoints = {slug: Endpoint(**one) for slug, one in read["endpoints"].items()}
    return City(
        **read
        | {
            "router": Host(**read["router"]),
            "usable": usable,
            "segments": tuple(read["segments"]),
            "endpoints": endpoints,
        }
    )
