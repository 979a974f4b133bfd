"""Makes the plan: pure, from what is wanted and what runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from komando import generation
from komando.bundle import Bundle
from komando.generation import RunningGeneration
from komando.host.errors import HostError
from komando.intent import RouterIntent, read_intent
from komando.inventory import Host
from komando.plan.around import compare_around
from komando.plan.cuts import above_uplink, compare_cuts
from komando.plan.files import compare_files
from komando.plan.hours import compare_hours
from komando.plan.management import reach_of
from komando.plan.model import (
    Action,
    Around,
    Change,
    FileChange,
    HostPlan,
    Hours,
    Kind,
    Move,
    Plan,
    State,
    Traffic,
)
from komando.plan.moves import compare_interfaces
from komando.plan.notes import bundle_notes, running_notes
from komando.plan.offices import compare_leaves
from komando.plan.overuse import compare_overuse
from komando.plan.pools import compare_pools
from komando.plan.region import compare_region
from komando.plan.traffic import class_names, compare_traffic, profile_at
from komando.plan.whole import first_plan, foreign_plan, unread_plan
from komando.plan.wording import Where, Wording, count


def make_plan(
    wanted: Mapping[str, Bundle],
    running: Mapping[str, RunningGeneration],
    where: Where,
    moment: datetime,
    notes: Iterable[str] = (),
    unread: Mapping[str, str] = MappingProxyType({}),
    machines: Mapping[str, Host] = MappingProxyType({}),
) -> Plan:
    """What an apply of `wanted` would do to the hosts of `running`, at `moment`.

    `where` finds the line of policy behind a change. A host whose digest differs is compared with
    its `bundle` in `running`; without one the whole bundle is the change, and `unread` says why
    there is none. A host that was not asked is left out. `machines` are the inventory's routers,
    of which the plan keeps how the controller comes to a host, and what the policies do not name.
    """
    hosts = []
    for name in sorted(wanted.keys() & running.keys()):
        why = unread.get(name, "they were not asked for")
        plan = _host(wanted[name], running[name], where, moment, why)
        if name in machines and plan.state != "same":
            plan = _with_reach(plan, machines[name], running[name], wanted[name], where)
        hosts.append(plan)
    return Plan(tuple(hosts), tuple(notes), tuple(sorted(machines.keys() - wanted.keys())))


def _with_reach(
    plan: HostPlan, machine: Host, running: RunningGeneration, wanted: Bundle, where: Where
) -> HostPlan:
    try:
        return replace(plan, reach=reach_of(machine, running, wanted, where))
    except (HostError, KeyError, ValueError) as error:  # the host, too, refuses such a bundle
        note = f"the way of the controller could not be looked at: {error}"
        return replace(plan, notes=(*plan.notes, note))


def _host(
    wanted: Bundle, running: RunningGeneration, where: Where, moment: datetime, why_unread: str
) -> HostPlan:
    if running.clock is not None:
        moment = datetime.fromisoformat(running.clock)
    plan = _compared(wanted, running, where, moment, why_unread)
    notes = (*running_notes(running, plan.state, wanted.digest), *plan.notes)
    return replace(plan, notes=notes, kernel=running.kernel)


def _compared(
    wanted: Bundle, running: RunningGeneration, where: Where, moment: datetime, why_unread: str
) -> HostPlan:
    if running.digest == wanted.digest:
        return _same(wanted, running)
    try:
        new = Wording(_intent(wanted), where)
    except (KeyError, ValueError, TypeError) as error:  # a rollback may lead to such a one
        return foreign_plan(wanted, running, error)
    if running.digest is None:
        return first_plan(wanted, new)
    if running.bundle is None:
        return unread_plan(wanted, new, running.digest, why_unread)
    return _change(wanted, new, running, running.bundle, moment)


def _same(wanted: Bundle, running: RunningGeneration) -> HostPlan:
    state: State = "same" if running.healthy else "repair"
    summary = "nothing changes"
    if not running.healthy:
        summary = f"to be repaired; the host says: {running.kernel}"
    notes = (
        () if running.calendar == "ok" else (f"the calendar of {wanted.host} {running.calendar}",)
    )
    return HostPlan(wanted.host, state, running.digest, wanted.digest, summary, notes=notes)


def _change(
    wanted: Bundle,
    new: Wording,
    running: RunningGeneration,
    before: Bundle,
    moment: datetime,
) -> HostPlan:
    files = tuple(compare_files(before, wanted))
    notes = list(bundle_notes(wanted, new.intent))
    try:
        old = Wording(_intent(before), new.where)
    except (KeyError, ValueError, TypeError) as error:
        notes.append(
            f"what runs there was made by another version ({error!r}): files alone compare"
        )
        return _files_alone(wanted, running, new, files, tuple(notes))
    changes = (*compare_leaves(old, new), *compare_region(old, new))
    calendars = (before.text(generation.CALENDAR), wanted.text(generation.CALENDAR))
    hours = tuple(compare_hours((old, calendars[0]), (new, calendars[1])))
    moves: tuple[Move, ...] = ()
    traffic: tuple[Traffic, ...] = ()
    around = Around()
    try:
        moves = tuple(compare_interfaces((old.intent, before), (new.intent, wanted)))
        traffic = tuple(
            compare_traffic(
                (before, running.profile or profile_at(before, moment)),
                (wanted, profile_at(wanted, moment)),
                class_names(old.intent, new.intent),
            )
        )
        around = compare_around(before, wanted, moves)
    except (HostError, KeyError, TypeError, ValueError) as error:
        notes.append(f"what traffic will notice could not be told: {error}")
    return HostPlan(
        host=wanted.host,
        state="change",
        before=running.digest,
        after=wanted.digest,
        summary=_summary(changes, hours, moves),
        changes=changes,
        follows=tuple(compare_pools(old, new)),
        hours=hours,
        moves=moves,
        traffic=traffic,
        files=files,
        notes=tuple(notes),
        around=around,
        offices=sum(leaf.kind == "opd" for leaf in old.intent.leaves),
        points=sum(leaf.kind == "hotspot" for leaf in old.intent.leaves),
        cuts=tuple(compare_cuts(old, new)),
        overuse=tuple(compare_overuse(old, new, running.usage)),
        above=tuple(above_uplink(new)),
    )


def _files_alone(
    wanted: Bundle,
    running: RunningGeneration,
    new: Wording,
    files: tuple[FileChange, ...],
    notes: tuple[str, ...],
) -> HostPlan:
    """The change from what another version made, which this one cannot read."""
    return HostPlan(
        wanted.host,
        "change",
        running.digest,
        wanted.digest,
        f"{count(len(files), 'file')} of another version change",
        files=files,
        notes=notes,
        compared=False,
        above=tuple(above_uplink(new)),
    )


def _intent(bundle: Bundle) -> RouterIntent:
    return read_intent(bundle.text(generation.INTENT))


def _summary(changes: tuple[Change, ...], hours: tuple[Hours, ...], moves: tuple[Move, ...]) -> str:
    """`1 office changed, 2 offices added, uplink main changed`."""
    nouns: dict[Kind, str] = {"opd": "office", "hotspot": "public point"}
    verbs: dict[Action, str] = {"change": "changed", "add": "added", "remove": "removed"}
    counts = Counter((change.kind, change.action) for change in changes)
    parts = [
        f"{count(counts[kind, action], noun)} {verbs[action]}"
        for kind, noun in nouns.items()
        for action in verbs
        if counts[kind, action]
    ]
    parts += [
        f"{change.name} {verbs[change.action]}" for change in changes if change.kind not in nouns
    ]
    parts += [f"{move.name} moves to {move.after}" for move in moves]
    told = {change.slug for change in changes if change.kind == "calendar"}
    parts += [
        f"calendar {item.calendar} changed on {count(item.count, 'day')}"
        for item in hours
        if item.count and item.calendar not in told
    ]
    return ", ".join(parts) or "its files change, and no meaning with them"
