"""Makes the plan: pure, from what is wanted and what runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from komando import generation
from komando.bundle import Bundle
from komando.generation import RunningGeneration
from komando.host.layout import HostError
from komando.intent import RouterIntent
from komando.plan.files import compare_files
from komando.plan.hours import compare_hours
from komando.plan.model import Action, Change, Detail, HostPlan, Hours, Kind, Plan, State, Traffic
from komando.plan.offices import compare_leaves
from komando.plan.pools import compare_pools, pool_sizes
from komando.plan.region import compare_region
from komando.plan.traffic import class_names, compare_traffic, leaf_kinds, profile_at
from komando.plan.wording import Where, Wording
from komando.units import DIRECTIONS


def make_plan(
    wanted: Mapping[str, Bundle],
    running: Mapping[str, RunningGeneration],
    where: Where,
    moment: datetime,
    notes: Iterable[str] = (),
) -> Plan:
    """What an apply of `wanted` would do to the hosts of `running`, at `moment`.

    `where` finds the line of policy behind a change. Only a host whose digest differs needs its
    `bundle` in `running`; raises ValueError when it lacks. A host that was not asked is left out.
    """
    hosts = tuple(
        _host(wanted[name], running[name], where, moment)
        for name in sorted(wanted.keys() & running.keys())
    )
    return Plan(hosts, tuple(notes))


def _host(wanted: Bundle, running: RunningGeneration, where: Where, moment: datetime) -> HostPlan:
    if running.clock is not None:
        moment = datetime.fromisoformat(running.clock)
    if running.digest == wanted.digest:
        return _same(wanted, running)
    if running.digest is None:
        return _first(wanted, where)
    if running.bundle is None:
        raise ValueError(f"{wanted.host}: the files of generation {running.digest} are missing")
    return _change(wanted, running, running.bundle, where, moment)


def _same(wanted: Bundle, running: RunningGeneration) -> HostPlan:
    state: State = "same" if running.healthy else "repair"
    summary = "nothing changes"
    if not running.healthy:
        summary = f"its files are right, its kernel is not: {running.kernel}"
    notes = (
        () if running.calendar == "ok" else (f"the calendar of {wanted.host} {running.calendar}",)
    )
    return HostPlan(wanted.host, state, running.digest, wanted.digest, summary, notes=notes)


def _first(wanted: Bundle, where: Where) -> HostPlan:
    words = Wording(_intent(wanted), where)
    kinds = Counter(leaf.kind for leaf in words.intent.leaves)
    promised = Counter[str]()
    for leaf in words.intent.leaves:
        if leaf.kind == "opd":
            promised.update({side: leaf.guarantee.of(side).bits for side in DIRECTIONS})
    observed = [leaf for leaf in words.intent.leaves if leaf.mode == "observe"]
    summary = (
        f"it runs nothing yet: {_count(kinds['opd'], 'office')} and "
        f"{_count(kinds['hotspot'], 'public point')} will be shaped"
    )
    notes = [*_leaf_notes(wanted), *_lab_notes(words.intent)]
    if observed:
        notes.append(f"{_count(len(observed), 'office')} will be counted, not held back")
    link = Detail("usable", None, words.pair(words.intent.uplink.link))
    name = words.intent.uplink.name
    uplink = Change("add", "uplink", name, f"uplink {name}", (link,), None)
    return HostPlan(
        host=wanted.host,
        state="first",
        before=None,
        after=wanted.digest,
        summary=summary,
        changes=(uplink,),
        follows=tuple(pool_sizes(words)),
        files=tuple(compare_files(None, wanted)),
        notes=tuple(notes),
    )


def _change(
    wanted: Bundle,
    running: RunningGeneration,
    before: Bundle,
    where: Where,
    moment: datetime,
) -> HostPlan:
    new = Wording(_intent(wanted), where)
    files = tuple(compare_files(before, wanted))
    notes = [*_leaf_notes(wanted), *_lab_notes(new.intent)]
    try:
        old = Wording(_intent(before), where)
    except (KeyError, ValueError, TypeError) as error:
        notes.append(
            f"what runs there was made by another version ({error!r}): files alone compare"
        )
        summary = f"{_count(len(files), 'file')} of another version change"
        return HostPlan(
            wanted.host,
            "change",
            running.digest,
            wanted.digest,
            summary,
            files=files,
            notes=tuple(notes),
        )
    changes = (*compare_leaves(old, new), *compare_region(old, new))
    calendars = (before.text(generation.CALENDAR), wanted.text(generation.CALENDAR))
    hours = tuple(compare_hours((old, calendars[0]), (new, calendars[1])))
    return HostPlan(
        host=wanted.host,
        state="change",
        before=running.digest,
        after=wanted.digest,
        summary=_summary(changes, hours),
        changes=changes,
        follows=tuple(compare_pools(old, new)),
        hours=hours,
        traffic=tuple(_traffic(before, running.profile, wanted, moment, notes)),
        files=files,
        notes=tuple(notes),
    )


def _traffic(
    before: Bundle, profile: str | None, wanted: Bundle, moment: datetime, notes: list[str]
) -> Iterator[Traffic]:
    names = class_names(_intent(before), _intent(wanted))
    try:
        yield from compare_traffic(
            (before, profile or profile_at(before, moment)),
            (wanted, profile_at(wanted, moment)),
            names,
        )
    except (HostError, KeyError, ValueError) as error:
        notes.append(f"what traffic will notice could not be told: {error}")


def _intent(bundle: Bundle) -> RouterIntent:
    return RouterIntent.from_json(bundle.text(generation.INTENT))


def _leaf_notes(bundle: Bundle) -> Iterator[str]:
    if leaf_kinds(bundle) == {"pfifo"}:
        yield (
            f"{bundle.host} queues with pfifo, as its kernel has neither fq_codel nor cake: rates "
            "hold, but an office that fills its own line waits behind itself"
        )


def _lab_notes(intent: RouterIntent) -> Iterator[str]:
    if intent.divisor != 1:
        yield f"rates are the policy's; here each is divided by {intent.divisor}"


def _summary(changes: tuple[Change, ...], hours: tuple[Hours, ...]) -> str:
    """`1 office changed, 2 offices added, uplink main changed`."""
    nouns: dict[Kind, str] = {"opd": "office", "hotspot": "public point"}
    verbs: dict[Action, str] = {"change": "changed", "add": "added", "remove": "removed"}
    counts = Counter((change.kind, change.action) for change in changes)
    parts = [
        f"{_count(counts[kind, action], noun)} {verbs[action]}"
        for kind, noun in nouns.items()
        for action in verbs
        if counts[kind, action]
    ]
    parts += [
        f"{change.name} {verbs[change.action]}" for change in changes if change.kind not in nouns
    ]
    told = {change.slug for change in changes if change.kind == "calendar"}
    parts += [
        f"calendar {item.calendar} changed on {_count(item.count, 'day')}"
        for item in hours
        if item.count and item.calendar not in told
    ]
    return ", ".join(parts) or "its files change, and no meaning with them"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
