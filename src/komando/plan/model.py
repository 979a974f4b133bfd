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
    classes change in place, and those that are in none of the three lists are not touched. `was`
    is the device on which the tree stands now, `reason` why it is rebuilt.
    """

    device: str
    direction: Literal["down", "up"]
    total: int
    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    rebuilt: bool = False
    was: str = ""
    reason: str = ""

    @property
    def touched(self) -> int:
        """How many classes change in place, come or go."""
        return len(self.changed) + len(self.added) + len(self.deleted)


@dataclass(frozen=True)
class Around:
    """What changes around the trees of a router, each item in words.

    `reloaded` are nft tables whose rules and elements change in place, `replaced` those that are
    built anew; each is one transaction. Addresses and routes that only move with their interface
    are not among those that go or come. A router has no service that a bundle configures, so
    nothing is restarted.
    """

    reloaded: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    come: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cut:
    """Something that an office or point has now, and will have less of, or none.

    `what` is the connection as a whole, its networks, one of its rates, or its mode. `left` is the
    part that stays, in hundredths of a percent of the direction that loses most: 0 where nothing
    does.
    """

    what: Literal["connection", "networks", "guarantee", "floor", "ceiling", "mode", "pool"]
    kind: Literal["opd", "hotspot", "public"]
    slug: str
    name: str
    before: str
    after: str | None
    left: int
    location: Location | None = None


@dataclass(frozen=True)
class Overuse:
    """What an office used of one direction in the last week, against the ceiling that it gets.

    `enforced` says that it was observed until now, and not only had a higher ceiling. `minutes`
    were measured since `since`, the moment in the region's zone: 0 and "" where none was, and then
    `unmeasured` says why. In `above` of them it passed its new `ceiling`, and in `shared` what it
    is promised in such an hour when everyone wants everything (its guarantee, and its part of the
    floors when it is closed): below that it is never cut. `most` is the highest rate of a minute,
    which ended at `at`; 95 % of the minutes did not pass `usual`.
    """

    slug: str
    name: str
    direction: Literal["down", "up"]
    enforced: bool
    ceiling: str
    minutes: int = 0
    since: str = ""
    above: int = 0
    shared: int = 0
    most: str = ""
    at: str = ""
    usual: str = ""
    unmeasured: str = ""
    location: Location | None = None


@dataclass(frozen=True)
class Reach:
    """How the controller comes to a host, and what of the change would stand in its way.

    `address` is the host's in the management network, `management` the networks that its ssh
    answers, `asked_from` the address that the question came from (None: the host did not say).
    `before` and `after` are the addresses and routes of the bundles that hold one of these two
    addresses; `before` is None where it is not known what ran. `behind` names the offices, points
    and segments whose networks these are, with the line of the first.
    """

    address: str
    management: tuple[str, ...]
    asked_from: str | None = None
    before: tuple[str, ...] | None = None
    after: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()
    location: Location | None = None


@dataclass(frozen=True)
class Finding:
    """A risk of a plan that stops an apply, unless a person has accepted it.

    `id` is stable and names the page `docs/safety/<id>.md`. `before` and `after` say what changes
    and are what an acknowledgement repeats; `touches` names the offices, a line each.
    `acknowledged_by` is the acknowledgement that accepts it; `unmet` says why others of the same
    finding do not. `location` is the line of policy that says so. `slug` and `skeleton` are the
    name and the text of an acknowledgement to be filled in, "" where there can be none.
    """

    id: str
    host: str
    before: str
    after: str
    message: str
    remedy: str
    acknowledgeable: bool
    touches: tuple[str, ...] = ()
    location: Location | None = None
    acknowledged_by: str | None = None
    unmet: tuple[str, ...] = ()
    slug: str = ""
    skeleton: str = ""

    @property
    def stops(self) -> bool:
        """Whether an apply is refused because of it."""
        return self.acknowledged_by is None

    @property
    def page(self) -> str:
        """The path of the page that explains it, from the root of the repository."""
        return f"docs/safety/{self.id}.md"


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

    `kernel` is "ok", or what the host says is missing of what it runs now. `compared` is False
    where the meaning of what runs could not be read, so that nobody knows what changes. `offices`
    and `points` count those that it serves now, `cuts` what they lose. `above` tells each sum of
    promises that passes the uplink. `overuse` holds what the offices that will be held back, or
    more than before, used in the last week.
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
    around: Around = Around()
    compared: bool = True
    offices: int = 0
    points: int = 0
    cuts: tuple[Cut, ...] = ()
    above: tuple[str, ...] = ()
    reach: Reach | None = None
    overuse: tuple[Overuse, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What an apply would do, and what of it stops an apply.

    `notes` hold for the whole plan. `unnamed` are the machines of the inventory of which the
    policies say nothing. `findings` are empty until `assess` has looked.
    """

    hosts: tuple[HostPlan, ...]
    notes: tuple[str, ...] = ()
    unnamed: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether an apply would touch any host."""
        return any(host.state != "same" for host in self.hosts)

    def changing(self) -> Iterable[HostPlan]:
        """The hosts that an apply would touch."""
        return (host for host in self.hosts if host.state != "same")

    def stopping(self) -> tuple[Finding, ...]:
        """The findings that nobody has accepted: with one of them, nothing is applied."""
        return tuple(finding for finding in self.findings if finding.stops)
