"""The lines that the controller and its pyinfra process exchange: one JSON object each."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

PROTOCOL = 2
"""What this controller speaks with the host program; `komando.host.standing` has its own."""


@dataclass(frozen=True)
class Peer:
    """One host as the worker reaches it, over `hops`: the one that it meets first stands first."""

    name: str
    address: str
    port: int
    user: str
    hops: tuple[Peer, ...] = ()

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Peer:
        """Read what `encode` made of it."""
        hops = tuple(cls.from_fields(hop) for hop in fields["hops"])
        return cls(**fields | {"hops": hops})


@dataclass(frozen=True)
class Opening:
    """The first line: whom to connect to, and how. Times in seconds.

    `connect_timeout` bounds each step to a host, and to a jump host on the way.
    `activate_timeout` bounds one activation; a router with 500 offices takes about 1 s.
    `confirm_timeout` bounds a confirmation, a revert and a neighbour's probe.
    """

    peers: tuple[Peer, ...]
    known_hosts: str
    identity: str | None = None
    connect_timeout: int = 10
    observe_timeout: int = 30
    activate_timeout: int = 120
    confirm_timeout: int = 30

    @classmethod
    def from_json(cls, line: str) -> Opening:
        """Read one line that `encode` wrote."""
        fields = json.loads(line)
        peers = tuple(map(Peer.from_fields, fields.pop("peers")))
        return cls(peers=peers, **fields)


@dataclass(frozen=True)
class Cargo:
    """What one host shall run, and how.

    `archive` is the base64 text of the bundle's tar.gz, with its secrets; empty where the host has
    it. `before` is the digest that the plan saw there, or "none". The change reverts unless it is
    confirmed `within` seconds; a host refuses a `sequence` before the last that it saw.
    """

    digest: str
    archive: str = field(repr=False)
    before: str
    within: float
    sequence: int


Verb = Literal[
    "observe",
    "drift",
    "export",
    "record",
    "usage",
    "status",
    "activate",
    "reach",
    "confirm",
    "revert",
    "look",
]
"""observe, drift, export, record, usage, status: questions. activate: armed, and in force until the
window closes. reach: opens a fresh connection to each host, and has its neighbour open one, too.
confirm, revert: over those fresh connections, or where there is none over a new one. look: observe
over such."""


@dataclass(frozen=True)
class Request:
    """One thing to do on `hosts`.

    `cargo` (by host) belongs to `activate`; `digests` (by host) to `export`, `confirm` and
    `revert`; `neighbours` (by host, who is to reach it) to `reach`; `slug` ("": all) and the
    `seconds` that are looked at to `status`.
    """

    verb: Verb
    hosts: tuple[str, ...]
    cargo: dict[str, Cargo] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    neighbours: dict[str, str] = field(default_factory=dict)
    slug: str = ""
    seconds: int = 0

    @classmethod
    def from_json(cls, line: str) -> Request:
        """Read one line that `encode` wrote."""
        fields = json.loads(line)
        fields["cargo"] = {host: Cargo(**parts) for host, parts in fields["cargo"].items()}
        return cls(**fields | {"hosts": tuple(fields["hosts"])})


EventKind = Literal["connected", "started", "result", "failed", "lost", "done"]


@dataclass(frozen=True)
class Event:
    """What the worker says.

    `connected`, `started`: progress. `result`: a host's answer in `value`. `failed`: the host did
    not do it, with its reason in `value`. `lost`: it did not answer, and may have carried the
    request out all the same. `done`: the request (or the opening) is finished.
    """

    kind: EventKind
    host: str = ""
    value: Any = None

    @classmethod
    def from_json(cls, line: str) -> Event:
        """Read one line that `encode` wrote."""
        return cls(**json.loads(line))


def encode(message: Opening | Request | Event) -> str:
    """One line, with its end."""
    return json.dumps(asdict(message), separators=(",", ":")) + "\n"
