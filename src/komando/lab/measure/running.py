"""What runs on the city's router: its promises, its calendar, its clock."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from komando.bundle import Bundle
from komando.generation import PROGRAM
from komando.intent import Profile, RouterIntent, exception_parts, read_intent
from komando.lab.city import City
from komando.lab.commands import run
from komando.lab.container import ssh_command
from komando.lab.measure.moments import Calendar, resized_pools
from komando.lab.measure.results import ClassChange
from komando.lab.place import LabError
from komando.lab.rehearsal import ask_router, set_clock
from komando.units import DIRECTIONS, Direction


@dataclass(frozen=True)
class Running:
    """The generation in force: not what the policies say now, but what the router was given.

    `devices` maps each direction to the interface that its tree stands on.
    """

    generation: str
    intent: RouterIntent
    calendar: str
    devices: dict[Direction, str]

    def since(self, moment: datetime) -> Calendar:
        """Its calendar from a moment on."""
        return Calendar(self.intent, self.calendar, moment)

    def promised(self, profile: Profile, direction: Direction) -> dict[str, int]:
        """bit/s by slug: what each office gets when all of them want all they can get."""
        return {slug: pair.of(direction).bits for slug, pair in profile.shares.items()}

    def expected_changes(self, before: Profile, after: Profile) -> tuple[ClassChange, ...]:
        """One class per pool whose size changes, one per office whose exception begins or ends."""
        pools = {pool.slug: pool.class_id for pool in self.intent.pools}
        pools["public"] = "1:20"
        changed = set(before.exceptions) ^ set(after.exceptions)
        slugs = {exception_parts(key)[0] for key in changed}
        resized = resized_pools(before, after)
        return tuple(
            sorted(
                ClassChange(self.devices[direction], class_id)
                for direction in DIRECTIONS
                for class_id in (
                    *(pools[slug] for slug in resized[direction]),
                    *(self.intent.leaf(slug).class_id for slug in slugs),
                )
            )
        )


def read_running(city: City) -> Running:
    """Ask the router what it runs. Raises LabError when nothing was ever applied."""
    seen = ask_router(city, "observe")
    if seen["generation"] is None:
        raise LabError("nothing is applied yet: `komando apply --inventory lab`")
    if seen["kernel"] != "ok":
        raise LabError(f"the router is not as it should be: kernel {seen['kernel']}")
    command = [*ssh_command(city.access, city.router), "sudo", "-n", PROGRAM, "export"]
    bundle = Bundle.from_archive(city.router.name, base64.b64decode(run(command)))
    interfaces: dict[str, Any] = json.loads(bundle.text("etc/komando/router.json"))
    return Running(
        generation=seen["generation"],
        intent=read_intent(bundle.text("etc/komando/intent.json")),
        calendar=bundle.text("etc/komando/calendar"),
        devices={"down": interfaces["ifb"], "up": interfaces["uplink"]},
    )


@contextmanager
def rehearsing(city: City) -> Iterator[datetime]:
    """Give the router's clock back as it was found; yields the moment it shows at the beginning."""
    before = ask_router(city, "observe")["clock"]
    began = datetime.now(UTC)
    shown = began if before is None else datetime.fromisoformat(before)
    try:
        yield shown
    finally:
        if before is None:
            set_clock(city, "off")
        else:
            set_clock(city, (shown + (datetime.now(UTC) - began)).isoformat())
