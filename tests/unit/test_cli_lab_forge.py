"""`komando lab forge` as people call it, with a stand-in for what its jobs run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from komando.cli.lab import lab
from komando.lab import place
from komando.lab.forge.state import Work
from komando.lab.forge.store import Store
from tests.unit.forge_ground import clone_of, commit, git

STAND_IN = Path(__file__).parent / "forge_job.py"


def called(*arguments: str) -> Result:
    return CliRunner().invoke(lab, ["forge", *arguments])


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A forge of a lab, begun by the command, with the stand-in in its jobs."""
    monkeypatch.setattr(place, "STATE", tmp_path / "run")
    project = tmp_path / "project"
    (tmp_path / "run" / "kotim").mkdir(parents=True)
    (project / "policies").mkdir(parents=True)
    (project / "policies" / "rate.yaml").write_text("20", encoding="utf-8")
    done = called("start", "--from", str(project), "--mail", "approver-1=head@diskominfo.example")
    store = Store(tmp_path / "run" / "kotim")
    assert done.exit_code == 0, done.output
    assert done.stdout == f"{store.bare}\n"
    assert (
        f"cd {store.controller} && komando apply --record --inventory lab --lab kotim"
        in done.stderr
    )
    work = Work(
        komando=(sys.executable, str(STAND_IN), str(store.folder / "log")), apply=("--lab", "kotim")
    )
    store.change(lambda state: state.but(work=work))
    return store


def test_a_request_from_push_to_apply(store: Store, tmp_path: Path) -> None:
    clone = clone_of(store, tmp_path / "clone")
    git(clone, "checkout", "--quiet", "-b", "raise")
    head = commit(clone, "rate", "30")
    git(clone, "push", "--quiet", "origin", "raise")
    assert called("label", "1", "emergency", "--as", "approver-2").exit_code == 0
    assert "approved #1" in called("approve", "1", "--as", "approver-1").stderr
    listed = called("show").stdout
    assert listed.splitlines() == [
        "#1 open  rate: 30",
        f"  raise at {head[:12]}, by requester-1",
        "  plan: good",
        f"  approver-1 approved {head[:12]}",
        "  emergency, set by approver-2",
    ]
    told = called("show", "1").stdout
    assert told.startswith(listed)
    assert f"github-actions[bot] wrote:\n<!-- planned -->\nplanned {head}" in told
    done = called("merge", "1", "--as", "approver-1")
    assert done.exit_code == 0
    assert done.stderr.splitlines()[-1] == "apply: ended with 0"
    assert "#1 merged" in called("show", "1").stdout
    assert store.read().mails == {"head@diskominfo.example": "approver-1"}


def test_a_merge_ends_as_its_apply_does(store: Store, tmp_path: Path) -> None:
    clone = clone_of(store, tmp_path / "clone")
    git(clone, "checkout", "--quiet", "-b", "raise")
    commit(clone, "rate", "30")
    git(clone, "push", "--quiet", "origin", "raise")
    fails = Work(komando=(sys.executable, "-c", "import sys; sys.exit(3)"))
    store.change(lambda state: state.but(work=fails))
    assert called("merge", "1", "--as", "approver-1").exit_code == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("start",), "this lab has a forge already"),
        (("show", "9"), "there is no pull request #9"),
        (("merge", "9", "--as", "approver-1"), "there is no pull request #9"),
        (("show", "--name", "other"), "this lab has no forge: `komando lab forge start`"),
        (("start", "--name", "other"), "the lab is not up: `komando lab up` first"),
    ],
)
@pytest.mark.usefixtures("store")
def test_what_cannot_be_done_is_told_on_one_line(arguments: tuple[str, ...], words: str) -> None:
    done = called(*arguments)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: {words}")
    assert len(done.stderr.splitlines()) == 1


def test_the_clones_own_code_runs_its_jobs(store: Store, tmp_path: Path) -> None:
    """A change of the code is planned and applied by that code, as in a workflow."""
    clone = clone_of(store, tmp_path / "clone")
    package = clone / "src" / "komando" / "cli"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    words = "def run() -> None:\n    print('the code of the clone')\n"
    (package / "__init__.py").write_text(words, encoding="utf-8")
    store.change(lambda state: state.but(work=Work()))
    git(clone, "checkout", "--quiet", "-b", "code")
    git(clone, "add", "src")
    git(clone, "commit", "--quiet", "--message", "code")
    pushed = subprocess.run(
        ["git", "push", "origin", "code"],
        cwd=clone,
        env=os.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "remote: the code of the clone" in pushed.stderr
