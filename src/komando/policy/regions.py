"""What `region.yaml` may say: frozen models that refuse unknown keys.

Attributes have the names of the YAML keys, but for `from` and `until`, which are `start` and `end`.
Each field carries the description and the example that messages and `komando schema` show.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from komando.documents.addresses import Address4Field, AddressField, InterfaceField
from komando.documents.fields import Day, Line, Prose, Slug, Zone
from komando.policy.frozen import FrozenModel, many, none_yet
from komando.policy.limits import Limits
from komando.policy.week import Week
from komando.units import DIRECTIONS, Direction, Pair, PercentPair, Price, Rate


class Days(FrozenModel):
    """Days from one to another, both included."""

    start: Day = Field(alias="from", description="The first day.", examples=["2026-01-01"])
    end: Day = Field(alias="until", description="The last day.", examples=["2027-12-31"])

    def __contains__(self, day: date) -> bool:
        return self.start <= day <= self.end


class Nat(FrozenModel):
    """The addresses that the offices and the public show to the internet."""

    offices: Address4Field = Field(
        description="Source address of the offices.", examples=["203.0.113.10"]
    )
    public: Address4Field = Field(
        description="Source address of the public's hotspots.", examples=["203.0.113.11"]
    )


class Uplink(FrozenModel):
    """A line to the internet, what it costs, and how much of it may be used."""

    router: Slug = Field(description="The router that it ends on.", examples=["core-1"])
    addresses: tuple[InterfaceField, ...] = many(
        "The router's own addresses on the uplink.", "198.51.100.2/30"
    )
    gateways: tuple[AddressField, ...] = many(
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


class Segment(FrozenModel):
    """A last-mile network: one LAN interface of a router, on which offices' routers stand."""

    router: Slug = Field(description="The router that serves it.", examples=["core-1"])
    description: Prose = Field(description="What it is.", examples=["Fibre ring of the offices"])
    addresses: tuple[InterfaceField, ...] = many(
        "The router's own addresses in it.", "172.20.0.1/22", "2001:db8:f000::1/64"
    )


class AddedHoliday(FrozenModel):
    """A day off that the library does not know."""

    date: Day = Field(description="The day.", examples=["2026-12-24"])
    name: Line = Field(description="What it is.", examples=["Cuti bersama Natal"])


class RemovedHoliday(FrozenModel):
    """A day that the library calls a holiday and that is worked here."""

    date: Day = Field(description="The day.", examples=["2026-12-24"])
    reason: Prose = Field(
        description="Why it is worked.", examples=["The joint decree was withdrawn."]
    )


class Holidays(FrozenModel):
    """Holidays by the `holidays` library, and the office's own corrections."""

    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = Field(
        description="ISO 3166 country code.", examples=["ID"]
    )
    categories: tuple[Slug, ...] = many("Categories of the library.", "public", "government")
    add: tuple[AddedHoliday, ...] = none_yet(
        "Days off beside the library's.", {"date": "2026-12-24", "name": "Cuti bersama Natal"}
    )
    remove: tuple[RemovedHoliday, ...] = none_yet(
        "The library's days that are worked.",
        {"date": "2026-12-24", "reason": "The joint decree was withdrawn."},
    )


class Calendar(FrozenModel):
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


class Period(FrozenModel):
    """Days on which calendars have other hours, as in Ramadan."""

    name: Line = Field(description="What it is.", examples=["Ramadan 2026"])
    start: Day = Field(alias="from", description="The first day.", examples=["2026-02-18"])
    end: Day = Field(alias="until", description="The last day.", examples=["2026-03-19"])
    windows: dict[Slug, Week] = Field(
        description="By calendar, the hours of these days.",
        examples=[{"working-week": {"mon-thu": ["08:00-15:00"]}}],
    )


class Pool(FrozenModel):
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


class PublicShare(FrozenModel):
    """The least that is left for the public."""

    in_hours: Pair = Field(
        description="While any calendar that is not always open is open.",
        examples=["60 Mbit/s"],
    )
    out_of_hours: Pair = Field(description="At all other times.", examples=["400 Mbit/s"])

    @property
    def least(self) -> Pair:
        """What is left at all hours: the smaller of the two in each direction."""
        return Pair(*(getattr(self, self.stating(way)).of(way) for way in DIRECTIONS))

    def stating(self, way: Direction) -> Literal["in_hours", "out_of_hours"]:
        """The key that states the least of a direction."""
        closed_is_less = self.out_of_hours.of(way) < self.in_hours.of(way)
        return "out_of_hours" if closed_is_less else "in_hours"


class Region(FrozenModel):
    """What all offices share: uplinks, segments, hours, pools and the public's part."""

    name: Line = Field(description="The region.", examples=["Kabupaten Kotawaringin Timur"])
    zone: Zone = Field(
        description="The time zone of all hours.",
        examples=["Asia/Pontianak", "Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"],
    )
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
    periods: tuple[Period, ...] = none_yet(
        "Days with other hours.",
        {
            "name": "Ramadan 2026",
            "from": "2026-02-18",
            "until": "2026-03-19",
            "windows": {"working-week": {"mon-thu": ["08:00-15:00"]}},
        },
    )
    pools: dict[Slug, Pool] = Field(min_length=1, description="Pools, by their calendar's name.")
    public: PublicShare = Field(
        description="The least that is left for the public.",
        examples=[{"in_hours": "60 Mbit/s", "out_of_hours": "400 Mbit/s"}],
    )
    limits: Limits = Field(
        default_factory=Limits,
        description="How much one change may cut before somebody has to acknowledge it.",
        examples=[{"removed": {"share": "5 %", "count": 2}}],
    )
