"""The whole plan in Markdown, office by office, as a terminal shows it; diffs are folded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from komando.plan.inert import code, fenced, inert
from komando.plan.model import Change, Finding, HostPlan, Plan
from komando.plan.narration import (
    OVERUSE_TITLE,
    arrow,
    detail_words,
    digest_words,
    finding_aspects,
    findings_headline,
    hours_words,
    overuse_words,
    shifts_by_hours,
    traffic_words,
)
from komando.plan.page import Block, paged
from komando.plan.wording import count

VERBS = {"add": "added", "remove": "removed", "change": "changes"}


def markdown(plan: Plan, *, diff: bool = True) -> str:
    """GitHub's Markdown, however long."""
    changing = [code(host.host) for host in plan.changing()]
    head = f"### Plan: {', '.join(changing) if changing else 'nothing changes'}"
    return paged((Block((head,)), *plan_blocks(plan, diff=diff)), None, "")


def plan_blocks(plan: Plan, *, diff: bool) -> Iterator[Block]:
    """All of a plan below its headline."""
    if plan.findings:
        yield Block((f"**{findings_headline(plan.findings)}**",))
        yield Block((), tuple("\n".join(_finding(one)) for one in plan.findings), "finding")
    for host in plan.hosts:
        yield from _host(host, diff=diff)
    yield from _notes(plan.notes)


def _finding(finding: Finding) -> Iterator[str]:
    mark = "🛑" if finding.stops else "✅"
    yield f"- {mark} **{inert(finding.id)}** on {code(finding.host)}: {inert(finding.message)}"
    for label, words in finding_aspects(finding):
        yield f"  - {label}: {inert(words)}"
    if finding.skeleton:
        opening, lines, closing = fenced(finding.skeleton.splitlines(), "yaml")
        yield ""
        yield f"  {code(f'policies/acknowledgements/{finding.slug}.yaml')}:"
        yield ""
        yield from (f"  {line}" for line in (opening, *lines, closing))
    yield ""


def _host(host: HostPlan, *, diff: bool) -> Iterator[Block]:
    if host.state == "same":
        runs = f"{code(host.host)} runs {code(digest_words(host.after))}"
        yield Block((f"{runs}: {inert(host.summary)}.",))
        yield from _notes(host.notes)
        return
    versions = code(arrow(digest_words(host.before), digest_words(host.after)))
    yield Block((f"#### {code(host.host)} ({versions}): {inert(host.summary)}",))
    changes = tuple("\n".join(_change(change)) for change in host.changes)
    if changes:
        yield Block((), changes, "change")
    yield from _list(OVERUSE_TITLE, overuse_words(host.overuse))
    for when, shifts in shifts_by_hours(host.follows):
        head = (f"**{inert(when[:1].upper() + when[1:])}**", "", "| pool | before | after |",
                "|---|---|---|")  # fmt: skip
        rows = (
            f"| {inert(shift.pool)} | {inert(shift.before or '-')} | {inert(shift.after or '-')} |"
            for shift in shifts
        )
        yield Block(head, tuple(rows), "pool")
    lines = [line for item in host.hours for line in hours_words(item)]
    yield from _list("Hours that change", lines)
    yield from _list("Traffic", traffic_words(host))
    yield from _files(host, diff=diff)
    yield from _notes(host.notes)


def _list(title: str, lines: Iterable[str]) -> Iterator[Block]:
    rows = tuple(f"- {inert(line)}" for line in lines)
    if rows:
        yield Block((f"**{title}**", ""), rows)


def _notes(notes: Iterable[str]) -> Iterator[Block]:
    return (Block((), (f"> **Note**: {inert(note)}",), "note") for note in notes)


def _change(change: Change) -> Iterator[str]:
    yield f"- **{inert(change.title)}** {VERBS[change.action]}"
    for detail in change.details:
        place = f" ({code(str(detail.location))})" if detail.location is not None else ""
        words = f"{detail.aspect}: {detail_words(detail, change.action)}"
        yield f"  - {inert(words)}{place}"


def _files(host: HostPlan, *, diff: bool) -> Iterator[Block]:
    if not host.files:
        return
    head = (f"<details><summary>{count(len(host.files), 'file')}</summary>", "")
    rows = tuple(
        f"- {code(file.path)} +{file.lines_added} -{file.lines_removed}" for file in host.files
    )
    tail = ("", "</details>")
    yield Block(head, rows, "file", tail=tail)
    lines = [line for file in host.files for line in file.diff.splitlines()]
    if diff and lines:
        opening, shown, closing = fenced(lines, "diff")
        title = f"<details><summary>{count(len(lines), 'diff line')}</summary>"
        yield Block((title, "", opening), shown, "diff line", (closing,), tail, spare=True)
