"""What the machine refuses is one sentence; what a pipe's reader leaves is no failure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from komando.cli import main
from komando.cli.plan import try_place
from tests.unit.edited import BASE

POLICIES = f"--policies {BASE}"
SHOW = f"show opd/bpbd {POLICIES}"


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which `komando` is the command."""
    script = f'set -o pipefail; komando() {{ {sys.executable} -c "$MAIN" "$@"; }}; {line}'
    return subprocess.run(
        ["bash", "-c", script],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "MAIN": "from komando.cli import run; run()", **environment},
    )


@pytest.mark.parametrize("verb", [f"check {POLICIES} --today 2026-06-01", SHOW, "schema", "--help"])
def test_a_full_disk_is_one_sentence(verb: str) -> None:
    done = shell(f"komando {verb} >/dev/full")
    assert (done.returncode, done.stderr) == (
        1,
        "Error: standard output: no space left on device\n",
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("verb", [f"check {POLICIES} --today 2026-06-01", SHOW])
def test_a_closed_stream_changes_no_exit_status(verb: str, closed: str) -> None:
    done = shell(f"komando {verb} {closed}")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_reader_that_leaves_changes_no_exit_status() -> None:
    done = shell(f"komando {SHOW} | head -1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    done = shell("komando check --policies /nowhere --format json | true")
    assert (done.returncode, done.stderr) == (1, "")


def test_a_terminal_without_curly_quotes_gets_them_escaped(tmp_path: Path) -> None:
    for path in BASE.rglob("*.yaml"):
        copy = tmp_path / path.relative_to(BASE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text().replace("justification: ", "justification: \u201c"))
    done = shell(f"komando show opd/bpbd --policies {tmp_path}", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert "\\u201c" in done.stdout


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(NotADirectoryError):
        try_place(file / "plan.json")
    result = CliRunner().invoke(main, ["plan", "--out", "/nonexistent/plan.json"])
    assert result.exit_code == 1
    assert result.stderr == "Error: /nonexistent/plan.json: no such file or directory\n"


def test_trying_a_place_leaves_it_as_it_was(tmp_path: Path) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text("{}")
    for path in (old, new, Path(os.devnull)):
        try_place(path)
    assert old.read_text() == "{}"
    assert not new.exists()


@pytest.mark.parametrize(
    "line",
    ["plan --bogus", "plan --format yaml", "paln", "--bogus plan", "show nothing", "lab bogus"],
)
def test_a_wrong_command_line_is_never_taken_for_changes(line: str) -> None:
    assert CliRunner().invoke(main, line.split()).exit_code == 1


def commands(command: click.Command, *path: str) -> list[tuple[str, ...]]:
    found = [path]
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            found += commands(below, *path, name)
    return found


@pytest.mark.parametrize("path", commands(main), ids=" ".join)
def test_a_help_is_whole_and_has_no_marks_of_its_source(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, [*path, "--help"])
    assert result.exit_code == 0
    assert not any(line.endswith("...") for line in result.output.splitlines()[1:])
    assert "\\b" not in result.output
    assert "\b" not in result.output
