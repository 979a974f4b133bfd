"""What a policy file may say: frozen models that refuse unknown keys.

Attributes have the names of the YAML keys, but for `from` and `until`, which are `start` and `end`.
Each field carries the description and the example that messages and `komando schema` show.
"""

from __future__ import annotations

from datetime import date
from ipaddress import IPv4Address
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from komando.policy.fields import (
    Address,
    Address4Field,
    AddressField,
    Day,
    Interface,
    InterfaceField,
    Line,
    Network,
    NetworkField,
    Prose,
    Reason,
    Slug,
    Zone,
)
from komando.policy.week import Week
from komando.units import Direction, Pair, PercentPair, Price, Rate, Window


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _many(description: str, *examples: str) -> Any:
    """A list in the file, a tuple in the model; strict mode would refuse the list."""
    return Field(strict=False, min_length=1, description=description, examples=[list(examples)])


def _none_yet(description: str) -> Any:
    return Field(default=(), strict=False, description=description)


class Request(_Model):
    """The letter that asks for something."""

    letter: Line = Field(description="The letter's number.", examples=["000/123/DINKES/2026"])
    date: Day = Field(description="The letter's date.", examples=["2026-01-12"])


class Link(_Model):
    """The last mile: the office's own router in a segment, and how much reaches it."""

    segment: Slug = Field(description="The segment that it hangs on.", examples=["metro"])
    capacity: Pair = Field(description="What the last mile carries.", examples=["100 Mbit/s"])
    gateways: tuple[AddressField, ...] = _many(
        "The office's router in the segment: one IPv4 and, with IPv6 networks, one IPv6 address.",
        "172.20.1.5",
        "2001:db8:f000::1:5",
    )


Identity = Annotated[
    int,
    Field(
        ge=1,
        le=15000,
        description="Permanent number, 1 to 15000, never given to another.",
        examples=[5],
    ),
]


class OfficeException(_Model):
    """Another guarantee or other hours for some whole days, which expires by itself."""

    start: Day = Field(alias="from", description="The first day.", examples=["2026-12-01"])
    end: Day = Field(alias="until", description="The last day.", examples=["2026-12-12"])
    guarantee: Pair | None = Field(
        default=None, description="The guarantee of these days.", examples=["40 Mbit/s"]
    )
    calendar: Slug | None = Field(
        default=None,
        description="The calendar whose hours hold on these days.",
        examples=["around-the-clock"],
    )
    reason: Prose = Field(
        description="Why.", examples=["Examinations on computers in all schools."]
    )
    request: Request | None = Field(default=None, description="The letter that asks for it.")


class _Site(_Model):
    slug: str = Field(description="The file's name without .yaml.")
    id: Identity
    name: Line = Field(description="The full name.", examples=["Dinas Kesehatan"])
    networks: tuple[NetworkField, ...] = _many(
        "Networks behind the office's router, as the core router sees them.",
        "10.20.5.0/24",
        "2001:db8:1005::/48",
    )
    link: Link = Field(
        description="The last mile.",
        examples=[{"segment": "metro", "capacity": "100 Mbit/s", "gateways": ["172.20.1.5"]}],
    )
    justification: Reason = Field(
        description="Why it gets this much, for a reader who was not there.",
        examples=["Forty people, records kept online and meetings every day."],
    )


def _link_capacity(data: dict[str, Any]) -> Pair:
    """Called only when all other fields are valid."""
    link: Link = data["link"]
    return link.capacity


class Opd(_Site):
    """An office (organisasi perangkat daerah) and the bandwidth that it is promised."""

    calendar: Slug = Field(
        description="The calendar of its working hours, which is also its pool.",
        examples=["working-week"],
    )
    guarantee: Pair = Field(
        description="What it gets in its hours whatever the others do.", examples=["20 Mbit/s"]
    )
    floor: Pair = Field(
        description="What it gets at all hours; at most the guarantee.", examples=["2 Mbit/s"]
    )
    ceiling: Pair = Field(
        default_factory=_link_capacity,
        description="The most that it may take; by default what its link carries.",
        examples=["80 Mbit/s"],
    )
    mode: Literal["observe", "enforce"] = Field(
        default="enforce",
        description="observe: counted but never held back; enforce: shaped.",
        examples=["enforce"],
    )
    request: Request | None = Field(default=None, description="The letter that asks for it.")
    exceptions: tuple[OfficeException, ...] = _none_yet("Other terms for some days.")


class Hotspot(_Site):
    """A public point: its part of what the offices leave."""

    share: int = Field(
        ge=1, le=100, description="Parts of the public's pool, 1 to 100.", examples=[3]
    )


class Days(_Model):
    """Days from one to another, both included."""

    start: Day = Field(alias="from", description="The first day.", examples=["2026-01-01"])
    end: Day = Field(alias="until", description="The last day.", examples=["2027-12-31"])

    def __contains__(self, day: date) -> bool:
        return self.start <= day <= self.end


class Nat(_Model):
    """The addresses that the offices and the public show to the internet."""

    offices: Address4Field = Field(
        description="Source address of the offices.", examples=["203.0.113.10"]
    )
    public: Address4Field = Field(
        description="Source address of the public's hotspots.", examples=["203.0.113.11"]
    )


class Uplink(_Model):
    """A line to the internet, what it costs, and how much of it may be used."""

    router: Slug = Field(description="The router that it ends on.", examples=["core-1"])
    addresses: tuple[InterfaceField, ...] = _many(
        "The router's own addresses on the uplink.", "198.51.100.2/30"
    )
    gateways: tuple[AddressField, ...] = _many(
        "The provider's router: one IPv4 and, with IPv6, one IPv6 address.", "198.51.100.1"
    )
    nat: Nat = Field(
        description="Source addresses, routed to us by the provider.",
        examples=[{"offices": "203.0.113.10", "public": "203.0.113.11"}],
    )
    capacity: Pair = Field(description="What the contract says.", examples=["1 Gbit/s"])
    usable: PercentPair = Field(
        description="The part of it that may be filled, so that queues build here.",
        examples=[{"down": "90 %", "up": "95 %"}],
    )
    price: Price = Field(description="What it costs.", examples=["95000000 IDR/month"])
    control: Pair = Field(
        description="Guaranteed to the router's own traffic.", examples=["2 Mbit/s"]
    )
    unmatched: Pair = Field(
        description="The most for traffic of no known office.", examples=["1 Mbit/s"]
    )

    def link(self, direction: Direction) -> Rate:
        """What may be filled in one direction: the capacity times the usable share."""
        return self.usable.of(direction).share_of(self.capacity.of(direction))


class Segment(_Model):
    """A last-mile network: one LAN interface of a router, on which offices' routers stand."""

    router: Slug = Field(description="The router that serves it.", examples=["core-1"])
    description: Prose = Field(description="What it is.", examples=["Fibre ring of the offices"])
    addresses: tuple[InterfaceField, ...] = _many(
        "The router's own addresses in it.", "172.20.0.1/22", "2001:db8:f000::1/64"
    )


class AddedHoliday(_Model):
    """A day off that the library does not know."""

    date: Day = Field(description="The day.", examples=["2026-12-24"])
    name: Line = Field(description="What it is.", examples=["Cuti bersama Natal"])


class RemovedHoliday(_Model):
    """A day that the library calls a holiday and that is worked here."""

    date: Day = Field(description="The day.", examples=["2026-12-24"])
    reason: Prose = Field(
        description="Why it is worked.", examples=["The joint decree was withdrawn."]
    )


class Holidays(_Model):
    """Holidays by the `holidays` library, and the office's own corrections."""

    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = Field(
        description="ISO 3166 country code.", examples=["ID"]
    )
    categories: tuple[Slug, ...] = _many("Categories of the library.", "public", "government")
    add: tuple[AddedHoliday, ...] = _none_yet("Days off beside the library's.")
    remove: tuple[RemovedHoliday, ...] = _none_yet("The library's days that are worked.")


class Calendar(_Model):
    """Hours in which guarantees hold: windows by weekday, or always."""

    description: Prose = Field(description="Whose hours these are.", examples=["Five days a week"])
    windows: Week = Field(
        default_factory=dict,
        description="Hours by weekday; a day that is not named is closed.",
        examples=[{"mon-thu": ["07:00-15:30"], "fri": ["07:00-14:30"]}],
    )
    always: bool = Field(
        default=False, description="Round the clock, in place of windows.", examples=[True]
    )
    holidays: Literal["closed", "open"] = Field(
        default="closed", description="Whether holidays close it.", examples=["closed"]
    )


class Period(_Model):
    """Days on which calendars have other hours, as in Ramadan."""

    name: Line = Field(description="What it is.", examples=["Ramadan 2026"])
    start: Day = Field(alias="from", description="The first day.", examples=["2026-02-18"])
    end: Day = Field(alias="until", description="The last day.", examples=["2026-03-19"])
    windows: dict[Slug, Week] = Field(
        description="By calendar, the hours of these days.",
        examples=[{"working-week": {"mon-thu": ["08:00-15:00"]}}],
    )


class Pool(_Model):
    """What the offices of one calendar share."""

    slot: int = Field(ge=0, le=3, description="Permanent number of the pool, 0 to 3.", examples=[0])
    closed: Pair | None = Field(
        default=None,
        description="The pool's size out of hours; not for calendars that are always open.",
        examples=["120 Mbit/s"],
    )
    budget: Pair | None = Field(
        default=None,
        description="The most that the guarantees of its offices may sum to.",
        examples=["600 Mbit/s"],
    )


class PublicShare(_Model):
    """The least that is left for the public."""

    in_hours: Pair = Field(
        description="While any calendar that is not always open is open.",
        examples=["60 Mbit/s"],
    )
    out_of_hours: Pair = Field(description="At all other times.", examples=["400 Mbit/s"])


class Region(_Model):
    """What all offices share: uplinks, segments, hours, pools and the public's part."""

    name: Line = Field(description="The region.", examples=["Kabupaten Kotawaringin Timur"])
    zone: Zone = Field(description="The time zone of all hours.", examples=["Asia/Pontianak"])
    covers: Days = Field(
        description="The days for which calendars are complete.",
        examples=[{"from": "2026-01-01", "until": "2027-12-31"}],
    )
    uplinks: dict[Slug, Uplink] = Field(min_length=1, description="Lines to the internet, by name.")
    segments: dict[Slug, Segment] = Field(min_length=1, description="Last-mile networks, by name.")
    holidays: Holidays = Field(
        description="Which days are holidays.",
        examples=[{"country": "ID", "categories": ["public", "government"]}],
    )
    calendars: dict[Slug, Calendar] = Field(min_length=1, description="Hours, by name.")
    periods: tuple[Period, ...] = _none_yet("Days with other hours.")
    pools: dict[Slug, Pool] = Field(min_length=1, description="Pools, by their calendar's name.")
    public: PublicShare = Field(
        description="The least that is left for the public.",
        examples=[{"in_hours": "60 Mbit/s", "out_of_hours": "400 Mbit/s"}],
    )


__all__ = [
    "AddedHoliday",
    "Address",
    "Calendar",
    "Days",
    "Holidays",
    "Hotspot",
    "IPv4Address",
    "Interface",
    "Link",
    "Nat",
    "Network",
    "OfficeException",
    "Opd",
    "Period",
    "Pool",
    "PublicShare",
    "Region",
    "RemovedHoliday",
    "Request",
    "Segment",
    "Uplink",
    "Window",
    "ZoneInfo",
]
