"""Commits as trees, how a branch came on, and how far it was judged."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from komando.forge import Forge, Issue, Protection, Request, Runner
from komando.ledger.git import Git
from komando.review.judged import judged, note_judged
from komando.review.requests import BY_HAND, came
from komando.review.trees import ConflictError, TreeError, Trees

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@dataclass
class Repository:
    """A real repository, and the few words of git that the tests say."""

    folder: Path
    environment: Mapping[str, str] = field(
        default_factory=lambda: {
            **os.environ,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_AUTHOR_NAME": "a",
            "GIT_AUTHOR_EMAIL": "a@b.example",
            "GIT_COMMITTER_NAME": "a",
            "GIT_COMMITTER_EMAIL": "a@b.example",
        }
    )

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *words],
            cwd=self.folder,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def commit(self, message: str, **files: str) -> str:
        """Write files (`a_b` is a/b.txt), commit them, and return the commit."""
        for name, text in files.items():
            path = self.folder / f"{name.replace('_', '/')}.txt"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-qm", message, "--allow-empty")
        return self.git("rev-parse", "HEAD")

    @property
    def trees(self) -> Trees:
        return Trees(Git(self.folder))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path)
    made.git("init", "-qb", "main")
    made.commit("first", policies_a="1\n2\n3\n4\n5\n6\n7\n", policies_b="x\n")
    return made


@dataclass
class Played(Forge):
    """A forge that knows some requests; all else of it is not asked for here."""

    requests: dict[int, Request]
    brought: dict[str, tuple[int, ...]]

    def requests_of(self, commit: str) -> tuple[int, ...]:
        return self.brought.get(commit, ())

    def request(self, number: int) -> Request:
        return self.requests[number]

    def comment(self, number: int, mark: str, body: str) -> str:
        raise NotImplementedError

    def issue(self, mark: str) -> Issue | None:
        raise NotImplementedError

    def open_issue(self, title: str, body: str, labels: tuple[str, ...] = ()) -> Issue:
        raise NotImplementedError

    def update_issue(self, number: int, body: str, *, close: bool = False) -> None:
        raise NotImplementedError

    def protection(self, branch: str) -> Protection:
        raise NotImplementedError

    def runners(self) -> tuple[Runner, ...]:
        raise NotImplementedError

    def expires(self) -> datetime | None:
        raise NotImplementedError


def _request(number: int, head: str, merge: str) -> Request:
    return Request(number, f"title {number}", "", "requester-1", "main", head, "b",
                   f"refs/pull/{number}/head", merged=NOW, merge=merge)  # fmt: skip


class TestTrees:
    def test_a_merge_is_what_git_makes_of_it(self, repository: Repository) -> None:
        base = repository.git("rev-parse", "HEAD")
        repository.git("switch", "-qc", "change")
        head = repository.commit("theirs", policies_b="y\n")
        repository.git("switch", "-q", "main")
        onto = repository.commit("ours", policies_c="z\n")
        tree = repository.trees.merged(onto, head)
        assert repository.trees.file(tree, "policies/b.txt") == b"y\n"
        assert repository.trees.file(tree, "policies/c.txt") == b"z\n"
        assert repository.trees.changed(onto, tree) == ("policies/b.txt",)
        assert repository.trees.merged(base, head) == repository.trees.tree(head)

    def test_a_conflict_names_its_files(self, repository: Repository) -> None:
        repository.git("switch", "-qc", "change")
        head = repository.commit("theirs", policies_b="y\n", policies_d="1\n")
        repository.git("switch", "-q", "main")
        onto = repository.commit("ours", policies_b="z\n", policies_d="2\n")
        with pytest.raises(ConflictError, match="merge with main") as found:
            repository.trees.merged(onto, head, "main")
        assert found.value.files == ("policies/b.txt", "policies/d.txt")

    def test_commits_without_a_common_past_do_not_merge(self, repository: Repository) -> None:
        onto = repository.git("rev-parse", "HEAD")
        repository.git("switch", "-q", "--orphan", "other")
        head = repository.commit("theirs", policies_b="y\n")
        with pytest.raises(TreeError, match="cannot be merged"):
            repository.trees.merged(onto, head, "main")

    @pytest.mark.parametrize("name", ["nowhere", "--all", "0" * 40])
    def test_a_commit_that_is_not_there(self, repository: Repository, name: str) -> None:
        with pytest.raises(TreeError, match="is no commit of"):
            repository.trees.commit(name)

    def test_both_names_of_a_renamed_file(self, repository: Repository) -> None:
        before = repository.git("rev-parse", "HEAD")
        repository.git("mv", "policies/a.txt", "policies/e.txt")
        after = repository.commit("moved")
        assert repository.trees.changed(before, after) == ("policies/a.txt", "policies/e.txt")

    def test_no_filter_and_no_link_comes_between(
        self, repository: Repository, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        (repository.folder / "policies" / "link.txt").symlink_to("/etc/hostname")
        (repository.folder / ".gitattributes").write_text("*.txt eol=crlf ident\n")
        commit = repository.commit("odd", policies_a="$Id$\n")
        folder = repository.trees.write(commit, tmp_path_factory.mktemp("out"), "policies")
        assert (folder / "policies" / "a.txt").read_bytes() == b"$Id$\n"
        assert (folder / "policies" / "link.txt").readlink() == Path("/etc/hostname")

    def test_a_path_that_leaves_the_folder(self, repository: Repository, tmp_path: Path) -> None:
        blob = repository.git("rev-parse", "HEAD:policies/a.txt")
        done = subprocess.run(
            ["git", "mktree"],
            cwd=repository.folder,
            input=f"100644 blob {blob}\tx\n",
            capture_output=True,
            text=True,
            check=True,
        )
        inner = done.stdout.strip()
        raw = b"40000 ..\0" + bytes.fromhex(inner)
        tree = subprocess.run(
            ["git", "hash-object", "-t", "tree", "-w", "--stdin", "--literally"],
            cwd=repository.folder, input=raw, capture_output=True, check=True,
        ).stdout.decode().strip()  # fmt: skip
        with pytest.raises(TreeError, match="which no work tree has"):
            repository.trees.write(tree, tmp_path / "out")

    def test_files_are_written_as_they_are_and_no_more(
        self, repository: Repository, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        commit = repository.commit("more", src_p="code\n", docs_d="words\n")
        folder = tmp_path_factory.mktemp("out")
        repository.trees.write(commit, folder, "policies", "src")
        assert sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.txt")) == [
            "policies/a.txt",
            "policies/b.txt",
            "src/p.txt",
        ]
        assert not (folder / ".index").exists()
        assert repository.git("status", "--porcelain") == ""


class TestCame:
    def _branch(self, repository: Repository, **files: str) -> tuple[str, str]:
        """A branch off main with one commit: main's tip, and the branch's."""
        before = repository.git("rev-parse", "main")
        repository.git("switch", "-qc", "change")
        head = repository.commit("theirs", **files)
        repository.git("switch", "-q", "main")
        return before, head

    def test_a_merge_commit(self, repository: Repository) -> None:
        before, head = self._branch(repository, policies_b="y\n")
        repository.git("merge", "-q", "--no-ff", "-m", "merge", "change")
        after = repository.git("rev-parse", "HEAD")
        forge = Played({1: _request(1, head, after)}, {after: (1,)})
        found = came(repository.trees, forge, (before, after), "main", "origin")
        assert found.faults == ()
        assert [(it.request.number, it.before, it.after) for it in found.merged] == [
            (1, before, after)
        ]

    def test_a_squash_beside_what_main_got_meanwhile(self, repository: Repository) -> None:
        start, head = self._branch(repository, policies_b="y\n")
        other = repository.commit("other", policies_c="z\n")
        repository.git("merge", "-q", "--squash", "change")
        after = repository.commit("squashed")
        forge = Played(
            {1: _request(1, head, after), 2: _request(2, other, other)},
            {after: (1,), other: (2,)},
        )
        found = came(repository.trees, forge, (start, after), "main", "origin")
        assert found.faults == ()
        assert [it.request.number for it in found.merged] == [2, 1]

    def test_a_rebase_of_two_commits(self, repository: Repository) -> None:
        start, _ = self._branch(repository, policies_b="y\n")
        repository.git("switch", "-q", "change")
        head = repository.commit("second", policies_d="d\n")
        repository.git("switch", "-q", "main")
        other = repository.commit("other", policies_c="z\n")
        repository.git("cherry-pick", start + ".." + head)
        after = repository.git("rev-parse", "HEAD")
        first = repository.git("rev-parse", "HEAD^")
        forge = Played(
            {1: _request(1, head, after), 2: _request(2, other, other)},
            {after: (1,), first: (1,), other: (2,)},
        )
        found = came(repository.trees, forge, (start, after), "main", "origin")
        assert found.faults == ()
        assert [(it.request.number, it.before) for it in found.merged] == [(2, start), (1, other)]

    def test_a_commit_that_no_request_brought(self, repository: Repository) -> None:
        before = repository.git("rev-parse", "HEAD")
        after = repository.commit("pushed at night", policies_b="y\n")
        found = came(repository.trees, Played({}, {}), (before, after), "main", "origin")
        assert found.merged == ()
        assert found.faults == (
            (
                f"commit {after[:12]} (pushed at night) came to main without a pull request. "
                f"{BY_HAND}"
            ),
        )

    def test_a_request_of_another_branch_or_an_open_one_brings_nothing(
        self, repository: Repository
    ) -> None:
        before = repository.git("rev-parse", "HEAD")
        after = repository.commit("x", policies_b="y\n")
        elsewhere = replace(_request(1, after, after), base="staging")
        still_open = replace(_request(2, after, after), merged=None)
        forge = Played({1: elsewhere, 2: still_open}, {after: (1, 2)})
        found = came(repository.trees, forge, (before, after), "main", "origin")
        assert len(found.faults) == 1

    def test_more_in_a_merge_than_was_approved(self, repository: Repository) -> None:
        before, head = self._branch(repository, policies_b="y\n")
        repository.git("merge", "-q", "--no-ff", "--no-commit", "change")
        (repository.folder / "policies" / "a.txt").write_text("and more for me\n")
        after = repository.commit("merge")
        forge = Played({1: _request(1, head, after)}, {after: (1,)})
        found = came(repository.trees, forge, (before, after), "main", "origin")
        assert found.faults == (
            (
                f"#1 (title 1): commit {after[:12]} is not the merge of what was approved "
                f"({head[:12]}): it has something else in policies/a.txt. {BY_HAND}"
            ),
        )

    def test_a_merge_that_settled_a_conflict(self, repository: Repository) -> None:
        _, head = self._branch(repository, policies_b="y\n")
        before = repository.commit("ours", policies_b="z\n")
        with pytest.raises(subprocess.CalledProcessError):
            repository.git("merge", "-q", "--no-ff", "change")
        after = repository.commit("merge", policies_b="w\n")
        forge = Played({1: _request(1, head, after)}, {after: (1,)})
        found = came(repository.trees, forge, (before, after), "main", "origin")
        assert [fault.partition(":")[2] for fault in found.faults] == [
            (" its merge settled conflicts in policies/b.txt, which nobody approved. " + BY_HAND)
        ]

    def test_a_line_that_begins_elsewhere(self, repository: Repository) -> None:
        old = repository.git("rev-parse", "HEAD")
        start = repository.commit("people changed", policies_b="y\n")
        repository.git("switch", "-qc", "side", old)
        repository.commit("mine", policies_c="z\n")
        repository.git("merge", "-q", "--no-ff", "-m", "main into mine", "main")
        head = repository.git("rev-parse", "HEAD")
        forge = Played({1: _request(1, head, head)}, {head: (1,)})
        found = came(repository.trees, forge, (start, head), "main", "origin")
        assert found.merged == ()
        assert f"main does not go on from {start[:12]}" in found.faults[0]

    def test_a_branch_that_was_pushed_back(self, repository: Repository) -> None:
        old = repository.git("rev-parse", "HEAD")
        start = repository.commit("applied", policies_b="y\n")
        found = came(repository.trees, Played({}, {}), (start, old), "main", "origin")
        assert f"main does not go on from {start[:12]}" in found.faults[0]
        assert came(repository.trees, Played({}, {}), (start, start), "main", "origin").faults == ()

    def test_a_line_without_a_root_in_common(self, repository: Repository) -> None:
        start = repository.git("rev-parse", "HEAD")
        repository.git("switch", "-q", "--orphan", "other")
        repository.commit("alone", policies_c="z\n")
        repository.git("merge", "-q", "--allow-unrelated-histories", "-m", "x", "main")
        head = repository.git("rev-parse", "HEAD")
        found = came(repository.trees, Played({}, {}), (start, head), "main", "origin")
        assert "does not go on from" in found.faults[0]

    def test_a_commit_of_a_request_whose_merge_is_another(self, repository: Repository) -> None:
        start = repository.git("rev-parse", "HEAD")
        after = repository.commit("x", policies_b="y\n")
        forge = Played({1: _request(1, after, "9" * 40)}, {after: (1,)})
        found = came(repository.trees, forge, (start, after), "main", "origin")
        assert "without a pull request" in found.faults[0]

    def test_attributes_of_a_work_tree_settle_no_conflict(self, repository: Repository) -> None:
        repository.git("switch", "-qc", "change")
        head = repository.commit("theirs", policies_b="y\n")
        repository.git("switch", "-q", "main")
        onto = repository.commit("ours", policies_b="z\n")
        (repository.folder / ".gitattributes").write_text("* merge=union\n")
        with pytest.raises(ConflictError):
            repository.trees.merged(onto, head)

    def test_a_head_that_this_clone_lacks_is_fetched(
        self, repository: Repository, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        before, head = self._branch(repository, policies_b="y\n")
        repository.git("merge", "-q", "--squash", "change")
        after = repository.commit("squashed")
        repository.git("update-ref", "refs/pull/1/head", head)
        repository.git("branch", "-qD", "change")
        clone = tmp_path_factory.mktemp("clone")
        repository.git("clone", "-q", "--no-local", str(repository.folder), str(clone))
        trees = Trees(Git(clone))
        assert trees.git.commit_at(head) is None
        forge = Played({1: _request(1, head, after)}, {after: (1,)})
        assert came(trees, forge, (before, after), "main", "origin").faults == ()

    def test_a_head_that_nobody_has(self, repository: Repository) -> None:
        before = repository.git("rev-parse", "HEAD")
        after = repository.commit("x", policies_b="y\n")
        forge = Played({1: _request(1, "9" * 40, after)}, {after: (1,)})
        with pytest.raises(TreeError, match="#1: its head 999999999999 cannot be fetched"):
            came(repository.trees, forge, (before, after), "main", "origin")


class TestJudged:
    def test_it_goes_forward_on_the_branch_alone(self, repository: Repository) -> None:
        trees = repository.trees
        one = repository.git("rev-parse", "HEAD")
        assert judged(trees, "lab") is None
        assert not note_judged(trees, "lab", one, "origin/main"), "no such branch is known"
        two = repository.commit("two", policies_b="y\n")
        repository.git("update-ref", "refs/remotes/origin/main", two)
        assert note_judged(trees, "lab", two, "origin/main")
        assert judged(trees, "lab") == two
        assert not note_judged(trees, "lab", one, "origin/main"), "back"
        repository.git("switch", "-qc", "emergency")
        aside = repository.commit("flood", policies_b="z\n")
        assert not note_judged(trees, "lab", aside, "origin/main"), "beside the branch"
        repository.git("switch", "-q", "main")
        repository.git("merge", "-q", "--no-ff", "-m", "merged", "emergency")
        three = repository.git("rev-parse", "HEAD")
        repository.git("update-ref", "refs/remotes/origin/main", three)
        assert not note_judged(trees, "lab", aside, "origin/main"), "a second parent"
        assert note_judged(trees, "lab", three, "origin/main")
        assert judged(trees, "lab") == three
        assert judged(trees, "production") is None

    def test_it_goes_on_past_what_a_person_had_to_look_at(self, repository: Repository) -> None:
        old = repository.git("rev-parse", "HEAD")
        before = repository.commit("applied", policies_b="y\n")
        repository.git("update-ref", "refs/remotes/origin/main", before)
        assert note_judged(repository.trees, "lab", before, "origin/main")
        repository.git("switch", "-qc", "side", old)
        repository.git("merge", "-q", "--no-ff", "-m", "main into mine", "main")
        pushed = repository.git("rev-parse", "HEAD")
        repository.git("update-ref", "refs/remotes/origin/main", pushed)
        assert note_judged(repository.trees, "lab", pushed, "origin/main")
