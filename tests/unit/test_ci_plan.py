"""`komando ci plan` in real clones: from git alone, at the exact line, and by the right program."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from komando.ledger import HostResult, Ledger, Move, Policy, Undertaking

ROOT = Path(__file__).parents[2]
OFFICE = "policies/opd/dinas-kesehatan.yaml"
RAISED = ("guarantee: 20 Mbit/s", "guarantee: 30 Mbit/s")
WRONG = ("guarantee: 20 Mbit/s", "guarantee: 90 Mbit/s")

PLAIN = {
    **{
        name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "GIT"))
    },
    "GIT_CONFIG_GLOBAL": os.devnull,
    "PYTHONPATH": str(ROOT / "src"),
}


@dataclass
class Desk:
    """A clone of a repository with the real policies, machines and program."""

    clone: Path

    def git(self, *words: str) -> str:
        who = ("-c", "user.name=x", "-c", "user.email=x@y.example")
        done = subprocess.run(["git", *who, *words], cwd=self.clone, env=PLAIN,
                              capture_output=True, text=True, check=True)  # fmt: skip
        return done.stdout.strip()

    def edit(self, path: str, before: str, after: str) -> None:
        file = self.clone / path
        text = file.read_text()
        assert before in text
        file.write_text(text.replace(before, after))

    def branch(self, path: str = OFFICE, edit: tuple[str, str] = RAISED) -> str:
        self.git("switch", "-qc", "change", "origin/main")
        self.edit(path, *edit)
        self.git("commit", "-qam", "a change")
        return self.git("rev-parse", "HEAD")

    def plan(self, *words: str, folder: str = ".", **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from komando.cli import run; run()", "ci", "plan"]
        return subprocess.run([*command, *words], cwd=self.clone / folder, env=PLAIN | more,
                              capture_output=True, text=True, check=False)  # fmt: skip

    def comment(self) -> str:
        return (self.clone / "out/ci/comment.md").read_text()

    def apply(self, digest: str) -> None:
        """What the ledger has after somebody applied what is checked out."""
        ledger = Ledger.open(self.clone, "production", "origin")
        policy = Policy(self.git("rev-parse", "HEAD"), changed=False)
        move = {"core-1": Move(before="", after=digest)}
        turn = ledger.begin(Undertaking("apply", move, timedelta(minutes=5), policy))
        turn.finish({"core-1": HostResult(before="", after=digest, result="carried")}, "done")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("forge")
    for part in ("policies", "inventories", "src"):
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / part, folder / "work" / part, ignore=ignored)
    desk = Desk(folder / "work")
    desk.git("init", "-qb", "main")
    desk.git("add", "-A")
    desk.git("commit", "-qm", "first")
    desk.git("clone", "-q", "--bare", ".", str(folder / "bare"))
    return folder / "bare"


@pytest.fixture
def desk(bare: Path, tmp_path: Path) -> Desk:
    own = tmp_path / "bare"
    shutil.copytree(bare, own)
    subprocess.run(["git", "clone", "-q", str(own), str(tmp_path / "clone")], check=True)
    return Desk(tmp_path / "clone")


def _digest(desk: Desk) -> str:
    """The digest of what is checked out, as `komando render` prints it."""
    done = subprocess.run(
        [sys.executable, "-c", "from komando.cli import run; run()", "render", "--out", "out/r"],
        cwd=desk.clone, env=PLAIN, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.split()[0]


def test_against_what_was_applied_with_what_waits_on_main(desk: Desk) -> None:
    desk.apply(_digest(desk))
    desk.edit("policies/opd/bkad.yaml", "floor: 4 Mbit/s", "floor: 3 Mbit/s")
    desk.git("commit", "-qam", "waits")
    desk.git("push", "-q", "origin", "main")
    desk.branch()
    done = desk.plan()
    assert done.returncode == 0, done.stderr
    assert "floor  4 Mbit/s -> 3 Mbit/s" in done.stdout
    assert "guarantee  20 Mbit/s -> 30 Mbit/s" in done.stdout
    assert "1 commit further" in done.stderr
    assert "by the ledger" not in done.stderr, "the digest is what the ledger has"
    about = json.loads((desk.clone / "out/ci/about.json").read_text())
    assert (about["changes"], about["stops"]) == (True, False)
    assert desk.comment().startswith("<!-- komando:plan:production -->\n### production: 2 offices")


def test_a_host_that_runs_otherwise_by_the_ledger_is_told(desk: Desk) -> None:
    desk.apply("a" * 64)
    desk.branch()
    assert "core-1: by the ledger it runs aaaaaaaaaaaa" in desk.plan().stdout


def test_an_error_is_annotated_at_its_line(desk: Desk) -> None:
    desk.branch(edit=WRONG)
    done = desk.plan(GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(desk.clone / "summary.md"))
    assert done.returncode == 1
    assert done.stdout.startswith(
        f"::error file={OFFICE},line=14,col=12,title=guarantee-above-ceiling::"
    )
    assert f"{OFFICE}:14:12: error[guarantee-above-ceiling]" in done.stderr
    assert " 14 | guarantee: 90 Mbit/s" in done.stderr
    assert "No plan: 1 error in the policies" in desk.comment()
    assert "No plan: 1 error in the policies" in (desk.clone / "summary.md").read_text()


def test_what_does_not_merge(desk: Desk) -> None:
    desk.branch()
    desk.git("switch", "-qC", "main", "origin/main")
    desk.edit(OFFICE, "guarantee: 20 Mbit/s", "guarantee: 25 Mbit/s")
    desk.git("commit", "-qam", "another")
    desk.git("push", "-q", "origin", "main")
    desk.git("switch", "-q", "change")
    done = desk.plan()
    assert done.returncode == 1
    assert f"it does not merge with main: both changed {OFFICE}" in done.stderr
    assert "No plan" in desk.comment()
    assert not (desk.clone / "out/ci/plan.json").exists()


def test_a_finding_that_stops(desk: Desk) -> None:
    desk.git("switch", "-qc", "change")
    for path in sorted((desk.clone / "policies/opd").glob("kecamatan-*.yaml"))[:14]:
        path.write_text(path.read_text().replace("floor: ", "floor: 300 kbit/s  # was "))
    desk.git("commit", "-qam", "many floors")
    done = desk.plan()
    assert done.returncode == 1
    assert "rates-lowered on core-1" in done.stdout
    assert "### 🛑 production: 14 offices change on core-1; 1 finding stops an apply" in (
        desk.comment()
    )


def test_another_program_renders_what_it_once_rendered(desk: Desk) -> None:
    desk.apply(_digest(desk))
    render = "src/komando/platforms/debian/render.py"
    desk.branch(render, ("\nfrom __future__", "\n# a line more\nfrom __future__"))
    done = desk.plan(PYTHONPATH=str(desk.clone / "src"))
    assert done.returncode == 0, done.stderr
    assert "Nothing changes on any host, as far as git can tell." in done.stdout
    assert "it changes src: the program itself" in done.stderr
    assert "by the ledger" not in done.stderr


def test_a_program_that_cannot_render_any_more_says_so_and_stops(desk: Desk) -> None:
    desk.edit("src/komando/platforms/debian/render.py", "\nfrom __future__", "\nfrom __past__")
    desk.git("commit", "-qam", "broken")
    desk.git("push", "-q", "origin", "main")
    desk.apply("a" * 64)
    desk.git("revert", "--no-edit", "HEAD")
    desk.git("push", "-q", "origin", "main")
    desk.branch()
    done = desk.plan()
    assert done.returncode == 1
    assert "unread on core-1" in done.stdout
    assert "runs nothing yet" not in done.stdout
    assert "its own program ended with 1" in done.stdout + done.stderr


def test_who_may_approve_and_other_things_that_no_bundle_shows(desk: Desk) -> None:
    desk.branch("policies/people.yaml", ("people: {}", "people: {}  # nobody"))
    done = desk.plan()
    assert "it changes policies/people.yaml: who may propose, and who may approve" in done.stderr
    assert "it changes policies/people.yaml" in desk.comment()


def test_what_is_not_committed_is_not_in_it(desk: Desk) -> None:
    desk.edit(OFFICE, *RAISED)
    done = desk.plan()
    assert "files here differ from the commit that is checked out" in done.stderr
    assert "Nothing changes on any host, as far as git can tell." in done.stdout


@pytest.mark.parametrize(
    ("words", "folder", "said"),
    [
        ((), "policies", "run it in the repository's own folder"),
        (("--remote", "zzz"), ".", "this clone has no remote 'zzz'"),
        (("--base", "nowhere"), ".", "'nowhere' is no commit"),
        (("--head", "--all"), ".", "is no commit"),
        (("--inventory", "moon"), ".", "no inventory 'moon'"),
    ],
)
def test_what_cannot_be_told(desk: Desk, words: tuple[str, ...], folder: str, said: str) -> None:
    done = desk.plan(*words, folder=folder)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (desk.clone / "policies/out").exists()


def test_a_shallow_clone_and_no_clone(bare: Path, tmp_path: Path) -> None:
    shallow = Desk(tmp_path / "shallow")
    origin = f"file://{bare}"
    subprocess.run(["git", "clone", "-q", "--depth=1", origin, str(shallow.clone)], check=True)
    assert "this clone is shallow" in shallow.plan().stderr
    nowhere = Desk(tmp_path / "nowhere")
    nowhere.clone.mkdir()
    assert "run it in a clone" in nowhere.plan().stderr


def test_a_name_with_markup_is_shown(desk: Desk) -> None:
    desk.branch(edit=("name: Dinas Kesehatan", 'name: "<b>**@all** #1 http://x.example"'))
    desk.plan()
    assert "`<b>**@all**` `#1` `http://x.example`" in desk.comment(), (
        "code, in which nothing is read"
    )
