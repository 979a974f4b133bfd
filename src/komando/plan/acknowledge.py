"""Findings and the files by which people accept them: which one counts, and how to write one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta

from komando.documents.modeline import modeline
from komando.plan.model import Finding, Plan
from komando.policy import Acknowledgement

USUAL_DAYS = 14
"""Days that a skeleton proposes; it may be at most 31."""

LONGEST_SLUG = 60


def accepted(
    finding: Finding, acknowledgements: Mapping[str, Acknowledgement], today: date
) -> Finding:
    """The finding with the name of the acknowledgement that accepts it, or with all that is amiss.

    What counts has its id, host, `before` and `after`, on this day. A finding that is accepted by
    none gets a skeleton.
    """
    if not finding.acknowledgeable:
        return finding
    unmet: list[str] = []
    for slug, item in acknowledgements.items():
        if (item.finding, item.host) != (finding.id, finding.host):
            continue
        differs = list(_differences(item, finding, today))
        if not differs:
            return replace(finding, acknowledged_by=slug)
        unmet.append(f"{slug} does not count: {'; '.join(differs)}")
    slug = _slug(finding, today, acknowledgements)
    return replace(finding, unmet=tuple(unmet), slug=slug, skeleton=_skeleton(finding, today))


def idle(plan: Plan, acknowledgements: Mapping[str, Acknowledgement]) -> Iterator[str]:
    """A note on each acknowledgement of a host of this plan of whose finding the plan has none."""
    stands = {(finding.id, finding.host) for finding in plan.findings}
    hosts = {host.host for host in plan.hosts}
    for slug, item in acknowledgements.items():
        if item.host in hosts and (item.finding, item.host) not in stands:
            yield (
                f"acknowledgement {slug} accepts nothing of this plan: remove it when what it is "
                "of was applied"
            )


def _differences(item: Acknowledgement, finding: Finding, today: date) -> Iterator[str]:
    for key, has, needs in (
        ("before", item.before, finding.before),
        ("after", item.after, finding.after),
    ):
        if has != needs:
            yield f"its `{key}` is `{has}`, and here it is `{needs}`"
    if today < item.requested.date:
        yield f"it counts from {item.requested.date} on"
    elif today > item.end:
        yield f"it ended on {item.end}"


def _slug(finding: Finding, today: date, taken: Mapping[str, Acknowledgement]) -> str:
    """`offices-removed-core-1-20261124`, with a number behind where that is taken."""
    number = 1
    while True:
        end = f"-{today:%Y%m%d}" + (f"-{number}" if number > 1 else "")
        start = f"{finding.id}-{finding.host}"[: LONGEST_SLUG - len(end)].rstrip("-")
        if start + end not in taken:
            return start + end
        number += 1


def _skeleton(finding: Finding, today: date) -> str:
    """The YAML of an acknowledgement, without what a person has to add: so it passes no check."""
    before, after = (
        json.dumps(text, ensure_ascii=False) for text in (finding.before, finding.after)
    )
    line = modeline("policies/acknowledgements", "acknowledgements")
    return (
        f"{line}\n"
        f"finding: {finding.id}\n"
        f"host: {finding.host}\n"
        f"before: {before}\n"
        f"after: {after}\n"
        "reason:                 # why it is right, for a reader who was not there\n"
        "requested:\n"
        "  by:                   # who asked for it, by office and function\n"
        f"  date: {today}\n"
        f"until: {today + timedelta(days=USUAL_DAYS)}       # at most 31 days after that\n"
    )
