"""Drift for people, for an issue on the forge, and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.text import Text

from komando.diagnostics import printable
from komando.plan.inert import code, fenced, inert

if TYPE_CHECKING:
    from komando.host.finding import Finding
    from komando.rollout.drift import Drift, HostDrift, Mended
    from komando.rollout.outcome import Rollout

MENDS = {
    "repair": "komando drift --repair mends it",
    "apply": "komando apply mends it",
    "role": "komando prepare mends it",
    "console": "for a person to decide, at the console",
}

MOST_LINES = 200
"""Lines of one diff that are shown."""

STYLES = {"+": "green", "-": "red", "@": "cyan"}


def text_lines(
    found: Drift, before: Drift | None, rollout: Rollout | None, *, diff: bool
) -> Iterator[Text]:
    """A line at a time, to be printed without wrapping."""
    if before is not None:
        for host in before.drifting:
            yield from _host(host, diff=diff)
        for line in _repaired(rollout):
            yield Text(line, "bold")
        yield Text("After the repair:", "bold")
    for host in found.hosts:
        yield from _host(host, diff=diff)
    yield Text(_closing(found), "bold")


def _closing(found: Drift) -> str:
    if not found.hosts:
        return "No host answered."
    names = ", ".join(one.host for one in found.drifting)
    if not names:
        count = len(found.hosts)
        whom = "the host stands" if count == 1 else f"all {count} hosts stand"
        return f"No drift: {whom} as generated."
    repair = any(one.repairable for one in found.drifting)
    return f"Drift on {names}." + (" `komando drift --repair` mends it." if repair else "")


def _host(host: HostDrift, *, diff: bool) -> Iterator[Text]:
    yield Text.assemble((host.host, "bold"), f"  {_short(host)}  {_summary(host)}")
    for note in host.notes:
        yield Text(f"  note: {note}", "yellow")
    for one in host.findings:
        style = "red" if one.drift else "dim"
        mend = f" ({MENDS[one.mend]})" if one.drift and one.mend != "repair" else ""
        yield Text.assemble(
            "  ", (f"{one.kind} {printable(one.where)}", style),
            f": {printable(one.found)}; expected: {printable(one.expected)}{mend}",
        )  # fmt: skip
        yield from _diff(one.diff) if diff else ()
    for entry in host.mended:
        yield Text(f"  {_mended(entry)}", "yellow")
        yield from _diff(entry.diff) if diff else ()


def _diff(text: str) -> Iterator[Text]:
    lines = text.splitlines()
    for line in lines[:MOST_LINES]:
        yield Text(f"    {_line(line)}", STYLES.get(line[:1], "dim"))
    if (left := len(lines) - MOST_LINES) > 0:
        yield Text(f"    ({left} lines more)", "dim")


def _line(text: str) -> str:
    return printable(text.expandtabs(4))


def _summary(host: HostDrift) -> str:
    drift, told = len(host.drift), len(host.findings) - len(host.drift)
    words = f"{drift} of drift" if drift else "no drift"
    words += f", {told} to know" if told else ""
    return words + (f", {len(host.mended)} mended by itself" if host.mended else "")


def _mended(entry: Mended) -> str:
    span = entry.first if entry.times == 1 else f"{entry.first} to {entry.last}"
    often = "" if entry.times == 1 else f", {entry.times} times"
    return f"mended by itself ({span}{often}): {printable('; '.join(entry.words))}"


def _short(host: HostDrift) -> str:
    return "nothing" if host.running.digest is None else host.running.digest[:12]


def _repaired(rollout: Rollout | None) -> Iterator[str]:
    for one in rollout.outcomes if rollout else ():
        words = "given its generation once more" if one.state == "carried" else one.state
        yield f"{one.host}: {words}" + (f": {printable(one.reason)}" if one.reason else "")


# --- Markdown ------------------------------------------------------------------------------------


def as_markdown(found: Drift, before: Drift | None, rollout: Rollout | None, *, diff: bool) -> str:
    """GitHub's Markdown, the summary first; diffs are folded."""
    return "\n".join(_markdown(found, before, rollout, diff=diff)) + "\n"


def _markdown(
    found: Drift, before: Drift | None, rollout: Rollout | None, *, diff: bool
) -> Iterator[str]:
    names = ", ".join(code(one.host) for one in found.drifting)
    yield f"### Drift: {names or 'none'}" + (" is left after the repair" if before else "")
    yield ""
    yield "| host | runs | |"
    yield "|---|---|---|"
    for host in found.hosts:
        yield f"| {code(host.host)} | {code(_short(host))} | {_summary(host)} |"
    for name, why in sorted(found.failures.items()):
        yield f"| {code(name)} | ? | could not be asked: {inert(' '.join(why.splitlines()))} |"
    for line in _repaired(rollout):
        yield f"\n{inert(line)}"
    for state in (before, found) if before else (found,):
        title = "before the repair" if state is before else "now" if before else ""
        for host in state.hosts:
            if host.findings or host.mended or host.notes:
                yield ""
                yield f"#### {code(host.host)}" + (f", {title}" if title else "")
                yield ""
                yield from _host_markdown(host, diff=diff)


def _host_markdown(host: HostDrift, *, diff: bool) -> Iterator[str]:
    for note in host.notes:
        yield f"> {inert(note)}"
        yield ""
    for one in host.findings:
        yield _finding_markdown(one)
        yield from _folded(one.diff) if diff else ()
    for entry in host.mended:
        yield f"- {inert(_mended(entry))}"
        yield from _folded(entry.diff) if diff else ()


def _finding_markdown(one: Finding) -> str:
    mend = f" *{MENDS[one.mend]}*" if one.drift else " *(to know)*"
    words = f"{inert(one.found)}; expected: {inert(one.expected)}."
    return f"- **{inert(one.kind)}** {code(one.where)}: {words}{mend}"


def _folded(diff: str) -> Iterator[str]:
    if not diff:
        return
    lines = diff.splitlines()
    opening, shown, closing = fenced(lines[:MOST_LINES], "diff")
    yield f"  <details><summary>{len(lines)} lines</summary>"
    yield ""
    yield from (f"  {line}" for line in (opening, *shown, closing))
    yield "  </details>"


# --- JSON ----------------------------------------------------------------------------------------


def as_json(found: Drift, before: Drift | None, rollout: Rollout | None) -> str:
    """One object; `repair` is null where none was asked for, or none was needed."""
    whole: dict[str, Any] = {
        "format": 1,
        "drift": bool(found.drifting),
        "hosts": _plain_hosts(found.hosts),
        "failures": dict(found.failures),
        "repair": None,
    }
    if before is not None and rollout is not None:
        whole["repair"] = {
            "before": _plain_hosts(before.hosts),
            "outcomes": {
                one.host: {"state": one.state, "reason": one.reason} for one in rollout.outcomes
            },
        }
    return json.dumps(whole, indent=1, ensure_ascii=False)


def _plain_hosts(hosts: Iterable[HostDrift]) -> list[dict[str, Any]]:
    return [
        {
            "host": one.host,
            "generation": one.running.digest,
            "wanted": one.wanted,
            "head": one.running.head,
            "drift": bool(one.drift),
            "notes": list(one.notes),
            "findings": [asdict(finding) for finding in one.findings],
            "mended": [asdict(entry) for entry in one.mended],
        }
        for one in hosts
    ]
