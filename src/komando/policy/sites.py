"""What the file of an office or a public point may say: frozen models that refuse unknown keys.

Attributes have the names of the YAML keys, but for `from` and `until`, which are `start` and `end`.
Each field carries the description and the example that messages and `komando schema` show.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from komando.documents.addresses import AddressField, NetworkField
from komando.documents.fields import Day, Line, Prose, Reason, Slug
from komando.policy.frozen import FrozenModel, many, none_yet
from komando.units import Pair


class Request(FrozenModel):
    """The letter that asks for something."""

    letter: Line = Field(description="The letter's number.", examples=["000/123/DINKES/2026"])
    date: Day = Field(description="The letter's date.", examples=["2026-01-12"])


_LETTER = {"letter": "000/123/DINKES/2026", "date": "2026-01-12"}


class Link(FrozenModel):
    """The last mile: the office's own router in a segment, and how much reaches it."""

    segment: Slug = Field(
        description="The segment that it hangs on.", examples=["metro", "kecamatan"]
    )
    capacity: Pair = Field(description="What the last mile carries.", examples=["100 Mbit/s"])
    gateways: tuple[AddressField, ...] = many(
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


class OfficeException(FrozenModel):
    """Another guarantee or more hours for some whole days, which expires by itself."""

    start: Day = Field(alias="from", description="The first day.", examples=["2026-12-01"])
    end: Day = Field(alias="until", description="The last day.", examples=["2026-12-12"])
    guarantee: Pair | None = Field(
        default=None, description="The guarantee of these days.", examples=["40 Mbit/s"]
    )
    calendar: Slug | None = Field(
        default=None,
        description="A calendar whose hours hold on these days, beside the office's own.",
        examples=["around-the-clock"],
    )
    reason: Prose = Field(
        description="Why.", examples=["Examinations on computers in all schools."]
    )
    request: Request | None = Field(
        default=None, description="The letter that asks for it.", examples=[_LETTER]
    )


class _Site(FrozenModel):
    slug: str = Field(description="The file's name without .yaml.")
    id: Identity
    name: Line = Field(description="The full name.", examples=["Dinas Kesehatan"])
    networks: tuple[NetworkField, ...] = many(
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
        examples=["working-week", "six-days", "around-the-clock"],
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
    request: Request | None = Field(
        default=None, description="The letter that asks for it.", examples=[_LETTER]
    )
    exceptions: tuple[OfficeException, ...] = none_yet(
        "Other terms for some days.",
        {
            "from": "2026-12-01",
            "until": "2026-12-12",
            "guarantee": "40 Mbit/s",
            "reason": "Examinations on computers in all schools.",
        },
    )


class Hotspot(_Site):
    """A public point: its part of what the offices leave."""

    share: int = Field(
        ge=1, le=100, description="Parts of the public's pool, 1 to 100.", examples=[3]
    )
