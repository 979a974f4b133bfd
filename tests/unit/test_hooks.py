"""The hooks of git: pre-commit itself, in a repository, at a real commit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from komando.cli import main

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.prefix) / "bin"
OFFICE = "policies/opd/dinas-kesehatan.yaml"
HOSTS = "inventories/production/hosts.yaml"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with this one's policies, machines and programs, and one commit."""
    for name, value in {
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "PRE_COMMIT_HOME": str(tmp_path / "pre-commit"),
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        **{f"GIT_{role}_NAME": "requester-1" for role in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{role}_EMAIL": "requester-1@office.example" for role in ("AUTHOR", "COMMITTER")},
    }.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "clone"
    for part in ("policies", "inventories"):
        shutil.copytree(ROOT / part, folder / part)
    for file in (".pre-commit-config.yaml", ".gitignore"):
        shutil.copy(ROOT / file, folder)
    (folder / ".venv").mkdir()
    (folder / ".venv/bin").symlink_to(PROGRAMS)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=all")
    return folder


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def install(folder: Path) -> None:
    command = [str(PROGRAMS / "pre-commit"), "install"]
    subprocess.run(command, cwd=folder, capture_output=True, check=True)


def edit(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text()
    assert text.count(old) == 1
    (folder / file).write_text(text.replace(old, new))


def commit(folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["git", "-C", str(folder), "commit", "--all", "--message=a change"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def commits(folder: Path) -> int:
    return int(git(folder, "rev-list", "--count", "HEAD"))


def outcome(said: str, hook: str) -> str:
    """Passed, Failed or Skipped, as pre-commit says it of a hook."""
    (line,) = (line for line in said.splitlines() if line.startswith(f"{hook}.."))
    return line.rpartition(".")[2].rpartition(")")[2]


def test_a_bad_policy_is_not_committed(repository: Path) -> None:
    install(repository)
    edit(repository, OFFICE, "guarantee: 20 Mbit/s", "guarantee: 90 Mbit/s")
    result = commit(repository)
    assert result.returncode == 1
    assert f"{OFFICE}:14:12: error[guarantee-above-ceiling]" in result.stderr
    assert outcome(result.stderr, "komando check") == "Failed"
    assert commits(repository) == 1


def test_a_good_policy_is_committed_and_no_machine_is_looked_at(repository: Path) -> None:
    install(repository)
    edit(repository, OFFICE, "guarantee: 20 Mbit/s", "guarantee: 30 Mbit/s")
    result = commit(repository)
    assert result.returncode == 0, result.stderr
    assert outcome(result.stderr, "komando check") == "Passed"
    for hook in ("komando inventory check", "ruff format", "ruff check"):
        assert outcome(result.stderr, hook) == "Skipped"
    assert commits(repository) == 2


def test_what_is_committed_is_checked_and_not_what_lies_beside_it(repository: Path) -> None:
    install(repository)
    edit(repository, OFFICE, "guarantee: 20 Mbit/s", "guarantee: 90 Mbit/s")
    git(repository, "add", OFFICE)
    edit(repository, OFFICE, "guarantee: 90 Mbit/s", "guarantee: 30 Mbit/s")
    command = ["git", "-C", str(repository), "commit", "--message=what is staged"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "guarantee-above-ceiling" in result.stderr


def test_a_bad_list_of_machines_is_not_committed(repository: Path) -> None:
    install(repository)
    edit(repository, HOSTS, "    administrator: root", "    administrater: root")
    result = commit(repository)
    assert result.returncode == 1
    assert "error[key-unknown]" in result.stderr
    assert f"{HOSTS}:" in result.stderr
    assert outcome(result.stderr, "komando check") == "Skipped"


def test_nothing_is_fetched(repository: Path) -> None:
    """Each hook is a program of .venv; one of another language would be installed."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [one["repo"] for one in config["repos"]] == ["local"]
    for hook in config["repos"][0]["hooks"]:
        assert hook["language"] == "system"
        program = hook["entry"].split()[0]
        assert (repository / program).is_file()


# --- the hooks that others take -------------------------------------------------------------------


def manifest() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    return found


def test_the_manifest_is_one() -> None:
    command = [str(PROGRAMS / "pre-commit"), "validate-manifest", ".pre-commit-hooks.yaml"]
    subprocess.run(command, cwd=ROOT, check=True)
    assert [one["id"] for one in manifest()] == ["komando-check", "komando-inventory"]


@pytest.mark.parametrize("hook", manifest(), ids=lambda hook: str(hook["id"]))
def test_a_hook_of_the_manifest_calls_a_verb_that_is_there(hook: dict[str, Any]) -> None:
    program, *verbs = hook["entry"].split()
    assert program == "komando", "the program that the package installs"
    found: click.Command | None = main
    for verb in verbs:
        assert isinstance(found, click.Group)
        found = found.get_command(click.Context(found), verb)
    assert found is not None
    assert hook["language"] == "python"


def test_the_manifests_hooks_stop_a_bad_policy(repository: Path) -> None:
    """As `language: python` would run them, but by the package that is installed already."""
    hooks = [{**hook, "language": "system"} for hook in manifest()]
    config = {"repos": [{"repo": "local", "hooks": hooks}]}
    (repository / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    git(repository, "commit", "--all", "--quiet", "--message=other hooks")
    install(repository)
    edit(repository, OFFICE, "guarantee: 20 Mbit/s", "guarantee: 20 MB/s")
    result = commit(repository)
    assert result.returncode == 1
    assert f"{OFFICE}:14:12: error[rate-bytes]" in result.stderr
    git(repository, "checkout", "--quiet", "HEAD", "--", OFFICE)
    edit(repository, HOSTS, "    administrator: root", "    administrator: siti")
    result = commit(repository)
    assert result.returncode == 0, result.stderr
    assert outcome(result.stderr, "komando inventory check") == "Passed"
