"""What two auditors say of each prepared machine; docs/hardening.md answers for the rest.

Lynis is unpacked from its Debian package beside the machine's own files, so that it looks at what
the roles made and not at what its own installation brought.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from komando.inventory import KINDS
from tests.lab.conftest import Members, on_machine
from tests.lab.desk import REPOSITORY

pytestmark = [pytest.mark.lab, pytest.mark.nightly]

PAGE = REPOSITORY / "docs/hardening.md"

AUDIT = """\
set -eu
rm -rf /run/lynis && mkdir /run/lynis && cd /run/lynis
dpkg -x /var/cache/apt/archives/lynis_*.deb .
cd usr/share/lynis
cp -r /run/lynis/etc/lynis/* .
sh ../../sbin/lynis audit system --quick --no-colors \
  --logfile /run/lynis/log --report-file /run/lynis/report >/run/lynis/said 2>&1
cat /run/lynis/report
rm -rf /run/lynis
"""

# what a container has from the machine around it, and no role can set there
FOREIGN = re.compile(r"KRNL-6000 (?!net\.ipv)|KRNL-5788|TIME-")


@dataclass(frozen=True)
class Audit:
    """What Lynis said of one machine: each finding by its id, and by its key where it has some."""

    kind: str
    index: int
    warnings: frozenset[str]
    suggestions: frozenset[str]


def audit_of(kind: str, report: str) -> Audit:
    """Reads a report of Lynis."""
    found: dict[str, set[str]] = {"warning": set(), "suggestion": set()}
    for what, words in re.findall(r"^(warning|suggestion)\[\]=(.*)$", report, re.MULTILINE):
        name, _, details, *_ = words.split("|")
        # `MaxSessions (set 4 to 2)`: several findings of one id, each about a key of its own
        key = details.partition(" (set ")[0] if " (set " in details else ""
        found[what].add(f"{name} {key}".strip())
    fields = re.findall(
        r"^details\[\]=KRNL-6000\|sysctl\|.*?field:([\w.-]+);", report, re.MULTILINE
    )
    if "KRNL-6000" in found["suggestion"]:
        found["suggestion"].remove("KRNL-6000")
        found["suggestion"].update(f"KRNL-6000 {field}" for field in fields)
    (index,) = re.findall(r"^hardening_index=(\d+)$", report, re.MULTILINE)
    return Audit(kind, int(index), frozenset(found["warning"]), frozenset(found["suggestion"]))


@pytest.fixture(scope="module")
def audits(members: Members) -> dict[str, Audit]:
    """Lynis's word on each machine, by its name; all of them are audited at once."""
    machines = members.city.machines

    def audit(name: str) -> Audit:
        return audit_of(machines[name].kind, on_machine(members.city, name, AUDIT))

    with ThreadPoolExecutor() as pool:
        return dict(zip(machines, pool.map(audit, machines), strict=True))


def _table(heading: str) -> Iterator[list[str]]:
    """The cells of each row of the table below a heading of the page."""
    section = PAGE.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    for line in section.splitlines():
        if line.startswith("| `"):
            yield [cell.strip().strip("`") for cell in line.strip("|").split("|")]


def answered() -> dict[str, set[str]]:
    """The suggestions that the page answers for, each with the kinds of machines that it names."""
    every: set[str] = set(KINDS)
    return {
        name: every if kinds == "all" else set(kinds.split(", "))
        for name, kinds, reason in _table("What is not done, and why")
        if reason
    }


def test_lynis_warns_of_nothing(audits: dict[str, Audit]) -> None:
    warned = {name: audit.warnings for name, audit in audits.items() if audit.warnings}
    assert warned == {}


def test_each_suggestion_of_lynis_is_followed_or_answered(audits: dict[str, Audit]) -> None:
    reasons = answered()
    left = {
        (name, one)
        for name, audit in audits.items()
        for one in audit.suggestions
        if not FOREIGN.match(one) and audit.kind not in reasons.get(one, ())
    }
    assert left == set()


def test_no_answer_is_given_that_nobody_needs(audits: dict[str, Audit]) -> None:
    needed = {(one, audit.kind) for audit in audits.values() for one in audit.suggestions}
    idle = {(name, kind) for name, kinds in answered().items() for kind in kinds} - needed
    assert {one for one in idle if not FOREIGN.match(one[0])} == set()


def test_the_page_tells_the_hardening_index_of_each_kind(
    audits: dict[str, Audit], capsys: pytest.CaptureFixture[str]
) -> None:
    found = {audit.kind: audit.index for audit in audits.values()}
    with capsys.disabled():
        print(f"\nLynis's hardening index: {found}")  # noqa: T201
    told = {kind: int(index) for kind, index, *_ in _table("How hard it is")}
    assert told.keys() == found.keys()
    assert {kind: found[kind] for kind in told if found[kind] < told[kind]} == {}


def test_ssh_audit_fails_nothing(members: Members) -> None:
    for name, host in members.city.machines.items():
        program = str(Path(sys.executable).with_name("ssh-audit"))
        command = [*members.city.access.prefix, program, "--json", "--skip-rate-test", host.address]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        said = json.loads(done.stdout)
        offered = [one for kind in ("kex", "key", "enc", "mac") for one in said[kind]]
        assert offered, name
        failed = {
            one["algorithm"]: one["notes"]["fail"] for one in offered if one["notes"].get("fail")
        }
        assert failed == {}, name
