"""The whole policy: the region, its offices and its public points, with where each was written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from komando.diagnostics import Diagnostic, Location
from komando.documents.document import Document, Path
from komando.documents.fields import near_slug
from komando.policy.acknowledgements import Acknowledgement
from komando.policy.people import People
from komando.policy.regions import Region
from komando.policy.sites import Hotspot, Opd
from komando.policy.tree import Kind
from komando.units.misspelt import without_quotes

LARGEST_ID: Final = 15000

Origins = Mapping[tuple[Kind, str], Document]


@dataclass(frozen=True)
class Policy:
    """All policies of one tree, each valid by itself and in the whole.

    `opd`, `hotspots` and `acknowledgements` are keyed by slug, `people` by login, in their order.
    """

    region: Region
    opd: Mapping[str, Opd]
    hotspots: Mapping[str, Hotspot]
    origins: Origins = field(repr=False, compare=False)
    acknowledgements: Mapping[str, Acknowledgement] = field(default_factory=dict)
    people: People = field(default_factory=dict)

    def where(self, kind: Kind, slug: str, *path: str | int) -> Location:
        """The place of a value, as `where("opd", "dinas-kesehatan", "guarantee")`.

        The path has the keys of the YAML. A value that is not written (a default, one direction of
        a pair that is written once) has the place of the nearest part above it. The public's least
        share, `where("region", "", "public", "least", "down")`, has that of the smaller of the two.
        """
        match (kind, *path):
            case ("region", "public", "least", ("down" | "up") as way):
                path = ("public", self.region.public.stating(way), way)
        return self.origins[kind, slug].value(path)


@dataclass
class Draft:
    """What could be read so far: the checks of the whole work on it, whatever else is broken.

    Files with refused values are here with stand-ins for these. `faults` has their paths by file,
    `faulty` their places: no check may judge a stand-in.
    """

    region: Region | None = None
    opd: dict[str, Opd] = field(default_factory=dict)
    hotspots: dict[str, Hotspot] = field(default_factory=dict)
    acknowledgements: dict[str, Acknowledgement] = field(default_factory=dict)
    people: People = field(default_factory=dict)
    origins: dict[tuple[Kind, str], Document] = field(default_factory=dict)
    faults: dict[tuple[Kind, str], list[Path]] = field(default_factory=dict)
    faulty: set[Location] = field(default_factory=set)
    _free: Iterator[int] | None = None

    def sure(self, kind: Kind, slug: str, *path: str | int) -> bool:
        """Whether a value is the written one: neither it nor anything above or in it was refused.

        For findings that rest on a value whose place they do not name.
        """
        faults = self.faults.get((kind, slug), ())
        return not any(fault[: len(path)] == path[: len(fault)] for fault in faults)

    def knows_all(self, part: str, names: Collection[str]) -> bool:
        """Whether a part of the region has these names and no other: none was past mending."""
        faults = self.faults.get(("region", ""), ())
        return all(
            len(fault) > 1 and near_slug(str(fault[1])) in names
            for fault in faults
            if fault[0] == part
        )

    def doubts(self, one: Diagnostic) -> bool:
        """Whether a finding names the place of a value that is only a stand-in."""
        places = (one.location, *(two.location for two in one.related))
        return not one.whole and not self.faulty.isdisjoint(places)

    def where(self, kind: Kind, slug: str, *path: str | int) -> Location:
        """As `Policy.where`, of what is written alone."""
        return self.origins[kind, slug].value(path)

    def key(self, kind: Kind, slug: str, *path: str | int) -> Location:
        """The place of the key that ends a path."""
        return self.origins[kind, slug].key(path)

    def free_id(self) -> int | None:
        """A number above those that are taken, at each call the next; None when none is left.

        Numbers at the very end are passed over: one slip of the keyboard would use up the rest.
        """
        if self._free is None:
            taken = self._taken_ids()
            top = LARGEST_ID
            while top in taken:
                top -= 1
            highest = max((one for one in taken if one <= top), default=0)
            self._free = iter(range(highest + 1, top + 1))
        return next(self._free, None)

    def _taken_ids(self) -> set[int]:
        taken: set[int] = set()
        for kind, site in self.sites():
            if (kind, site.slug) not in self.faults or self.sure(kind, site.slug, "id"):
                taken.add(site.id)
            else:
                meant = without_quotes(self.origins[kind, site.slug].at(("id",)))
                taken.add(meant or 0)
        return taken

    def sites(self) -> Iterator[tuple[Kind, Opd | Hotspot]]:
        """Offices, then public points."""
        for opd in self.opd.values():
            yield "opd", opd
        for hotspot in self.hotspots.values():
            yield "hotspots", hotspot
