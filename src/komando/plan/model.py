"""A plan: the difference between the bundles and what the hosts run, as an object."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from komando.diagnostics import Location

Action = Literal["add", "remove", "change"]
Kind = Literal["opd", "hotspot", "pool", "public", "uplink", "segment", "calendar", "region"]
State = Literal["same", "first", "change", "unread", "repair"]
"""What an apply does to a host.

same: nothing. first: gives it its first generation. change: takes it from one to another. unread:
this, too, but the files of the one that runs could not be had. repair: gives it once more the one
that it runs, as the host says that something of it is missing.
"""


@dataclass(frozen=True)
class Detail:
    """One aspect that changes, before and after as people write it (None: there is none).

    `when` says in which hours it holds; `location` is the line of policy that says so.
    """

    aspect: str
    before: str | None
    after: str | None
    when: str = ""
    location: Location | None = None


@dataclass(frozen=True)
class Change:
    """One office, point, pool or other noun of the policy that changes, with all its aspects."""

    action: Action
    kind: Kind
    slug: str
    name: str
    details: tuple[Detail, ...]
    location: Location | None = None

    @property
    def title(self) -> str:
        """`Dinas Kesehatan (dinas-kesehatan)`; other nouns bear their slug in their name."""
        return f"{self.name} ({self.slug})" if self.kind in ("opd", "hotspot") else self.name


@dataclass(frozen=True)
class Shift:
    """What follows for one pool at some hours: its size before and after.

    `pool` ends in `down` or `up` where the two directions are not alike.
    """

    when: str
    pool: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Hours:
    """Days on which a calendar is open at other times than before, and the policy behind them."""

    calendar: str
    days: tuple[str, ...]
    count: int
    location: Location | None = None


@dataclass(frozen=True)
class Move:
    """The uplink or a segment gets another interface; so many addresses and routes go along."""

    name: str
    before: str
    after: str
    addresses: int
    routes: int


@dataclass(frozen=True)
class Traffic:
    """What happens to the classes of one device, named as people know them.

    `rebuilt` means that the tree is built anew and packets wait or drop for a moment; else
    classes change in place, and those that are in none of the three lists are not touched.
    """

    device: str
    direction: Literal["down", "up"]
    total: int
    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    rebuilt: bool = False

    @property
    def touched(self) -> int:
        """How many classes change in place, come or go."""
        return len(self.changed) + len(self.added) + len(self.deleted)


@dataclass(frozen=True)
class FileChange:
    """One file that differs. `diff` is a unified diff, empty where it says nothing to a reader."""

    path: str
    action: Action
    lines_added: int
    lines_removed: int
    diff: str = ""


@dataclass(frozen=True)
class HostPlan:
    """One host: what it runs, what it shall run, and the difference in words.

    `kernel` is "ok", or what the host says is missing of what it runs now.
    """

    host: str
    state: State
    before: str | None
    after: str
    summary: str
    changes: tuple[Change, ...] = ()
    follows: tuple[Shift, ...] = ()
    hours: tuple[Hours, ...] = ()
    moves: tuple[Move, ...] = ()
    traffic: tuple[Traffic, ...] = ()
    files: tuple[FileChange, ...] = ()
    notes: tuple[str, ...] = ()
    kernel: str = "ok"


@dataclass(frozen=True)
class Plan:
    """What an apply would do. `notes` hold for the whole plan."""

    hosts: tuple[HostPlan, ...]
    notes: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether an apply would touch any host."""
        return any(host.state != "same" for host in self.hosts)

    def changing(self) -> Iterable[HostPlan]:
        """The hosts that an apply would touch."""
        return (host for host in self.hosts if host.state != "same")
