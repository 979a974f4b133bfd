"""What was measured, as plain values: rows of offices, totals of the link, events under load."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from komando.units import Direction, Pair

KEPT = 0.99
"""An office got its promise: 0.99 of it. Goodput cannot reach that: headers take 4 to 5 %."""

TOTAL_LEAST, TOTAL_MOST = 0.99, 1.005
"""The link as a whole, as a part of what is usable: neither left empty nor overdrawn."""

HARVESTED = 0.98
"""The part of what the offices leave that the public takes."""


@dataclass(frozen=True)
class Row:
    """One office in one direction. Rates in bit/s of Ethernet frames, without checksum.

    `frame_bytes` were counted in `seconds`: downward at the office's own interface, upward where
    they arrive, at the internet's (what an office sends too much is dropped on the way and was
    never bandwidth; `offered` tells it). `goodput` is what iperf3 says of the same seconds, None
    where it does not know. `peer` is the other office, where the internet is not the other end.
    """

    scenario: str
    office: str
    direction: Direction
    promised: int
    measured: int
    frame_bytes: int
    seconds: float
    goodput: int | None = None
    offered: int | None = None
    peer: str | None = None
    least: float = KEPT

    @property
    def about(self) -> str:
        """Whose, and which way."""
        return f"{self.office} {self.direction}"

    @property
    def ratio(self) -> float:
        """Measured over promised."""
        return self.measured / self.promised

    @property
    def kept(self) -> bool:
        """Whether it is at least what was promised, within what can be measured."""
        return self.ratio >= self.least


@dataclass(frozen=True)
class Total:
    """Everything that crossed the link in one direction, against what was to be filled.

    `what` is `link` (the usable part of the uplink) or `public` (what the offices left of it).
    """

    scenario: str
    direction: Direction
    what: str
    promised: int
    measured: int
    least: float = TOTAL_LEAST
    most: float | None = TOTAL_MOST

    @property
    def about(self) -> str:
        """What of it, and which way."""
        return f"{self.what} {self.direction}"

    @property
    def ratio(self) -> float:
        """Measured over promised."""
        return self.measured / self.promised

    @property
    def kept(self) -> bool:
        """Whether it lies within its bounds."""
        return self.ratio >= self.least and (self.most is None or self.ratio <= self.most)


@dataclass(frozen=True, order=True)
class ClassChange:
    """A traffic class of the router that was added, changed or deleted."""

    device: str
    class_id: str


@dataclass(frozen=True)
class ProbeResult:
    """A paced stream in both directions, packet by packet. Times in milliseconds.

    `lost` are packets that were lost between the router's uplink and the office, in the router's
    keeping; `lost_by_provider` those that the provider's own queues dropped.
    """

    office: str
    rate: int
    sent: dict[str, int]
    lost: dict[str, int]
    longest_gap: dict[str, float]
    delay_p99: dict[str, float]
    lost_by_provider: dict[str, int] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether something was sent in each direction and the router lost nothing of it."""
        return all(self.sent.values()) and not any(self.lost.values())


@dataclass(frozen=True)
class Sample:
    """Who got how much, in bit/s, around `at` seconds from the moment of a change (before: < 0)."""

    at: float
    offices: dict[Direction, int]
    public: dict[Direction, int]


@dataclass(frozen=True)
class Event:
    """A change of the router under load: what the kernel was seen to change, what should change.

    `seconds` is how long the change took, as its caller saw it; `timeline` what it did to all.
    `provider_drops` are packets of everybody's that the provider's own queues dropped meanwhile.
    """

    scenario: str
    what: str
    before: str
    after: str
    seconds: float
    changed: tuple[ClassChange, ...]
    expected: tuple[ClassChange, ...]
    rebuilt: bool
    probe: ProbeResult
    provider_drops: int = 0
    timeline: tuple[Sample, ...] = ()

    @property
    def kept(self) -> bool:
        """Whether nothing else changed and the probe lost nothing."""
        return self.changed == self.expected and not self.rebuilt and self.probe.whole


@dataclass(frozen=True)
class Machine:
    """How busy this machine's processors were while a scenario was counted, as parts of all.

    `own` is what the load itself used (kernel work that is charged to it included), `stolen` what
    a hypervisor gave to others; both count as busy, too. Where all are busy, a shortfall may be
    this machine's and not the router's.
    """

    scenario: str
    cores: int
    busy: float
    own: float
    softirq: float
    stolen: float


@dataclass(frozen=True)
class Moment:
    """When a scenario was measured: the router's rehearsed time and the profile in force."""

    scenario: str
    at: str
    profile: str


@dataclass(frozen=True)
class Unseen:
    """A scenario that this city, or what is left of its calendar, cannot show, and why."""

    scenario: str
    why: str


@dataclass
class Measurement:
    """Everything that one run of `komando lab measure` found.

    `names` maps slugs to what people say, `points` holds the slugs of the public points.
    `failure` says what ended the run before its time; what was found until then stands.
    """

    lab: str
    region: str
    zone: str
    router: str
    divisor: int
    capacity: Pair
    usable: Pair
    generation: str
    names: dict[str, str]
    points: frozenset[str]
    moments: list[Moment] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    totals: list[Total] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    machine: list[Machine] = field(default_factory=list)
    unseen: list[Unseen] = field(default_factory=list)
    failure: str | None = None

    def note(self, found: Row | Total) -> None:
        """Take in what an office got, or how full the link was."""
        if isinstance(found, Row):
            self.rows.append(found)
        else:
            self.totals.append(found)

    @property
    def findings(self) -> list[Row | Total | Event]:
        """All that has a verdict."""
        return [*self.rows, *self.totals, *self.events]

    def of(self, scenario: str) -> list[Row | Total | Event]:
        """What has a verdict in one scenario."""
        return [one for one in self.findings if one.scenario == scenario]

    @property
    def kept(self) -> bool:
        """Whether something was measured to the end and every promise was kept."""
        if self.failure is not None:
            return False
        return bool(self.findings) and all(one.kept for one in self.findings)

    @property
    def scenarios(self) -> list[str]:
        """The scenarios that were run, in their order."""
        return list(dict.fromkeys(one.scenario for one in self.moments))

    def to_json(self) -> str:
        """The whole as one JSON object; rates are integers in bit/s."""
        return json.dumps(self._values(), indent=1, ensure_ascii=False) + "\n"

    def _values(self) -> dict[str, Any]:
        return {
            "lab": self.lab,
            "region": self.region,
            "zone": self.zone,
            "router": self.router,
            "divisor": self.divisor,
            "capacity": _pair(self.capacity),
            "usable": _pair(self.usable),
            "generation": self.generation,
            "names": self.names,
            "points": sorted(self.points),
            "kept": self.kept,
            "moments": [asdict(one) for one in self.moments],
            "rows": [_judged(one) for one in self.rows],
            "totals": [_judged(one) for one in self.totals],
            "events": [asdict(one) | {"kept": one.kept} for one in self.events],
            "machine": [asdict(one) for one in self.machine],
            "unseen": [asdict(one) for one in self.unseen],
            "failure": self.failure,
        }


def _pair(pair: Pair) -> dict[str, int]:
    return {"down": pair.down.bits, "up": pair.up.bits}


def _judged(one: Row | Total) -> dict[str, Any]:
    return asdict(one) | {"ratio": round(one.ratio, 5), "kept": one.kept}


def worst_first(rows: Sequence[Row], direction: Direction) -> list[Row]:
    """The rows of one direction, the smallest ratio first."""
    return sorted((row for row in rows if row.direction == direction), key=lambda row: row.ratio)
