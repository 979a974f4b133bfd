"""The lab's forge: real pushes to a bare repository, with a stand-in for what its jobs run."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from komando.lab.forge.jobs import Jobs
from komando.lab.forge.life import Beginning, approve, begin, label, merge
from komando.lab.forge.seed import Seed
from komando.lab.forge.state import Pull, Work
from komando.lab.forge.store import Store
from komando.lab.place import LabError
from tests.unit.forge_ground import clone_of, commit, git

STAND_IN = Path(__file__).parent / "forge_job.py"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A forge that has begun, whose jobs are the stand-in's."""
    project, policies, lab = tmp_path / "project", tmp_path / "policies", tmp_path / "lab"
    for folder in (project / "policies", policies, lab):
        folder.mkdir(parents=True)
    (project / "README.md").write_text("one", encoding="utf-8")
    (project / "policies" / "old.yaml").write_text("old", encoding="utf-8")
    (policies / "rate.yaml").write_text("20", encoding="utf-8")
    (project / "run").write_text("#!/bin/sh\n", encoding="utf-8")
    (project / "run").chmod(0o755)
    store = Store(lab)
    work = Work(komando=(sys.executable, str(STAND_IN), str(lab / "log")), apply=("--lab", "kotim"))
    begin(store, Beginning("lab/kotim", Seed(project, str(project), policies), work))
    return store


@pytest.fixture
def clone(store: Store, tmp_path: Path) -> Path:
    return clone_of(store, tmp_path / "clone")


def pushed(
    clone: Path, branch: str, text: str, who: str = "requester-1", *, force: bool = False
) -> str:
    """A commit on a branch, pushed; what the pusher is told."""
    git(clone, "checkout", "--quiet", "-B", branch, who=who)
    commit(clone, "rate", text, who)
    return git(clone, "push", *(["--force"] if force else []), "origin", branch, who=who)


def log(store: Store) -> list[str]:
    """What the stand-in was called with."""
    file = store.folder / "log"
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def applies(store: Store, word: str = "apply") -> list[str]:
    """The commits at which an apply began, or another `word` of its."""
    return [line.split()[1] for line in log(store) if line.split()[0] == word]


def of(store: Store, number: int = 1) -> Pull:
    found = store.read().pull(number)
    assert found is not None
    return found


def until(met: object, seconds: float = 60.0) -> None:
    """Wait until a condition, a call without arguments, holds."""
    assert callable(met)
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, "it did not come to pass in time"
        time.sleep(0.02)


def test_main_begins_with_the_project_and_the_given_policies(store: Store) -> None:
    tree = git(store.bare, "ls-tree", "-r", "main").splitlines()
    assert {line.split("\t")[1]: line.split()[0] for line in tree} == {
        "README.md": "100644", "policies/rate.yaml": "100644", "run": "100755",
    }  # fmt: skip
    assert git(store.bare, "rev-list", "--count", "main").strip() == "1"
    assert (
        git(store.controller, "status", "--porcelain", "--branch").strip()
        == "## main...origin/main"
    )


def test_main_may_begin_with_a_commit_of_a_repository(tmp_path: Path, store: Store) -> None:
    other = Store(tmp_path / "other")
    other.folder.mkdir()
    begin(other, Beginning("lab/other", Seed(store.controller, "HEAD"), Work()))
    assert git(other.bare, "rev-parse", "main^{tree}") == git(
        store.bare, "rev-parse", "main^{tree}"
    )
    with pytest.raises(LabError, match="has a forge already"):
        begin(other, Beginning("lab/other", Seed(store.controller, "HEAD"), Work()))


def test_a_pushed_branch_opens_a_request_and_tells_the_plan(store: Store, clone: Path) -> None:
    said = pushed(clone, "raise", "30")
    head = git(clone, "rev-parse", "HEAD").strip()
    assert "remote: #1 rate: 30" in said
    assert f"remote: planned {head} onto {git(store.bare, 'rev-parse', 'main').strip()}" in said
    pull = of(store)
    assert (pull.author, pull.branch, pull.head, pull.open) == ("requester-1", "raise", head, True)
    assert git(store.bare, "rev-parse", "refs/pull/1/head").strip() == head
    (move,) = store.read().moves
    assert (move.kind, move.login, move.after) == ("branch_creation", "requester-1", head)
    (comment,) = store.read().comments
    assert (comment.number, comment.login) == (1, "github-actions[bot]")
    assert head in comment.body
    assert store.read().plans == {head: 0}
    assert list(store.own.glob("plan-*")) == []


def test_a_second_push_moves_the_request_on_and_its_comment_too(store: Store, clone: Path) -> None:
    pushed(clone, "raise", "30")
    pushed(clone, "raise", "35", "requester-2")
    git(clone, "commit", "--quiet", "--amend", "--message", "other words")
    git(clone, "push", "--quiet", "--force", "origin", "raise")
    head = git(clone, "rev-parse", "HEAD").strip()
    (pull,) = store.read().pulls
    assert (pull.number, pull.author, pull.head) == (1, "requester-1", head)
    assert [(one.kind, one.login) for one in store.read().moves] == [
        ("branch_creation", "requester-1"), ("push", "requester-2"), ("force_push", "requester-1"),
    ]  # fmt: skip
    (comment,) = store.read().comments
    assert head in comment.body
    git(clone, "push", "--quiet", "origin", "--delete", "raise")
    assert of(store).closed


def test_a_plan_has_nothing_of_its_pushers_keys(
    store: Store, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GITHUB_TOKEN", "KOMANDO_IDENTITY", "KOMANDO_FORGE_TOKEN", "SSH_AUTH_SOCK"):
        monkeypatch.setenv(name, "of-the-pusher")
    pushed(clone, "raise", "30")
    (planned,) = [line for line in log(store) if line.startswith("plan ")]
    assert planned.split(" ", 2)[2] == "[]"
    (commented,) = [line for line in log(store) if line.startswith("comment ")]
    names = "['GITHUB_API_URL', 'GITHUB_REPOSITORY', 'GITHUB_TOKEN']"
    assert commented.split(" ", 2)[2] == names
    assert "of-the-pusher" not in "\n".join(log(store))


def test_a_plan_that_stops_is_told_and_commented_all_the_same(store: Store, clone: Path) -> None:
    said = pushed(clone, "raise", "fails")
    assert "remote: planned" in said
    assert list(store.read().plans.values()) == [1]
    assert len(store.read().comments) == 1


def test_the_ledgers_branch_and_a_branch_without_news_open_nothing(
    store: Store, clone: Path
) -> None:
    git(
        clone,
        "push",
        "--quiet",
        "origin",
        "HEAD:refs/heads/deployments/lab",
        "HEAD:refs/heads/same",
    )
    assert store.read().pulls == ()
    assert [one.branch for one in store.read().moves] == ["same"]
    assert log(store) == []


def test_a_merge_is_applied_from_the_controllers_clone(store: Store, clone: Path) -> None:
    pushed(clone, "raise", "30")
    approve(store, 1, "approver-1")
    label(store, 1, "emergency", "approver-2")
    made = merge(store, 1, "approver-1")
    told: list[str] = []
    assert Jobs(store, told.append).apply() == 0
    pull = of(store)
    assert (pull.merge, pull.merged_by, pull.labels) == (made, "approver-1", ("emergency",))
    parents = git(store.bare, "log", "-1", "--format=%P", "main").split()
    assert parents == [pull.start, pull.head]
    assert applies(store) == [made]
    assert told[-1] == "apply: ended with 0"
    assert git(store.controller, "rev-parse", "HEAD").strip() == made
    (review,) = store.read().reviews
    assert (review.login, review.commit) == ("approver-1", pull.head)
    approve(store, 1, "approver-2")  # one that was merged may be looked at afterwards
    with pytest.raises(LabError, match="#1 is merged already"):
        merge(store, 1, "approver-1")


def test_what_github_would_not_take_is_refused(store: Store, clone: Path) -> None:
    pushed(clone, "raise", "30")
    git(clone, "checkout", "--quiet", "main")
    pushed(clone, "lower", "10")
    with pytest.raises(LabError, match="it is their own"):
        approve(store, 1, "requester-1")
    with pytest.raises(LabError, match="no pull request #7"):
        approve(store, 7, "approver-1")
    with pytest.raises(LabError, match="is no login"):
        label(store, 1, "emergency", "approver 1")
    merge(store, 1, "approver-1")
    with pytest.raises(LabError, match="does not fit onto main any more"):
        merge(store, 2, "approver-1")


def test_a_push_to_main_is_applied_and_told(store: Store, clone: Path) -> None:
    said = pushed(clone, "main", "30")
    assert "remote: apply: ended with 0" in said
    assert applies(store) == [git(clone, "rev-parse", "HEAD").strip()]
    (move,) = store.read().moves
    assert (move.branch, move.kind) == ("main", "push")


def applying(store: Store) -> subprocess.Popen[str]:
    """An apply in a process of its own, as each merge has one."""
    words = (
        "import sys; from pathlib import Path; from komando.lab.forge.jobs import Jobs; "
        "from komando.lab.forge.store import Store; "
        "sys.exit(Jobs(Store(Path(sys.argv[1])), print).apply())"
    )
    return subprocess.Popen(
        [sys.executable, "-u", "-c", words, str(store.folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ,
    )


def test_two_merges_while_an_apply_runs_end_as_one_further_apply(store: Store, clone: Path) -> None:
    for branch, number in (("raise", 1), ("lower", 2), ("third", 3)):
        git(clone, "checkout", "--quiet", "-B", branch, "origin/main")
        commit(clone, branch, str(number))
        git(clone, "push", "--quiet", "origin", branch, who="requester-1")
    hold = store.folder / "hold"
    hold.touch()
    first_commit = merge(store, 1, "approver-1")
    first = applying(store)
    until(lambda: applies(store) == [first_commit])
    merge(store, 2, "approver-1")
    second = applying(store)
    waiting = store.own / "apply.waiting"
    until(waiting.exists)
    seen = waiting.read_bytes()
    last_commit = merge(store, 3, "approver-1")
    third = applying(store)
    until(lambda: waiting.exists() and waiting.read_bytes() != seen)
    said, _ = second.communicate(timeout=60)
    assert "apply: cancelled, for a newer one waits in its place" in said
    assert second.returncode == 0
    assert first.poll() is None
    hold.unlink()
    said, _ = third.communicate(timeout=60)
    first.communicate(timeout=60)
    assert said.startswith("apply: waits for the one that runs\n")
    assert (first.returncode, third.returncode) == (0, 0)
    assert applies(store) == [first_commit, last_commit]
    assert applies(store, "applied") == [first_commit, last_commit]
    assert not waiting.exists()


def test_the_turn_of_a_job_that_was_killed_is_free(store: Store, clone: Path) -> None:
    pushed(clone, "raise", "30")
    merge(store, 1, "approver-1")
    (store.folder / "hold").touch()
    first = applying(store)
    until(lambda: len(applies(store)) == 1)
    first.kill()
    first.wait()  # what it ran goes on, and has its output yet
    second = applying(store)
    until(lambda: len(applies(store)) == 2)
    (store.folder / "hold").unlink()
    first.communicate(timeout=60)
    second.communicate(timeout=60)
    assert second.returncode == 0
