"""What each office, point and pool sends, waits for and loses: the metrics of the classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .counters import lost
from .frozen import Frozen
from .sites import CONTROL, ROOT, UNMATCHED, Region
from .textfile import Sample, family, labels
from .typed import TYPE_CHECKING

if TYPE_CHECKING:
    from .counters import Counter

BYTE = 8
"""Prometheus counts in bytes, also where networks count in bits (prometheus.io: naming): so what
was sent, over what is promised, is a share without a factor. The policy's bit/s are eight times
that."""


class Way(Frozen):
    """One direction: its classes by id, and what the queue of each has dropped."""

    direction: str
    classes: Mapping[str, Counter]
    drops: Mapping[str, int]

    def dropped(self, class_id: str) -> int:
        """Packets that a class lost."""
        return lost(class_id, self.classes, self.drops)


_Seen = list[tuple[str, "Way", str]]
"""Labels; the direction and the class that they are of."""


def sites(region: Region, ways: Sequence[Way]) -> Iterator[str]:
    """What each office and point is promised, may use, and has."""
    yield family(
        "komando_site_info",
        "gauge",
        "An office or a public point; mode observe is counted and never held back. Always 1.",
        [
            (
                labels(
                    slug=one.slug,
                    kind=one.kind,
                    name=one.name,
                    pool=one.pool,
                    mode=one.mode,
                    **{"class": one.class_id},
                ),
                1,
            )
            for one in region.sites
        ],
    )
    promised: list[Sample] = []
    seen: _Seen = []
    for one in region.sites:
        for way in ways:
            where = labels(slug=one.slug, kind=one.kind, direction=way.direction)
            if one.promise:
                promised.append((where, one.promise[way.direction] / BYTE))
            if one.class_id in way.classes:
                seen.append((where, way, one.class_id))
    yield family(
        "komando_site_guarantee_bytes_per_second",
        "gauge",
        "What it gets at this hour when everyone wants more than there is.",
        promised,
    )
    yield family(
        "komando_site_ceiling_bytes_per_second",
        "gauge",
        "What it may use at most when others leave something over.",
        [(where, way.classes[one].ceiling / BYTE) for where, way, one in seen],
    )
    yield from _counted("komando_site", "of the office or point", seen)


def _counted(name: str, whose: str, seen: _Seen) -> Iterator[str]:
    counted = [(where, way.classes[one], way.dropped(one)) for where, way, one in seen]
    yield family(
        f"{name}_sent_bytes_total",
        "counter",
        f"Bytes of Ethernet frames sent {whose}.",
        [(where, one.sent) for where, one, _ in counted],
    )
    yield family(
        f"{name}_sent_packets_total",
        "counter",
        f"Packets sent {whose}.",
        [(where, one.packets) for where, one, _ in counted],
    )
    yield family(
        f"{name}_dropped_packets_total",
        "counter",
        f"Packets {whose} that the queue dropped.",
        [(where, dropped) for where, _, dropped in counted],
    )
    yield family(
        f"{name}_backlog_bytes",
        "gauge",
        f"Bytes {whose} that wait in the queue now.",
        [(where, one.backlog) for where, one, _ in counted],
    )


def pools(region: Region, ways: Sequence[Way]) -> Iterator[str]:
    """The size of each pool, and what its members sent together."""
    sizes: list[Sample] = []
    sent: list[Sample] = []
    for one in region.pools:
        for way in ways:
            where = labels(pool=one.slug, direction=way.direction)
            if one.size:
                sizes.append((where, one.size[way.direction] / BYTE))
            if one.class_id in way.classes:
                sent.append((where, way.classes[one.class_id].sent))
    yield family(
        "komando_pool_guarantee_bytes_per_second",
        "gauge",
        "The size of the pool at this hour: what its members share before they borrow.",
        sizes,
    )
    yield family(
        "komando_pool_sent_bytes_total",
        "counter",
        "Bytes of Ethernet frames sent by all members of the pool.",
        sent,
    )


def around(ways: Sequence[Way]) -> Iterator[str]:
    """What stands beside offices and points: traffic of nobody, the router's own, and the sum."""

    def of(class_id: str) -> _Seen:
        seen = [way for way in ways if class_id in way.classes]
        return [(labels(direction=way.direction), way, class_id) for way in seen]

    whole = [(where, way.classes[one]) for where, way, one in of(ROOT)]

    yield from _counted(
        "komando_unmatched", "of traffic that belongs to no office and no point", of(UNMATCHED)
    )
    yield from _counted("komando_control", "of the router's own needs", of(CONTROL))
    yield family(
        "komando_uplink_usable_bytes_per_second",
        "gauge",
        "The part of the uplink that is shared out.",
        [(where, one.ceiling / BYTE) for where, one in whole],
    )
    yield family(
        "komando_uplink_sent_bytes_total",
        "counter",
        "Bytes of Ethernet frames sent by all classes.",
        [(where, one.sent) for where, one in whole],
    )
