"""What Prometheus is told each minute of this host; docs/metrics.md explains each metric.

Most of it was read anyway by the run that looked at the hours. Asked for in here is what the queues
dropped, and whether the cables are in.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from .calendar import read_clock
from .carrier import carriers
from .counters import drops
from .errors import HostError
from .frozen import Frozen
from .mended import Mended
from .record import AT_THE_CONSOLE, CHANGES, Entry
from .shares import Way, around, pools, sites
from .sites import DIRECTIONS, region_of
from .textfile import FILES, family, labels, lay
from .typed import TYPE_CHECKING

if TYPE_CHECKING:
    from .configuration import Configuration
    from .counters import Counter
    from .echoes import Echoes
    from .layout import Paths
    from .standing import Standing


class Look(Frozen):
    """What a run knows at its end; `agrees`: it found the kernel as it should be, or left it so.

    Without a configuration nothing is in force, or what is cannot be read.
    """

    configuration: Configuration | None = None
    ways: tuple[Way, ...] = ()
    agrees: bool = False


def wanted(paths: Paths) -> bool:
    """Whether there is an exporter, that is the folder which its package makes."""
    return paths.textfiles.is_dir()


def look_of(configuration: Configuration, found: Sequence[Mapping[str, Counter]]) -> Look:
    """What is known before the work begins; `found` are the classes of both trees."""
    dropped: list[dict[str, int]] = [{}, {}]
    with suppress(HostError, OSError):
        dropped = drops(configuration.ifb, configuration.uplink)
    ways = zip(DIRECTIONS, found, dropped, strict=True)
    return Look(configuration, tuple(Way(*one) for one in ways))


def tell(standing: Standing, look: Look) -> None:
    """Writes it where the exporter looks, if there is an exporter; nothing is ever raised."""
    if wanted(standing.paths):
        with suppress(HostError, OSError, ValueError, TypeError):
            lay(standing.paths, FILES[0], text_of(standing, look))


def tell_echoes(standing: Standing, device: str, echoes: Echoes) -> None:
    """As `tell`, of the provider's queue: a file of its own, as it is known a moment later."""
    lay(standing.paths, FILES[1], "".join(_uplink(device, echoes)))


def forget_echoes(standing: Standing) -> None:
    """What was measured of a gateway that is none any more is not told on."""
    lay(standing.paths, FILES[1], "")


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
        parts += sites(region, look.ways)
        parts += pools(region, look.ways)
        parts += around(look.ways)
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
    yield family(
        "komando_reboot_required",
        "gauge",
        "1 while an upgrade waits for a restart of the machine.",
        int(standing.paths.restart_required.exists()),
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
