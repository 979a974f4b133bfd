"""The plan as a comment on a pull request, and as the summary of a job: whole or cut, never broken.

A person who opens it reads what would happen in its first line, then what stops it, then who gets
what. Files are folded. It is cut at rows, and says how many there are more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from komando.diagnostics import Diagnostic, errors_in, in_order
from komando.plan.changes_table import address, cell, changes_blocks, place
from komando.plan.headline import headline
from komando.plan.inert import MOST_LINE, bullets, code, fenced, inert, short, worded
from komando.plan.markdown import plan_blocks
from komando.plan.model import FileChange, Finding, HostPlan, Plan
from komando.plan.narration import (
    OVERUSE_TITLE,
    arrow,
    digest_words,
    overuse_words,
    shifts_by_hours,
    traffic_words,
)
from komando.plan.page import Block, paged
from komando.plan.wording import count

COMMENT_LIMIT: Final = 65_000
"""Bytes. GitHub refuses a comment of more than 65,536 characters."""

SUMMARY_LIMIT: Final = 1_000_000
"""Bytes. GitHub refuses a step's summary of more than 1 MiB; a step may write more than one."""

MOST_OPEN: Final = 12
"""Rows of a table that stand open below the table of changes; more are folded."""

MOST_DIFF_LINES: Final = 200
"""Lines of files' differences in a comment, which is also sent by mail."""

VERBS: Final = {"add": "added", "remove": "removed", "change": "changed"}


@dataclass(frozen=True)
class Setting:
    """Where a plan is told, and what its teller knows beside it.

    `mark` is an HTML comment that makes the text known again: its first line. `title` names the
    environment. `diagnostics` are of the policies: with an error among them there is no plan.
    `base` is the address below which the policies' files are read at the commit that was planned
    (`https://.../blob/<commit>`). `whole` says where the whole plan is, `whole_at` its address.
    """

    mark: str = ""
    title: str = ""
    notes: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    base: str = ""
    whole: str = ""
    whole_at: str = ""


def comment(plan: Plan | None, setting: Setting = Setting(), limit: int = COMMENT_LIMIT) -> str:
    """The comment, of at most `limit` bytes. Raises ValueError where that is hardly a headline."""
    return paged(_comment(plan, setting), limit, _whole(setting))


def summary(
    plan: Plan | None, setting: Setting = Setting(), limit: int | None = SUMMARY_LIMIT
) -> str:
    """All of the plan, office by office, of at most `limit` bytes (None: however many)."""
    return paged(_summary(plan, setting), limit, _whole(setting))


def _comment(plan: Plan | None, setting: Setting) -> Iterator[Block]:
    yield _head(plan, setting)
    yield from _diagnostics(setting)
    if plan is not None and not errors_in(setting.diagnostics):
        yield from _stopping(plan.stopping(), setting.base)
        changing = [*plan.changing()]
        yield from changes_blocks(changing, setting.base)
        for host in changing:
            yield from _consequences(host, setting.base, several=len(changing) > 1)
        yield from _accepted([one for one in plan.findings if not one.stops], setting.base)
        yield from _notes(plan, setting)
        for host in changing:
            yield from _files(host, several=len(changing) > 1)
    else:
        yield from _list("Notes", setting.notes, "note")


def _summary(plan: Plan | None, setting: Setting) -> Iterator[Block]:
    yield _head(plan, setting)
    yield from _diagnostics(setting)
    if plan is not None and not errors_in(setting.diagnostics):
        yield from plan_blocks(plan, diff=True)
    yield from _list("Notes", setting.notes, "note")


def _head(plan: Plan | None, setting: Setting) -> Block:
    stops = plan is None or errors_in(setting.diagnostics) or plan.stopping()
    title = inert(f"{short(setting.title)}:") + " " if setting.title else ""
    line = f"### {'🛑 ' if stops else ''}{title}{headline(plan, setting.diagnostics)}"
    return Block((setting.mark, line) if setting.mark else (line,))


def _whole(setting: Setting) -> str:
    words = inert(short(setting.whole))
    return f"[{words}]({address(setting.whole_at)})" if words and setting.whole_at else words


# --- what stops ----------------------------------------------------------------------------------


def _diagnostics(setting: Setting) -> Iterator[Block]:
    """Errors, then warnings, each with its line."""
    found = in_order(setting.diagnostics)
    for severity in ("error", "warning"):
        rows = tuple(
            "\n".join(_diagnostic(one, setting.base)) for one in found if one.severity == severity
        )
        if rows:
            yield Block((f"#### {count(len(rows), severity)} in the policies", ""), rows, severity)


def _diagnostic(one: Diagnostic, base: str) -> Iterator[str]:
    name = inert(one.id)
    name = f"[{name}]({address(base)}/{address(one.page)})" if base else name
    yield f"- {place(one.location, base)} **{name}**: {worded(short(one.message))}"
    for label, words in (("found", one.found), ("expected", one.expected), ("help", one.remedy)):
        if words:
            yield f"  - {label}: {worded(short(words))}"
    for two in one.related:
        yield f"  - see: {place(two.location, base)} {inert(short(two.message))}"


def _stopping(findings: Sequence[Finding], base: str) -> Iterator[Block]:
    if findings:
        rows = tuple("\n".join((*_finding(one, base), "")) for one in findings)
        yield Block(("#### What stops it", ""), rows, "finding")


def _finding(finding: Finding, base: str) -> Iterator[str]:
    """What is found, whom it touches, how to mend it, and folded what a person would fill in."""
    yield _found(finding, base)
    yield ""
    if finding.touches:
        yield from bullets(finding.touches)
    else:
        yield f"- before: {inert(short(finding.before))}"
        yield f"- after: {inert(short(finding.after))}"
    yield from (f"- amiss: {inert(short(line))}" for line in finding.unmet)
    if finding.location is not None:
        said = "set in" if finding.acknowledgeable else "says so"
        yield f"- {said}: {place(finding.location, base)}"
    never = "" if finding.acknowledgeable else " (nobody can acknowledge it)"
    yield f"- help: {worded(short(finding.remedy))}{never}"
    if not base:
        yield f"- page: {code(finding.page)}"
    if finding.skeleton:
        file = f"policies/acknowledgements/{finding.slug}.yaml"
        opening, lines, closing = fenced(finding.skeleton.splitlines(), "yaml")
        yield ""
        yield f"<details><summary>To accept it, fill in:</summary>\n\n{code(short(file))}\n"
        yield from (opening, *lines, closing)
        yield "\n</details>"


def _found(finding: Finding, base: str) -> str:
    name = inert(short(finding.id))
    name = f"[{name}]({address(base)}/{address(finding.page)})" if base else name
    return f"**{name}** on {code(short(finding.host))}: {inert(short(finding.message))}"


def _accepted(findings: Sequence[Finding], base: str) -> Iterator[Block]:
    rows = tuple(
        f"- {_found(one, base)}; accepted by "
        f"{code(short(f'policies/acknowledgements/{one.acknowledged_by}.yaml'))}"
        for one in findings
    )
    if rows:
        yield Block((f"#### {count(len(rows), 'finding')} accepted", ""), rows, "accepted finding")


# --- what follows --------------------------------------------------------------------------------


def _consequences(host: HostPlan, base: str, *, several: bool) -> Iterator[Block]:
    on = f" on {code(short(host.host))}" if several else ""
    yield from _list(f"{OVERUSE_TITLE}{on}", overuse_words(host.overuse), "measurement")
    rows = [
        f"| {inert(short(when)) if number == 0 else ''} | {inert(short(shift.pool))} "
        f"| {cell(shift.before)} | {cell(shift.after)} |"
        for when, shifts in shifts_by_hours(host.follows)
        for number, shift in enumerate(shifts)
    ]
    if rows:
        yield _pools(tuple(rows), on)
    days = tuple(
        f"- {code(short(item.calendar))} {inert(short(day))}"
        + (f" {place(item.location, base)}" if item.location is not None else "")
        for item in host.hours
        for day in item.days
    )
    if days:
        yield Block((f"#### Hours that change{on}", ""), days, "day")
    yield from _list(f"What traffic will notice{on}", traffic_words(host), "line")


def _pools(rows: tuple[str, ...], on: str) -> Block:
    """The table of the pools, folded where it would hide what comes after it."""
    table = ("| when | pool | before | after |", "|---|---|---|---|")
    if len(rows) <= MOST_OPEN:
        return Block((f"#### What follows for the pools{on}", "", *table), rows, "pool")
    title = f"<details><summary>In {count(len(rows), 'line')}</summary>"
    head = (f"#### What follows for the pools{on}", "", title, "", *table)
    return Block(head, rows, "pool", tail=("", "</details>"))


def _notes(plan: Plan, setting: Setting) -> Iterator[Block]:
    same = [host.host for host in plan.hosts if host.state == "same"]
    stay = [f"unchanged: {', '.join(same)}"] if same and plan.changes else []
    of_hosts = [note for host in plan.hosts for note in host.notes]
    notes = (*setting.notes, *plan.notes, *of_hosts, *stay)
    yield from _list("Notes", notes, "note")


def _list(title: str, lines: Iterable[str], noun: str) -> Iterator[Block]:
    rows = tuple(f"- {worded(short(line, MOST_LINE))}" for line in lines)
    if rows:
        yield Block((f"#### {title}", ""), rows, noun)


def _files(host: HostPlan, *, several: bool) -> Iterator[Block]:
    """The files that differ, folded, and their differences, folded again."""
    if not host.files:
        return
    versions = arrow(digest_words(host.before), digest_words(host.after))
    on = f"{code(short(host.host))} " if several else ""
    head = (f"<details><summary>{count(len(host.files), 'file')}</summary>", "",
            f"{on}{code(versions)}", "")  # fmt: skip
    rows = tuple(_file(file) for file in host.files)
    yield Block(head, rows, "file", tail=("", "</details>"), spare=True)
    lines = [line for file in host.files for line in file.diff.splitlines()]
    if lines:
        opening, shown, closing = fenced(lines, "diff")
        title = f"<details><summary>{count(len(lines), 'diff line')}</summary>"
        end, tail = (closing,), ("", "</details>")
        yield Block(
            (title, "", opening), shown, "diff line", end, tail, spare=True, most=MOST_DIFF_LINES
        )


def _file(file: FileChange) -> str:
    counts = f"+{file.lines_added} -{file.lines_removed}"
    return f"- {code(short(file.path))} {VERBS[file.action]} {counts}"
