"""What of a plan stops an apply: held against the limits, then against what people accepted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from ipaddress import ip_network
from typing import Final

from komando.diagnostics import Location
from komando.plan.acknowledge import accepted
from komando.plan.cuts import WHOLE
from komando.plan.management import address_of
from komando.plan.model import Cut, Finding, HostPlan, Plan
from komando.plan.narration import digest_words
from komando.plan.wording import Where, count
from komando.policy import Acknowledgement, Limit, Limits
from komando.units import DIRECTION_WORDS

MOST_NAMED: Final = 6
"""Offices that a value names, and lines that a finding shows; of more, the rest is counted."""

HALF: Final = WHOLE // 2

LESS: Final = "change less at once, or have it acknowledged"


def assess(
    plan: Plan,
    limits: Limits,
    acknowledgements: Mapping[str, Acknowledgement],
    today: date,
    where: Where | None = None,
) -> tuple[Finding, ...]:
    """The findings of a plan: those that nobody may accept, then the others, host by host.

    `today` is the region's day. `where` finds the line that sets a limit. A finding that an
    acknowledgement accepts by its exact words on this day bears its name; the others stop.
    """
    never = [*_partial(plan), *(item for host in plan.hosts for item in _never(host))]
    rules = _Rules(limits, where)
    found = [item for host in plan.hosts for item in rules.findings(host)]
    return tuple(accepted(item, acknowledgements, today) for item in (*never, *found))


def _partial(plan: Plan) -> Iterator[Finding]:
    for name in plan.unnamed:
        yield Finding(
            "partial-input",
            name,
            "a machine of the inventory",
            "no uplink of it in the policies",
            f"{name} stands in the inventory, and no uplink of the policies ends on it: a part of "
            "them may be missing here",
            "look whether region.yaml is whole; a machine that has left goes from hosts.yaml, too",
            acknowledgeable=False,
        )


def _never(host: HostPlan) -> Iterator[Finding]:
    if host.state == "same":
        return
    yield from _asker(host)
    yield from _way(host)
    if host.above:
        yield Finding(
            "guarantees-above-uplink",
            host.host,
            "at most the usable uplink",
            "; ".join(host.above),
            f"{host.host} would promise more than its uplink carries",
            "lower guarantees, or buy more; a promise that cannot be kept is nobody's to accept",
            acknowledgeable=False,
        )


def _asker(host: HostPlan) -> Iterator[Finding]:
    """The controller's address has to be in one of the networks that ssh will answer."""
    reach = host.reach
    if reach is None or reach.asked_from is None or not reach.management:
        return
    asker = address_of(reach.asked_from)
    networks = ", ".join(reach.management)
    if asker is None or not any(asker in ip_network(item) for item in reach.management):
        yield Finding(
            "management-path",
            host.host,
            f"asked from {reach.asked_from}",
            f"ssh answers {networks} alone",
            f"{host.host} would not answer this controller any more: it asks from "
            f"{reach.asked_from}, which is in no network of `management`",
            "correct `management` in the inventory's hosts.yaml, or work from a machine in it",
            acknowledgeable=False,
        )


def _way(host: HostPlan) -> Iterator[Finding]:
    """No address or route may come, or go, that holds the controller or the host."""
    reach = host.reach
    if reach is None or reach.before == reach.after or not (reach.before or reach.after):
        return
    who = reach.address if reach.asked_from is None else f"{reach.address} or {reach.asked_from}"
    yield Finding(
        "management-path",
        host.host,
        "not known" if reach.before is None else "; ".join(reach.before) or "no network of policy",
        "; ".join(reach.after) or "no network of policy",
        f"{host.host} would come to the controller by another way: networks of the policies hold "
        f"{who}",
        "give offices and segments other networks than those of the management, and change such "
        "networks at the console alone",
        acknowledgeable=False,
        touches=reach.behind,
        location=reach.location,
    )


class _Rules:
    """The limits, with the places where they are set."""

    def __init__(self, limits: Limits, where: Where | None) -> None:
        self._limits = limits
        self._where = where

    def findings(self, host: HostPlan) -> Iterator[Finding]:
        """What somebody has to accept before this host changes."""
        if not host.compared:
            yield _unread(host)
        offices = [cut for cut in host.cuts if cut.kind == "opd"]
        yield from self._removed(host, [cut for cut in offices if cut.what == "connection"])
        cut = [item for item in offices if _is_deep(item)]
        yield from self._many("offices-cut", "cut", host, cut)
        lowered = [item for item in offices if item.what not in ("connection", "networks")]
        yield from self._many("rates-lowered", "lowered", host, lowered)
        yield from self._public(host)
        yield from _rebuilt(host)

    def _removed(self, host: HostPlan, cuts: list[Cut]) -> Iterator[Finding]:
        limit = self._limits.removed
        if not limit.passed(len(cuts), host.offices):
            return
        yield self._finding(
            "offices-removed",
            "removed",
            host,
            cuts,
            values=(
                count(host.offices, "office"),
                f"without {_listed([cut.slug for cut in cuts])}",
            ),
            message=f"{_part(cuts, host.offices)} would lose their connection (limit: {limit})",
        )

    def _many(self, name: str, key: str, host: HostPlan, cuts: list[Cut]) -> Iterator[Finding]:
        limit: Limit = getattr(self._limits, key)
        if not limit.passed(len({cut.slug for cut in cuts}), host.offices):
            return
        verb = {
            "offices-cut": "would keep less than half of their guarantee, or no network",
            "rates-lowered": "would get less than now",
        }[name]
        yield self._finding(
            name,
            key,
            host,
            cuts,
            values=(
                _listed([f"{cut.slug} {cut.what} {cut.before}" for cut in cuts]),
                _listed([f"{cut.slug} {cut.what} {cut.after}" for cut in cuts]),
            ),
            message=f"{_part(cuts, host.offices)} {verb} (limit: {limit})",
        )

    def _public(self, host: HostPlan) -> Iterator[Finding]:
        limit = self._limits.public
        most = limit.hundredths
        pools = [cut for cut in host.cuts if cut.what == "pool" and WHOLE - cut.left > most]
        points = [cut for cut in host.cuts if (cut.kind, cut.what) == ("hotspot", "connection")]
        if len(points) * WHOLE <= host.points * most:
            points = []
        if not pools and not points:
            return
        before = [f"pool {cut.before} in {cut.slug}" for cut in pools]
        after = [f"pool {cut.after} in {cut.slug}" for cut in pools]
        if points:
            before.append(count(host.points, "point"))
            after.append(f"without {_listed([cut.slug for cut in points])}")
        yield self._finding(
            "public-cut",
            "public",
            host,
            [*pools, *points],
            values=("; ".join(before), "; ".join(after)),
            message=f"the public would lose too much (limit: {limit} of its pool or points)",
        )

    def _finding(
        self,
        name: str,
        key: str,
        host: HostPlan,
        cuts: list[Cut],
        *,
        values: tuple[str, str],
        message: str,
    ) -> Finding:
        return Finding(
            name,
            host.host,
            *values,
            message,
            LESS,
            acknowledgeable=True,
            touches=tuple(_shown([_line(cut) for cut in cuts])),
            location=self._place(key),
        )

    def _place(self, key: str) -> Location | None:
        """The line that sets a limit; None where it is the default."""
        if self._where is None:
            return None
        place = self._where("region", "", "limits", key)
        return None if place == self._where("region", "") else place


def _is_deep(cut: Cut) -> bool:
    return cut.what == "networks" or (cut.what == "guarantee" and cut.left < HALF)


def _part(cuts: Iterable[Cut], of: int) -> str:
    return f"{len({cut.slug for cut in cuts})} of {count(of, 'office')}"


def _line(cut: Cut) -> str:
    """`Dinas Sosial (dinas-sosial): guarantee 10 Mbit/s -> 4 Mbit/s  policies/opd/...:6:12`."""
    name = cut.name if cut.kind == "public" else f"{cut.name} ({cut.slug})"
    place = f"  {cut.location}" if cut.location is not None else ""
    return f"{name}: {cut.what} {cut.before} -> {cut.after or 'gone'}{place}"


def _unread(host: HostPlan) -> Finding:
    return Finding(
        "unread",
        host.host,
        digest_words(host.before),
        digest_words(host.after),
        f"what {host.host} runs could not be read, so that nobody knows what changes",
        "look at the notes why; mend that, or have it acknowledged",
        acknowledgeable=True,
    )


def _rebuilt(host: HostPlan) -> Iterator[Finding]:
    """A tree that is built anew though what stands there is sound: everybody waits."""
    trees = [item for item in host.traffic if item.rebuilt]
    if not trees or host.state != "change":
        return
    before = [f"{DIRECTION_WORDS[item.direction]} tree on {item.was}" for item in trees]
    after = [
        f"{DIRECTION_WORDS[item.direction]} tree on {item.device}, built anew: {item.reason}"
        for item in trees
    ]
    yield Finding(
        "tree-rebuilt",
        host.host,
        "; ".join(before),
        "; ".join(after),
        f"traffic of everybody behind {host.host} stops for a moment, and what waits is lost",
        "apply it out of hours, and have it acknowledged",
        acknowledgeable=True,
        touches=(f"{count(host.offices, 'office')} and {count(host.points, 'public point')}",),
    )


def _listed(items: list[str]) -> str:
    """All of them, or the first and how many more, with a digest that pins the rest, too."""
    if len(items) <= MOST_NAMED:
        return " and ".join(part for part in (", ".join(items[:-1]), items[-1]) if part)
    digest = hashlib.sha256("\n".join(items).encode()).hexdigest()[:8]
    more = len(items) - MOST_NAMED
    return f"{', '.join(items[:MOST_NAMED])} and {more} more (all: {digest})"


def _shown(lines: list[str]) -> list[str]:
    if len(lines) <= MOST_NAMED:
        return lines
    return [*lines[:MOST_NAMED], f"and {len(lines) - MOST_NAMED} more"]
