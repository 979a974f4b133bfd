"""A plan in one line: what would happen, and whether it may."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from komando.diagnostics import Diagnostic, errors_in
from komando.plan.changes_table import SITES
from komando.plan.inert import inert, short
from komando.plan.model import HostPlan, Plan
from komando.plan.wording import count

MOST_NAMED = 3
"""Hosts, or parts of the network, that the headline names; more are counted."""

_VERBS = {
    "remove": ("is removed", "are removed"),
    "change": ("changes", "change"),
    "add": ("is added", "are added"),
}
_NOUNS = {"opd": "office", "hotspot": "public point"}


def headline(plan: Plan | None, diagnostics: Sequence[Diagnostic]) -> str:
    """`3 offices change on core-1; 1 finding stops an apply`, as inert Markdown."""
    if plan is None or errors_in(diagnostics):
        errors = sum(one.severity == "error" for one in diagnostics)
        return f"No plan: {count(errors, 'error')} in the policies" if errors else "No plan"
    if not plan.hosts:
        return "No plan: there is no host to compare with"
    words = "; ".join(_happens(plan)) or "Nothing changes"
    if number := len(plan.stopping()):
        return f"{words}; {count(number, 'finding')} {'stops' if number == 1 else 'stop'} an apply"
    accepted = f"; {count(len(plan.findings), 'finding')} accepted" if plan.findings else ""
    return words + accepted


def _happens(plan: Plan) -> Iterator[str]:
    compared = [host for host in plan.changing() if host.state == "change" and host.compared]
    if compared:
        yield f"{', '.join(_parts(compared))} on {_names(compared)}"
    rest = [host for host in plan.changing() if host not in compared]
    if len(rest) > MOST_NAMED:
        yield f"{count(len(rest), 'router')} get a whole generation"
        return
    for host in rest:
        yield inert(f"{short(host.host)}: {short(host.summary)}")


def _parts(hosts: Sequence[HostPlan]) -> Iterator[str]:
    counts = Counter((one.kind, one.action) for host in hosts for one in host.changes)
    for kind, noun in _NOUNS.items():
        for action, verbs in _VERBS.items():
            number = next((n for key, n in counts.items() if key == (kind, action)), 0)
            if number:
                yield f"{count(number, noun)} {verbs[number != 1]}"
    rest = [*_network(hosts)]
    if len(rest) > MOST_NAMED:
        yield f"{len(rest)} parts of the network change"
    elif rest:
        yield from rest
    elif not counts:
        yield "files change, and no meaning with them,"


def _network(hosts: Sequence[HostPlan]) -> Iterator[str]:
    """What changes beside offices and points, each in words."""
    for host in hosts:
        for one in host.changes:
            if one.kind not in SITES:
                yield f"{inert(short(one.name))} {_VERBS[one.action][0]}"
        for move in host.moves:
            yield f"{inert(short(move.name))} moves to {inert(short(move.after))}"
        told = {one.slug for one in host.changes if one.kind == "calendar"}
        for item in host.hours:
            if item.count and item.calendar not in told:
                days = count(item.count, "day")
                yield f"calendar {inert(short(item.calendar))} changes on {days}"


def _names(hosts: Sequence[HostPlan]) -> str:
    if len(hosts) > MOST_NAMED:
        return count(len(hosts), "router")
    names = [inert(short(host.host)) for host in hosts]
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
