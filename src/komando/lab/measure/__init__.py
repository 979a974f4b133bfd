"""Load the city, count frames, and compare with what was promised."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from komando.lab.city import City
from komando.lab.measure.moments import NotShown
from komando.lab.measure.results import Measurement, Unseen
from komando.lab.measure.running import read_running, rehearsing
from komando.lab.measure.scenarios import SCENARIOS
from komando.lab.measure.stage import staged
from komando.lab.place import STATE, LabError, Told, locked

__all__ = ["SCENARIOS", "Measurement", "measure"]


def measure(
    city: City,
    scenarios: Sequence[str],
    *,
    policies: Path,
    seconds: float,
    since: datetime | None,
    told: Told,
) -> Measurement:
    """Run scenarios by name, in their own order, and return what was found, also when it fails.

    Each is shown at the first fitting moment of the router's calendar from `since` on (None: from
    the time that its clock shows). Everything is counted for `seconds`. The clock and the city are
    given back as they were found, on an error and on Ctrl-C, too. `policies` is what the router
    runs, for the scenario that edits a copy of it. Waits while another measurement runs on this
    machine. A scenario that this city cannot show is noted as unseen; a LabError ends the run and
    stands in what is returned. Raises LabError itself only when nothing is applied.
    """
    told("waiting for other measurements", "")
    with locked(STATE / "measure.lock"):  # two at once would measure each other
        running = read_running(city)
        report = Measurement(
            lab=city.name,
            region=city.region,
            zone=city.zone,
            router=city.router.name,
            divisor=city.divisor,
            capacity=city.capacity,
            usable=city.usable,
            generation=running.generation,
            names={leaf.slug: leaf.name for leaf in running.intent.leaves},
            points=frozenset(one.slug for one in running.intent.leaves if one.kind == "hotspot"),
        )
        with (
            rehearsing(city) as shown,
            staged(city, running, report, policies, seconds, told) as stage,
        ):
            calendar = running.since(since or shown)
            for name in (one for one in SCENARIOS if one in scenarios):
                try:
                    SCENARIOS[name](stage, calendar)
                except NotShown as why:
                    report.unseen.append(Unseen(name, str(why)))
                except LabError as error:
                    report.failure = f"{name}: {error}"
                    break
    return report
