"""The plan as a comment on a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from komando.plan.model import Change, HostPlan, Plan
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

VERBS = {"add": "added", "remove": "removed", "change": "changes"}


def markdown(plan: Plan, *, diff: bool = True) -> str:
    """GitHub's Markdown; diffs are folded."""
    return "\n".join(_plan(plan, diff=diff)) + "\n"


def _plan(plan: Plan, *, diff: bool) -> Iterator[str]:
    changing = [f"`{host.host}`" for host in plan.changing()]
    yield f"### Plan: {', '.join(changing) if changing else 'nothing changes'}"
    yield from _findings(plan)
    for host in plan.hosts:
        yield ""
        yield from _host(host, diff=diff)
    yield from _notes(plan.notes)


def _findings(plan: Plan) -> Iterator[str]:
    if not plan.findings:
        return
    yield ""
    yield f"**{findings_headline(plan.findings)}**"
    for finding in plan.findings:
        mark = ":stop_sign:" if finding.stops else ":white_check_mark:"
        yield ""
        yield f"- {mark} **{finding.id}** on `{finding.host}`: {_plain(finding.message)}"
        for label, words in finding_aspects(finding):
            yield f"  - {label}: {_plain(words)}"
        if finding.skeleton:
            yield ""
            yield f"  `policies/acknowledgements/{finding.slug}.yaml`:"
            yield ""
            yield "  ```yaml"
            yield from (f"  {line}" for line in finding.skeleton.splitlines())
            yield "  ```"


def _host(host: HostPlan, *, diff: bool) -> Iterator[str]:
    if host.state == "same":
        yield f"`{host.host}` runs `{digest_words(host.after)}`: {host.summary}."
        yield from _notes(host.notes)
        return
    versions = arrow(digest_words(host.before), digest_words(host.after))
    yield f"#### `{host.host}` ({versions}): {_plain(host.summary)}"
    for change in host.changes:
        yield ""
        yield from _change(change)
    yield from _list(OVERUSE_TITLE, overuse_words(host.overuse))
    for when, shifts in shifts_by_hours(host.follows):
        yield ""
        yield f"**{_plain(when.capitalize())}**"
        yield ""
        yield "| pool | before | after |"
        yield "|---|---|---|"
        for shift in shifts:
            yield f"| {shift.pool} | {shift.before or '-'} | {shift.after or '-'} |"
    lines = [line for item in host.hours for line in hours_words(item)]
    yield from _list("Hours that change", lines)
    yield from _list("Traffic", traffic_words(host))
    yield from _files(host, diff=diff)
    yield from _notes(host.notes)


def _list(title: str, lines: Iterable[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield ""
        yield f"**{title}**"
        yield ""
        yield from (f"- {_plain(line)}" for line in found)


def _notes(notes: Iterable[str]) -> Iterator[str]:
    for note in notes:
        yield ""
        yield f"> **Note**: {_plain(note)}"


def _change(change: Change) -> Iterator[str]:
    yield f"- **{_plain(change.title)}** {VERBS[change.action]}"
    for detail in change.details:
        place = f" (`{detail.location}`)" if detail.location is not None else ""
        yield f"  - {detail.aspect}: {_plain(detail_words(detail, change.action))}{place}"


def _files(host: HostPlan, *, diff: bool) -> Iterator[str]:
    if not host.files:
        return
    yield ""
    yield f"<details><summary>{len(host.files)} files</summary>"
    yield ""
    for file in host.files:
        yield f"- `{file.path}` +{file.lines_added} -{file.lines_removed}"
    texts = [file.diff for file in host.files if file.diff]
    if diff and texts:
        yield ""
        yield "```diff"
        yield from (line for text in texts for line in text.splitlines())
        yield "```"
    yield ""
    yield "</details>"


def _plain(text: str) -> str:
    """A name in a policy must not become markup in a comment."""
    for mark in "\\`*_<>[]|#":
        text = text.replace(mark, f"\\{mark}")
    return text
