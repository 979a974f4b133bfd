"""A plan as lines of words, each with its role, which text and Markdown then dress."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from komando.plan.model import (
    Action,
    Around,
    Detail,
    Finding,
    HostPlan,
    Hours,
    Move,
    Overuse,
    Plan,
    Shift,
    Traffic,
)
from komando.plan.wording import count
from komando.units import DIRECTION_WORDS

_NEARLY_A_WEEK = 6 * 24 * 60
"""Minutes: a day of a week may be missing."""

MOST_NAMES = 6
"""Classes that are named; of more, the rest is counted."""


def digest_words(digest: str | None) -> str:
    """The first twelve characters of a digest, enough for a person."""
    return "nothing" if digest is None else digest[:12]


def arrow(before: str | None, after: str | None) -> str:
    """`20 Mbit/s -> 25 Mbit/s`; a side that is not there is left out and said."""
    if before is None:
        return after or ""
    if after is None:
        return f"{before} -> gone"
    return f"{before} -> {after}"


def detail_words(detail: Detail, action: Action) -> str:
    """`20 Mbit/s -> 25 Mbit/s, in the hours of working-week (Mon-Thu 07:00-15:30)`.

    Within a noun that changes, an aspect that comes or goes says so.
    """
    if action != "change":
        words = detail.after or detail.before or ""
    elif detail.before is None:
        words = f"new: {detail.after}"
    elif detail.after is None:
        words = f"gone: {detail.before}"
    else:
        words = arrow(detail.before, detail.after)
    return f"{words}, {detail.when}" if detail.when else words


def findings_headline(findings: Sequence[Finding]) -> str:
    """`3 findings: 1 acknowledged, 2 stop an apply`."""
    stopping = sum(finding.stops for finding in findings)
    accepted = len(findings) - stopping
    parts = [f"{accepted} acknowledged"] if accepted else []
    if stopping:
        parts.append(f"{stopping} {'stops' if stopping == 1 else 'stop'} an apply")
    return f"{count(len(findings), 'finding')}: {', '.join(parts)}"


def finding_aspects(finding: Finding) -> Iterator[tuple[str, str]]:
    """What a finding has to say below its message, each line with its label."""
    yield "before", finding.before
    yield "after", finding.after
    for line in finding.touches:
        yield "touches", line
    if finding.location is not None:
        yield "set in" if finding.acknowledgeable else "says so", str(finding.location)
    for line in finding.unmet:
        yield "amiss", line
    if finding.acknowledged_by is not None:
        yield "accepted", f"by policies/acknowledgements/{finding.acknowledged_by}.yaml"
    else:
        never = "" if finding.acknowledgeable else " (nobody can acknowledge it)"
        yield "help", f"{finding.remedy}{never}"
    yield "page", finding.page


def refusal(plan: Plan) -> str:
    """Why nothing is applied, with what to do; "" when nothing stops it."""
    stopping = plan.stopping()
    if not stopping:
        return ""
    lines = [f"{findings_headline(plan.findings)}; no host was changed"]
    for finding in stopping:
        lines.append(f"  {finding.id} on {finding.host}: {finding.message}")
        lines += [f"      {line}" for line in finding.unmet]
        if finding.acknowledgeable:
            file = f"policies/acknowledgements/{finding.slug}.yaml"
            way = f"have {file} reviewed: `komando plan` shows it"
        else:
            way = f"nobody can acknowledge it: {finding.remedy}"
        lines.append(f"      {way} ({finding.page})")
    return "\n".join(lines)


OVERUSE_TITLE = "What would have been cut in the last week"


def overuse_words(found: Sequence[Overuse]) -> Iterator[str]:
    """Two lines for each office and direction, and what keeps the figures from saying all."""
    for one in found:
        where = f"{one.name} ({one.slug}), {DIRECTION_WORDS[one.direction]}"
        if one.unmeasured:
            cure = "observe it for a week first" if one.enforced else "nothing can be said"
            yield f"{where}: {one.unmeasured}: {cure}"
            continue
        yield (
            f"{where}: above the new ceiling of {one.ceiling} in {one.above:,} of "
            f"{count(one.minutes, 'minute')}; at most {one.most} ({one.at}), "
            f"95 % of the time up to {one.usual}"
        )
        short = ", which is less than a week" if one.minutes < _NEARLY_A_WEEK else ""
        yield (
            f"  measured since {one.since}{short}; above its promise, below which nothing is ever "
            f"cut, in {count(one.shared, 'minute')}"
        )
    if any(one.minutes for one in found):
        yield (
            "a rate is the mean of a minute: what is shorter is not seen; "
            "between promise and ceiling it depends on what the others want"
        )


def shifts_by_hours(shifts: Iterable[Shift]) -> Iterator[tuple[str, list[Shift]]]:
    """The shifts under their hours, hours with the same shifts told once."""
    told: dict[tuple[tuple[str, str | None, str | None], ...], list[str]] = {}
    groups: dict[tuple[tuple[str, str | None, str | None], ...], list[Shift]] = {}
    for when, group in groupby(shifts, key=lambda shift: shift.when):
        found = list(group)
        key = tuple((shift.pool, shift.before, shift.after) for shift in found)
        told.setdefault(key, []).append(when)
        groups[key] = found
    for key, whens in told.items():
        yield "; ".join(whens), groups[key]


def hours_words(hours: Hours) -> Iterator[str]:
    """One line for each day that a calendar changes."""
    place = f"  {hours.location}" if hours.location is not None else ""
    return (f"{hours.calendar}: {day}{place}" for day in hours.days)


def traffic_words(host: HostPlan) -> Iterator[str]:
    """What traffic will notice, both directions in one line where they are alike."""
    if host.state == "first":
        yield "the trees are built; before that nothing is shaped"
        return
    if host.state == "unread":
        yield "it cannot be told, as what runs there is not known"
        return
    sound = host.kernel == "ok"
    if not sound:
        yield f"first what {host.host} misses is mended, where it must be by building a tree anew"
    yield from (_move(move) for move in host.moves)
    by_words: dict[str, list[str]] = {}
    for traffic in host.traffic:
        place = f"{DIRECTION_WORDS[traffic.direction]} ({traffic.device})"
        by_words.setdefault(_traffic(traffic), []).append(place)
    for words, places in by_words.items():
        yield f"{' and '.join(places)}: {words}"
    yield from _around(host.around)
    rebuilt = any(item.rebuilt for item in host.traffic)
    if any(item.touched for item in host.traffic) and sound and not (rebuilt or host.moves):
        yield "no restart, and no packet of another class is touched"


def _around(around: Around) -> Iterator[str]:
    """Tables, addresses, routes and settings: what is behind the classes that change."""
    for tables, what in (
        (around.reloaded, "new rules and elements in one transaction: it stands all the time"),
        (around.replaced, "built anew, in one transaction"),
    ):
        if tables:
            plural = "table" if len(tables) == 1 else "tables"
            yield f"nft {plural} {', '.join(tables)}: {what}"
    for entries, what in ((around.gone, "removed"), (around.come, "added")):
        if entries:
            addresses = sum(entry.startswith("address ") for entry in entries)
            counts = [(addresses, "address"), (len(entries) - addresses, "route")]
            nouns = " and ".join(count(number, noun) for number, noun in counts if number)
            yield f"{nouns} {what} ({_names(entries)})"
    for setting in around.settings:
        yield f"kernel setting {setting}"


def _move(move: Move) -> str:
    along = f"{count(move.addresses, 'address')} and {count(move.routes, 'route')}"
    return (
        f"{move.name} moves from {move.before} to {move.after}, with {along}: "
        "whoever is behind it is reached there alone"
    )


def _traffic(traffic: Traffic) -> str:
    if traffic.rebuilt:
        return f"all {traffic.total} classes are built anew; what waits in them is lost"
    parts = [
        f"{len(names)} {verb} ({_names(names)})"
        for names, verb in (
            (traffic.changed, "change in place"),
            (traffic.added, "added"),
            (traffic.deleted, "deleted once drained"),
        )
        if names
    ]
    return (
        f"of {traffic.total} classes {'; '.join(parts)}"
        if parts
        else "no class changes at this hour"
    )


def _names(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:MOST_NAMES])
    more = len(names) - MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown
