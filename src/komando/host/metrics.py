"""What Prometheus is told each minute of this host; docs/metrics.md explains each metric.

All of it was read by the run that looked at the hours. Nothing in here touches the kernel but the
question whether the cables are in.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime

from .calendar import read_clock
from .carrier import carriers
from .errors import HostError
from .frozen import Frozen
from .mended import Mended
from .record import AT_THE_CONSOLE, CHANGES, Entry
from .sites import CONTROL, DIRECTIONS, ROOT, UNMATCHED, Region, region_of
from .textfile import FILES, Sample, family, labels, lay
from .typed import TYPE_CHECKING

if TYPE_CHECKING:
    from .configuration import Configuration
    from .counters import Counter
    from .echoes import Echoes
    from .standing import Standing

BYTE = 8
"""Prometheus counts in bytes, also where networks count in bits (prometheus.io: naming): so what
was sent, over what is promised, is a share without a factor. The policy's bit/s are eight times
that."""


class Look(Frozen):
    """What a run knows at its end; `agrees`: it found the kernel as it should be, or left it so.

    `found` are the counters of both trees. Without a configuration nothing is in force, or what is
    cannot be read.
    """

    configuration: Configuration | None = None
    found: tuple[Mapping[str, Counter], Mapping[str, Counter]] = ({}, {})
    agrees: bool = False


def tell(standing: Standing, look: Look) -> None:
    """Writes it where the exporter looks, if there is an exporter; nothing is ever raised."""
    if standing.paths.textfiles.is_dir():
        with suppress(HostError, OSError, ValueError, TypeError):
            lay(standing.paths, FILES[0], text_of(standing, look))


def tell_echoes(standing: Standing, device: str, echoes: Echoes) -> None:
    """As `tell`, of the provider's queue: a file of its own, as it is known a moment later."""
    lay(standing.paths, FILES[1], "".join(_uplink(device, echoes)))


def text_of(standing: Standing, look: Look) -> str:
    """All that is told of the host."""
    applied, digest = standing.records.applied(), standing.in_force()
    profile = applied.profile if applied and applied.generation == digest else None
    parts = [*_state(standing, look, digest)]
    if look.configuration:
        region = region_of(look.configuration.intent, profile)
        with suppress(HostError):  # a clock that cannot be read
            now = read_clock(standing.paths.clock).now()
            parts += _hours(look.configuration, profile, now)
        parts += _links(look.configuration)
        parts += _sites(region, look.found)
        parts += _pools(region, look.found)
        parts += _around(look.found)
    return "".join(parts)


# --- the host ----------------------------------------------------------------------------------


def _state(standing: Standing, look: Look, digest: str | None) -> Iterator[str]:
    yield family(
        "komando_written_timestamp_seconds",
        "gauge",
        "When the host program last wrote these metrics; it does each minute.",
        round(time.time(), 3),
    )
    yield family(
        "komando_generation_info",
        "gauge",
        "The generation in force, by its digest; always 1.",
        [(labels(generation=digest), 1)] if digest else [],
    )
    yield family(
        "komando_kernel_agrees",
        "gauge",
        "1 if the kernel stood as the generation says; 0 if something was mended, is away or "
        "failed, or while bypass is on.",
        int(look.agrees),
    )
    yield family(
        "komando_mended_total",
        "counter",
        "Runs that put right what somebody else had changed.",
        Mended(standing.paths.mended).total(),
    )
    yield family(
        "komando_change_pending",
        "gauge",
        "1 while a change waits for its confirmation, or is being taken back.",
        int(bool(standing.windows.pending() or standing.windows.reverting())),
    )
    yield family(
        "komando_bypass",
        "gauge",
        "1 while a person at the console has taken the policy out of the traffic's way.",
        int(standing.bypass.since() is not None),
    )
    yield family(
        "komando_clock_rehearsed",
        "gauge",
        "1 while the host lives at another moment than now.",
        int(standing.paths.clock.exists()),
    )
    yield from _last_change(_last(standing))


def _last(standing: Standing) -> Entry | None:
    last = standing.record.last()
    return standing.record.last(CHANGES) if last and last.event in AT_THE_CONSOLE else last


def _last_change(last: Entry | None) -> Iterator[str]:
    if last is None:
        return
    yield family(
        "komando_last_change_timestamp_seconds",
        "gauge",
        "When the last change of the generation was made, confirmed or taken back.",
        datetime.fromisoformat(last.time).timestamp(),
    )
    yield family(
        "komando_last_change_result",
        "gauge",
        "What became of it: 1 for one of the results.",
        [(labels(result=one), int(one == last.event)) for one in CHANGES],
    )


def _hours(configuration: Configuration, profile: str | None, now: datetime) -> Iterator[str]:
    yield family(
        "komando_profile_info",
        "gauge",
        "The profile in force; always 1.",
        [(labels(profile=profile), 1)] if profile else [],
    )
    yield family(
        "komando_profile_due_info",
        "gauge",
        "The profile that the calendar wants at this moment; always 1.",
        [(labels(profile=configuration.calendar.at(now)), 1)],
    )
    yield family(
        "komando_calendar_end_timestamp_seconds",
        "gauge",
        "Until when hours are known; from then on the last profile stays.",
        configuration.calendar.until.timestamp(),
    )


def _links(configuration: Configuration) -> Iterator[str]:
    yield family(
        "komando_interface_carrier",
        "gauge",
        "1 if the interface carries frames; 0 if its cable is out, it is down, or away.",
        [
            (labels(interface=device, role=role), int(runs))
            for device, runs in carriers(configuration.interfaces).items()
            for role in ["uplink" if device == configuration.uplink else "lan"]
        ],
    )


# --- the classes -------------------------------------------------------------------------------

_Found = tuple[Mapping[str, "Counter"], Mapping[str, "Counter"]]


def _sites(region: Region, found: _Found) -> Iterator[str]:
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
    seen: list[tuple[str, Counter]] = []
    for one in region.sites:
        for way, tree in zip(DIRECTIONS, found, strict=True):
            where = labels(slug=one.slug, kind=one.kind, direction=way)
            if one.promise:
                promised.append((where, one.promise[way] / BYTE))
            if counter := tree.get(one.class_id):
                seen.append((where, counter))
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
        [(where, one.ceiling / BYTE) for where, one in seen],
    )
    yield from _counted("komando_site", "of the office or point", seen)


def _counted(name: str, whose: str, seen: list[tuple[str, Counter]]) -> Iterator[str]:
    for what, kind, words, value in (
        ("sent_bytes_total", "counter", "Bytes of Ethernet frames sent", "sent"),
        ("sent_packets_total", "counter", "Packets sent", "packets"),
        ("dropped_packets_total", "counter", "Packets dropped by the queue", "dropped"),
        ("backlog_bytes", "gauge", "Bytes that wait in the queue", "backlog"),
    ):
        samples = [(where, vars(one)[value]) for where, one in seen]
        yield family(f"{name}_{what}", kind, f"{words} {whose}.", samples)


def _pools(region: Region, found: _Found) -> Iterator[str]:
    sizes: list[Sample] = []
    sent: list[Sample] = []
    for one in region.pools:
        for way, tree in zip(DIRECTIONS, found, strict=True):
            where = labels(pool=one.slug, direction=way)
            if one.size:
                sizes.append((where, one.size[way] / BYTE))
            if counter := tree.get(one.class_id):
                sent.append((where, counter.sent))
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


def _around(found: _Found) -> Iterator[str]:
    def of(class_id: str) -> list[tuple[str, Counter]]:
        return [
            (labels(direction=way), tree[class_id])
            for way, tree in zip(DIRECTIONS, found, strict=True)
            if class_id in tree
        ]

    yield from _counted(
        "komando_unmatched", "of traffic that belongs to no office and no point", of(UNMATCHED)
    )
    yield from _counted("komando_control", "of the router's own needs", of(CONTROL))
    yield family(
        "komando_uplink_usable_bytes_per_second",
        "gauge",
        "The part of the uplink that is shared out.",
        [(where, one.ceiling / BYTE) for where, one in of(ROOT)],
    )
    yield family(
        "komando_uplink_sent_bytes_total",
        "counter",
        "Bytes of Ethernet frames sent by all classes.",
        [(where, one.sent) for where, one in of(ROOT)],
    )


# --- the provider ------------------------------------------------------------------------------


def _uplink(device: str, echoes: Echoes) -> Iterator[str]:
    where = labels(interface=device, gateway=echoes.gateway)
    yield family(
        "komando_uplink_measured_timestamp_seconds",
        "gauge",
        "When echoes were last sent to the provider's gateway.",
        round(time.time(), 3),
    )
    yield family(
        "komando_uplink_echoes",
        "gauge",
        "Echoes of the last measurement.",
        [(where, echoes.sent)],
    )
    yield family(
        "komando_uplink_echoes_lost",
        "gauge",
        "Echoes of the last measurement that did not come back in time.",
        [(where, echoes.lost)],
    )
    took = sorted(echoes.took)
    for name, words, place in (
        ("min", "shortest", 0),
        ("median", "middle", len(took) // 2),
        ("max", "longest", -1),
    ):
        yield family(
            f"komando_uplink_round_trip_{name}_seconds",
            "gauge",
            f"The {words} time that an echo took to the provider's gateway and back.",
            [(where, round(took[place], 6))] if took else [],
        )
