"""The pyinfra process: connects once, then answers requests until its input ends.

Started by `session`. It survives the loss of the controller's terminal: what has begun on a host is
carried to its end, and only then does the closed input end the process.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import gevent
from gevent.fileobject import FileObjectThread
from pyinfra.api.facts import FactBase

from deploys import operations
from deploys.facts import Drifted, Exported, Observed, Reached, Recorded, Standing, Used
from komando.rollout.crew import Crew
from komando.rollout.protocol import PROTOCOL, Cargo, Event, Opening, Request, encode
from komando.rollout.reasons import Reasons

GRACE = 5.0
"""Seconds after its window in which an activation may still answer, on a slow line."""


def main() -> None:
    """Read the opening, then one request a line; write events. Ends with its input."""
    lines = FileObjectThread(sys.stdin.buffer, "rb")
    if not (opening := lines.readline()):
        return  # it was started ahead, and nobody needed it
    worker = Worker(Opening.from_json(opening))
    worker.connect()
    for line in lines:
        worker.serve(Request.from_json(line))
    worker.close()


@dataclass
class _NeighboursSay:
    """What keeps neighbours from reaching hosts, and which hosts have one that could not look."""

    troubles: dict[str, str] = field(default_factory=dict)
    silent: dict[str, str] = field(default_factory=dict)


class Worker:
    """The connections of one session: those that it opened at first, and fresh ones for probes."""

    def __init__(self, opening: Opening) -> None:
        self.opening = opening
        self.reasons = Reasons()
        self.peers = {peer.name: peer for peer in opening.peers}
        self.first = Crew(opening.peers, opening, self.reasons)
        self.fresh: Crew | None = None

    def connect(self) -> None:
        """Connect to all hosts at once; those that fail are out of the session."""
        self.first.connect(_say)
        _say(Event("done"))

    def close(self) -> None:
        """End all connections."""
        self.first.close()
        if self.fresh:
            self.fresh.close()

    def serve(self, request: Request) -> None:
        """Carry one request to its end: a `result`, `failed` or `lost` for each of its hosts."""
        for name in request.hosts:
            _say(Event("started", name))
        _VERBS[request.verb](self, request)
        _say(Event("done"))

    def ask(self, request: Request) -> None:
        """One question to each host."""
        digests = request.digests
        questions: dict[str, dict[str, Any]] = {
            name: {"digest": digests[name]} if name in digests else {} for name in request.hosts
        }
        if request.verb == "status":
            words = {"slug": request.slug, "seconds": request.seconds}
            questions = dict.fromkeys(request.hosts, words)
        self._missing(self.first, request.hosts)
        patience = self.opening.observe_timeout + request.seconds
        self.first.ask(_FACTS[request.verb], questions, _say, patience)

    def activate(self, request: Request) -> None:
        """Change each host, armed: whoever is not confirmed goes back."""
        orders = {name: (_words(request.cargo[name]), request.cargo[name].archive)
                  for name in request.hosts}  # fmt: skip
        self._missing(self.first, request.hosts)
        # by then every window has closed, and a host that has not answered is asked afresh
        windows = max(request.cargo[name].within for name in request.hosts) + GRACE
        patience = min(ceil(windows), self.opening.activate_timeout)
        self.first.act(operations.activate, orders, _say, patience)

    def reach(self, request: Request) -> None:
        """Open fresh connections, from here and from the neighbours, both at the same time."""
        said = _NeighboursSay()
        asked = gevent.spawn(self._neighbours, request, said)
        if self.fresh:
            self.fresh.close()
        self.fresh = Crew((self.peers[name] for name in request.hosts), self.opening, self.reasons)
        seen: dict[str, Event] = {}
        self.fresh.connect(lambda event: seen.update({event.host: event}))
        asked.join()
        for name in request.hosts:
            if seen[name].kind == "failed":
                _say(seen[name])
            elif name in said.troubles:
                _say(Event("failed", name, said.troubles[name]))
            else:
                _say(Event("result", name, said.silent.get(name, "")))

    def _neighbours(self, request: Request, said: _NeighboursSay) -> None:
        """Has neighbours look; one that is itself away holds nobody up, and is told."""
        here = {host.name for host in self.first.hosts(set(request.neighbours.values()))}
        left = dict(request.neighbours)
        for host, neighbour in request.neighbours.items():
            if neighbour not in here:
                said.silent[host] = f"its neighbour {neighbour} is away"
                del left[host]
        while left:
            asked = {neighbour: host for host, neighbour in left.items()}
            left = {host: one for host, one in left.items() if asked[one] != host}

            def hear(event: Event, asked: dict[str, str] = asked) -> None:
                host = asked[event.host]
                if event.kind == "failed":
                    said.troubles[host] = f"{event.host}, its neighbour, says: {event.value}"
                elif event.kind == "lost":
                    said.silent[host] = f"its neighbour {event.host} was lost: {event.value}"

            questions = {
                neighbour: {"address": self.peers[host].address, "port": self.peers[host].port}
                for neighbour, host in asked.items()
            }
            self.first.ask(Reached, questions, hear, self.opening.confirm_timeout)

    def conclude(self, request: Request) -> None:
        """Confirm or revert, over the fresh connections where there are any."""
        fresh = {host.name for host in self.fresh.hosts(request.hosts)} if self.fresh else set()
        if lacking := [name for name in request.hosts if name not in fresh]:
            crew = Crew((self.peers[name] for name in lacking), self.opening, self.reasons)
            crew.connect(_unless_connected)
            self._close_with(crew, request, lacking)
        if self.fresh and fresh:
            self._close_with(self.fresh, request, [name for name in request.hosts if name in fresh])

    def _close_with(self, crew: Crew, request: Request, names: list[str]) -> None:
        orders = {name: (request.verb, request.digests[name]) for name in names}
        crew.act(operations.conclude, orders, _say, self.opening.confirm_timeout)
        if crew is not self.fresh:
            crew.close()

    def look(self, request: Request) -> None:
        """How hosts stand that were lost, over connections of their own."""
        crew = Crew((self.peers[name] for name in request.hosts), self.opening, self.reasons)
        crew.connect(_unless_connected)
        here: dict[str, dict[str, Any]] = {host.name: {} for host in crew.hosts(request.hosts)}
        crew.ask(Observed, here, _say, self.opening.observe_timeout)
        crew.close()

    @staticmethod
    def _missing(crew: Crew, names: tuple[str, ...]) -> None:
        here = {host.name for host in crew.hosts(names)}
        for name in names:
            if name not in here:
                _say(Event("failed", name, "it is out"))


_VERBS: dict[str, Callable[[Worker, Request], None]] = {
    "observe": Worker.ask,
    "drift": Worker.ask,
    "export": Worker.ask,
    "record": Worker.ask,
    "usage": Worker.ask,
    "status": Worker.ask,
    "activate": Worker.activate,
    "reach": Worker.reach,
    "confirm": Worker.conclude,
    "revert": Worker.conclude,
    "look": Worker.look,
}

_FACTS: dict[str, type[FactBase[Any]]] = {
    "observe": Observed,
    "drift": Drifted,
    "export": Exported,
    "record": Recorded,
    "usage": Used,
    "status": Standing,
}


def _words(cargo: Cargo) -> list[str]:
    """The words behind `activate`."""
    return [
        cargo.digest,
        *("--before", cargo.before),
        *("--within", f"{cargo.within:g}"),
        *("--sequence", str(cargo.sequence)),
        *("--protocol", str(PROTOCOL)),
    ]


def _unless_connected(event: Event) -> None:
    if event.kind != "connected":
        _say(event)


def _say(event: Event) -> None:
    sys.stdout.write(encode(event))
    sys.stdout.flush()
