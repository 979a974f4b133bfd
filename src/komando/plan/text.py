"""The plan on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.text import Text

from komando.plan.model import Change, FileChange, HostPlan, Plan
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

SIGNS = {"add": ("+", "green"), "remove": ("-", "red"), "change": ("~", "yellow")}

MOST_DIFF_LINES = 200
"""Lines of one file's diff that are shown; `komando render` writes the whole files."""


APPLY = "`komando apply`"


def text_lines(
    plan: Plan, *, diff: bool = True, by: str = APPLY, asked: bool = True
) -> Iterator[Text]:
    """The plan, a line at a time, to be printed without wrapping.

    `by` is what carries it out; `asked` says that the hosts were asked what they run.
    """
    yield from _findings(plan)
    for host in plan.hosts:
        yield from _host(host, diff=diff)
        yield Text()
    for note in plan.notes:
        yield _note(note)
    yield Text(_closing(plan, by, asked=asked), style="bold")


def _closing(plan: Plan, by: str, *, asked: bool) -> str:
    if not plan.hosts:
        return "No host answered: there is nothing to compare with."
    changing = [host.host for host in plan.changing()]
    if not changing:
        if not asked:
            return "Nothing changes on any host, as far as git can tell."
        return f"Nothing changes: {_all(len(plan.hosts))} what the policies say."
    same = len(plan.hosts) - len(changing)
    rest = f"; {same} stay as they are" if same else ""
    if plan.stopping():
        return f"To change: {', '.join(changing)}{rest}. Findings stop {by}: see above."
    return f"To change: {', '.join(changing)}{rest}. {by[:1].upper()}{by[1:]} carries it out."


def _findings(plan: Plan) -> Iterator[Text]:
    if not plan.findings:
        return
    yield Text(findings_headline(plan.findings), style="bold red" if plan.stopping() else "bold")
    for finding in plan.findings:
        sign, style = ("!", "bold red") if finding.stops else ("=", "bold green")
        yield Text()
        yield Text(f"{sign} {finding.id} on {finding.host}: {finding.message}", style=style)
        before = ""
        for label, words in finding_aspects(finding):
            shown = label if label != before else ""
            yield Text.assemble("      ", (f"{shown:8}", "bold"), "  ", words)
            before = label
        if finding.skeleton:
            file = f"policies/acknowledgements/{finding.slug}.yaml"
            yield Text(f"      {file}, to be filled in (--acknowledge writes it):")
            lines = finding.skeleton.splitlines()
            yield from (Text(f"        {line}", style="dim") for line in lines)
    yield Text()


def _all(count: int) -> str:
    return "the host runs" if count == 1 else f"all {count} hosts run"


def _host(host: HostPlan, *, diff: bool) -> Iterator[Text]:
    if host.state == "same":
        yield Text.assemble((host.host, "bold"), f"  {digest_words(host.after)}  {host.summary}")
        yield from (_note(note) for note in host.notes)
        return
    versions = arrow(digest_words(host.before), digest_words(host.after))
    yield Text.assemble((host.host, "bold"), "  ", (versions, "dim"))
    yield Text(f"  {host.summary}")
    for change in host.changes:
        yield from _change(change)
    yield from _section(OVERUSE_TITLE, overuse_words(host.overuse))
    yield from _follows(host)
    yield from _section("Hours that change", (w for item in host.hours for w in hours_words(item)))
    yield from _section("What traffic will notice", traffic_words(host))
    yield from _files(host, diff=diff)
    if host.notes:
        yield Text()
        yield from (_note(note) for note in host.notes)


def _change(change: Change) -> Iterator[Text]:
    sign, style = SIGNS[change.action]
    yield Text()
    title = Text.assemble("  ", (f"{sign} {change.title}", f"bold {style}"))
    if change.action == "add" and change.location is not None:
        title.append(f"  {change.location}", style="dim")
    yield title
    width = max(len(detail.aspect) for detail in change.details)
    for detail in change.details:
        yield Text.assemble(
            "      ",
            (detail.aspect.ljust(width), "bold"),
            "  ",
            detail_words(detail, change.action),
        )
        if detail.location is not None:
            yield Text(f"      {'':{width}}  {detail.location}", style="dim")


def _follows(host: HostPlan) -> Iterator[Text]:
    if not host.follows:
        return
    yield Text()
    yield Text("  What follows for the pools", style="bold")
    width = max(len(shift.pool) for shift in host.follows)
    for when, shifts in shifts_by_hours(host.follows):
        yield Text(f"      {when}")
        for shift in shifts:
            yield Text(f"        {shift.pool:{width}}  {arrow(shift.before, shift.after)}")


def _section(title: str, lines: Iterable[str]) -> Iterator[Text]:
    found = list(lines)
    if found:
        yield Text()
        yield Text(f"  {title}", style="bold")
        yield from (Text(f"      {line}") for line in found)


def _files(host: HostPlan, *, diff: bool) -> Iterator[Text]:
    if not host.files:
        return
    yield Text()
    yield Text("  Files", style="bold")
    if host.state in ("first", "unread"):
        new = "new " if host.state == "first" else ""
        yield Text(f"      {len(host.files)} {new}files; `komando render` shows them")
        return
    for file in host.files:
        counts = f"+{file.lines_added} -{file.lines_removed}"
        yield Text.assemble("      ", (SIGNS[file.action][0], SIGNS[file.action][1]),
                            f" {file.path}  {counts}")  # fmt: skip
    if diff:
        for file in host.files:
            yield from _diff(file)


def _diff(file: FileChange) -> Iterator[Text]:
    lines = file.diff.splitlines()
    if lines:
        yield Text()
    styles = {"+": "green", "-": "red", "@": "cyan"}
    for number, line in enumerate(lines[:MOST_DIFF_LINES]):
        yield Text(f"  {line}", style="bold" if number < 2 else styles.get(line[:1], ""))
    if len(lines) > MOST_DIFF_LINES:
        rest = len(lines) - MOST_DIFF_LINES
        yield Text(f"  ... {rest} more lines; `komando render` writes the whole file", style="dim")


def _note(note: str) -> Text:
    return Text.assemble("  ", ("note", "bold magenta"), f"  {note}")
