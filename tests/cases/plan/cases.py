"""Plan cases: a base of policies, edits to it or other interfaces, and the plan in words.

Makes the expected texts anew: python -m tests.cases.plan.cases
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from komando.bundle import Bundle
from komando.generation import RunningGeneration
from komando.host.rates import LEAST, STEP, Seen
from komando.intent import compile_intent
from komando.inventory import Host
from komando.plan import Plan, Setting, assess, comment, make_plan, text_lines
from komando.platforms.debian import render
from komando.policy import Policy, load_policy
from komando.usage import Usage, read_usage

HERE = Path(__file__).parent
CASES = sorted(path.parent.name for path in HERE.glob("*/case.yaml"))
MOMENT = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
"""A Tuesday, 10:00 in Pontianak: offices are open."""

COMMENTED = ("offices-cut", "uplink-moved")
"""Cases whose comment on a pull request is kept, too."""

SETTING = Setting(
    mark="<!-- komando plan production -->",
    title="production",
    notes=("compared with the last commit that was applied",),
    base="https://forge.example/kotim/policies/blob/0123abc",
    whole="the summary of this job",
    whole_at="https://forge.example/kotim/policies/actions/runs/7",
)

TODAY = date(2026, 11, 24)

HOST = Host("core-1", "router", "192.0.2.1",
            {"uplink": "wan0", "metro": "lan0", "public": "lan1"}, "fq_codel",
            management=(ip_network("192.0.2.0/28"),))  # fmt: skip


def plan_of(case: str, divisor: int = 1, kernel: str = "ok") -> Plan:
    """The plan from the base to the edited policies of a case."""
    description: dict[str, Any] = yaml.safe_load((HERE / case / "case.yaml").read_text())
    with _scratch() as policies:
        for edit in description.get("already", []):
            _edit(policies, edit)
        before, _ = _bundle(policies, divisor)
        for edit in description["edits"]:
            _edit(policies, edit)
        host = replace(HOST, interfaces=HOST.interfaces | description.get("interfaces", {}))
        after, policy = _bundle(policies, divisor, host)
        running = RunningGeneration(
            "core-1",
            before.digest,
            "working-week",
            kernel=kernel,
            bundle=None if description.get("unread") else before,
            asked_from=description.get("asked_from", "192.0.2.2"),
            usage=_usage(description["usage"], divisor) if "usage" in description else None,
        )
        if description.get("first"):
            running = replace(running, digest=None, bundle=None)
        names = ["core-1", *description.get("beside", [])]
        machines = {name: replace(host, name=name) for name in names}
        plan = make_plan(
            {"core-1": after}, {"core-1": running}, policy.where, MOMENT, (), {}, machines
        )
        return assessed(plan, policy)


def _usage(rows: list[dict[str, Any]], divisor: int) -> Usage:
    """What the host's program would answer of minutes at these rates (bit/s of the policy)."""
    told = []
    for row in rows:
        seen = Seen("2026-11-17T02:00:00Z")
        for rate, minutes in row["minutes"].items():
            seen.add(rate // divisor, 60 * minutes, row["at"])
        where = {key: row[key] for key in ("class", "direction", "profile")}
        told.append({**where, "ceiling": row["ceiling"] // divisor, **vars(seen)})
    return read_usage({"least": LEAST, "step": STEP, "rows": told})


def assessed(plan: Plan, policy: Policy) -> Plan:
    """The plan with what the policy's limits and acknowledgements make of it."""
    limits, accepted = policy.region.limits, policy.acknowledgements
    return replace(plan, findings=assess(plan, limits, accepted, TODAY, policy.where))


def base_bundle(host: Host = HOST) -> Bundle:
    """What the policies of the base say for a host."""
    bundle, _ = _bundle(HERE / "base", 1, host)
    return bundle


def text_of(plan: Plan, *, diff: bool = False) -> str:
    """The plan as a terminal without colours shows it; digests, which change with every word
    of a template, stand as `(before)` and `(after)`."""
    out = io.StringIO()
    console = Console(file=out, highlight=False, soft_wrap=True, width=100, no_color=True)
    for line in text_lines(plan, diff=diff):
        console.print(line)
    text = out.getvalue()
    for host in plan.hosts:
        text = text.replace(host.after[:12], "(after)")
        text = text.replace(
            (host.before or "nothing")[:12], "(before)" if host.before else "nothing"
        )
    return text


def comment_of(plan: Plan) -> str:
    """The plan as a comment on a pull request, digests as in `text_of`."""
    text = comment(plan, SETTING)
    for host in plan.hosts:
        text = text.replace(host.after[:12], "(after)")
        text = text.replace((host.before or "nothing")[:12], "(before)")
    return text


def expected_comment(case: str) -> Path:
    """The file that holds the comment of a case."""
    return HERE / case / "comment.md"


def expected(case: str) -> Path:
    """The file that holds what the plan of a case says."""
    return HERE / case / "plan.txt"


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    """A copy of the base as `policies` of the working folder, as a person has it."""
    old = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(HERE / "base", Path(folder, "policies"))
        os.chdir(folder)
        try:
            yield Path("policies")
        finally:
            os.chdir(old)


def _edit(policies: Path, edit: dict[str, Any]) -> None:
    file = policies / edit["file"]
    if edit.get("remove"):
        file.unlink()
    elif "write" in edit:
        file.parent.mkdir(exist_ok=True)
        file.write_text(edit["write"])
    elif "copy" in edit:
        shutil.copy(policies / edit["copy"], file)
    else:
        text = file.read_text()
        assert edit["replace"] in text, edit
        file.write_text(text.replace(edit["replace"], edit["by"], 1))


def _bundle(policies: Path, divisor: int, host: Host = HOST) -> tuple[Bundle, Policy]:
    loaded = load_policy(policies)
    assert loaded.policy is not None, loaded.diagnostics
    compiled = compile_intent(loaded.policy, divisor)
    assert compiled.intent is not None, compiled.diagnostics
    return render(compiled.intent, host), loaded.policy


def main() -> None:
    """Write every expected text anew."""
    for case in CASES:
        expected(case).write_text(text_of(plan_of(case)))
    for case in COMMENTED:
        expected_comment(case).write_text(comment_of(plan_of(case)))


if __name__ == "__main__":
    main()
