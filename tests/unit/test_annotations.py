"""`--format github`: no annotation is written that the forge drops, and the worst are not those."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from komando.cli import main
from komando.cli.formats import MOST_ANNOTATIONS, as_github
from komando.diagnostics import Diagnostic, Location, Severity


def finding(severity: Severity, line: int) -> Diagnostic:
    return Diagnostic("an-id", severity, "m", "f", "e", "r", Location("policies/a.yaml", line, 3))


def shown(text: str) -> list[tuple[str, int]]:
    """Severity and line of each annotation."""
    found = re.findall(r"^::(\w+) file=[^,]*,line=(\d+),", text, re.MULTILINE)
    return [(severity, int(line)) for severity, line in found]


def test_errors_come_first_and_each_severity_keeps_its_order() -> None:
    mixed = [finding("warning" if line % 2 else "error", line) for line in range(1, 7)]
    assert shown(as_github(mixed)) == [
        ("error", 2),
        ("error", 4),
        ("error", 6),
        ("warning", 1),
        ("warning", 3),
        ("warning", 5),
    ]


@pytest.mark.parametrize(
    ("count", "more"), [(10, ""), (11, "1 more error"), (12, "2 more errors"), (500, "490 more")]
)
def test_the_last_that_is_shown_counts_the_rest(count: int, more: str) -> None:
    text = as_github([finding("error", line) for line in range(1, count + 1)])
    assert shown(text) == [("error", line) for line in range(1, MOST_ANNOTATIONS + 1)]
    *others, last = text.splitlines()
    assert not any("more" in one for one in others)
    assert more in last
    assert last.endswith("; `komando check` shows all" if more else "%0Ahelp: r")


def test_warnings_are_counted_by_themselves() -> None:
    errors = [finding("error", line) for line in range(1, 4)]
    warnings = [finding("warning", line) for line in range(1, 31)]
    text = as_github([*warnings, *errors], "komando inventory check")
    found = shown(text)
    assert found[:3] == [("error", 1), ("error", 2), ("error", 3)]
    assert found[3:] == [("warning", line) for line in range(1, 11)]
    assert ",title=an-id%2C and 20 more warnings::" in text.splitlines()[-1]
    assert text.endswith("%0A%0A20 more warnings; `komando inventory check` shows all")


def test_the_summary_says_the_whole_number(policies: Path) -> None:
    office = policies / "opd" / "bpbd.yaml"
    office.write_text(office.read_text() + "".join(f"key-{n}: 1\n" for n in range(25)))
    result = CliRunner().invoke(main, ["check", "--policies", str(policies), "--format", "github"])
    assert len(shown(result.stdout)) == MOST_ANNOTATIONS
    assert "15 more errors" in result.stdout
    assert result.stderr.startswith("25 errors and 0 warnings in ")
    assert result.exit_code == 1


def test_the_machines_check_names_itself(tmp_path: Path) -> None:
    folder = tmp_path / "production"
    folder.mkdir()
    (folder / "hosts.yaml").write_text("".join(f"key-{n}: 1\n" for n in range(12)))
    arguments = ["inventory", "check", "--inventory", str(folder), "--format", "github"]
    text = CliRunner().invoke(main, arguments).stdout
    assert f"`komando inventory check --inventory {folder}` shows all" in text
