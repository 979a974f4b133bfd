"""What Ansible tells while it prepares machines, and what came of it on each."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Machine:
    """What was done to one machine.

    `changed` are the tasks that changed something, or would have; `said` is what the roles have to
    tell a person. `trouble` is empty where all went well; a machine that was `away` is unchanged.
    """

    name: str
    done: int = 0
    changed: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    trouble: str = ""
    away: bool = False


class Story:
    """All that has happened so far: the play and the task that began last, and every machine."""

    def __init__(self, names: Iterable[str]) -> None:
        self.machines = {name: Machine(name) for name in names}
        self.play = self.task = ""

    def hear(self, line: str) -> None:
        """One line of the callback; a host that nobody asked for is left aside."""
        event: dict[str, Any] = json.loads(line)
        if event["event"] == "play":
            self.play = event["play"]
            return
        self.task = event["task"]
        machine = self.machines.get(event.get("host", ""))
        if machine is None:
            return
        match event["event"]:
            case "ok":
                machine.done += 1
                if event["changed"]:
                    machine.changed.append(event["task"])
                if event["said"]:
                    machine.said.append(event["said"])
            case "failed":
                machine.trouble = f"{event['task']}: {event['said']}"
            case "unreachable":
                machine.away = not machine.changed
                lost = "" if machine.away else f"lost at {event['task']}: "
                machine.trouble = f"{lost}{event['said']}"
