"""Commits and their files, by git's plumbing: no work tree is touched, no remote is asked."""

from __future__ import annotations

from pathlib import Path

from komando.ledger.git import Git


class TreeError(Exception):
    """A commit that is not there, or two that do not merge; whole sentences."""


class ConflictError(TreeError):
    """Two commits change the same lines; `files` are the paths in which they do."""

    def __init__(self, base: str, files: tuple[str, ...]) -> None:
        super().__init__(
            f"it does not merge with {base}: both changed {', '.join(files)}. Merge {base} into "
            "the branch, or rebase it, and push again"
        )
        self.files = files


class Trees:
    """The commits of one repository."""

    def __init__(self, git: Git) -> None:
        self.git = git

    def commit(self, name: str) -> str:
        """The commit that a name means. Raises TreeError where it means none."""
        found = None if name.startswith("-") else self.git.commit_at(name)
        if found is None:
            raise TreeError(
                f"{name!r} is no commit of {self.git.folder}: fetch it first, and all its history "
                "with it (a shallow clone does not do)"
            )
        return found

    def tree(self, commit: str) -> str:
        """The tree of a commit."""
        return self._asked("rev-parse", "--verify", f"{commit}^{{tree}}")

    def part(self, tree: str, path: str) -> str | None:
        """The id of a folder or file in a tree or commit: the same id, the same content."""
        answer = self.git.run("rev-parse", "--verify", "--quiet", f"{tree}:{path}")
        return answer.out.decode().strip() if answer.status == 0 else None

    def merged(self, base: str, head: str, name: str = "") -> str:
        """The tree that a merge of `head` into `base` makes; `name` is what people call the base.

        As a forge makes it (git-merge-tree(1), from 2.38 on). Raises ConflictError; TreeError for
        commits without a common past.
        """
        answer = self.git.run("merge-tree", "--write-tree", "--name-only", "-z", base, head)
        first, *rest = answer.out.decode("utf-8", "surrogateescape").split("\0")
        if answer.status == 0:
            return first
        if answer.status == 1 and first:
            files = rest[: rest.index("")] if "" in rest else rest
            raise ConflictError(name or base[:12], tuple(files))
        raise TreeError(f"{head[:12]} cannot be merged into {name or base[:12]}: {answer.words}")

    def file(self, tree: str, path: str) -> bytes | None:
        """The content of one file of a tree or commit; None where there is none."""
        answer = self.git.run("cat-file", "blob", f"{tree}:{path}")
        return answer.out if answer.status == 0 else None

    def changed(self, before: str, after: str) -> tuple[str, ...]:
        """The paths that differ; of a renamed file both."""
        names = self.git.ask("diff-tree", "-r", "-z", "--name-only", "--no-renames", before, after)
        return tuple(filter(None, names.decode("utf-8", "surrogateescape").split("\0")))

    def write(self, tree: str, folder: Path, *paths: str) -> Path:
        """Write the files below some paths of a tree into a folder, as they are; the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        index = {"GIT_INDEX_FILE": str(folder / ".index")}
        names = self.git.ask("ls-tree", "-r", "-z", "--name-only", tree, "--", *paths)
        self.git.ask("read-tree", tree, environment=index)
        self.git.ask(
            "checkout-index", "-z", "--stdin", f"--prefix={folder}/", data=names, environment=index
        )
        (folder / ".index").unlink()
        return folder

    def first_parents(self, older: str, newer: str) -> list[str]:
        """The commits by which a branch went on from `older` to `newer`, the oldest first."""
        lines = self._asked("rev-list", "--first-parent", "--reverse", f"{older}..{newer}", "--")
        return lines.split()

    def length(self, tip: str) -> int:
        """How many commits lead to one, itself included."""
        return int(self._asked("rev-list", "--count", "--first-parent", tip, "--"))

    def leads(self, older: str, newer: str) -> bool:
        """Whether `newer` has `older` among its ancestors; one that is not here is nobody's."""
        return self.git.commit_at(older) is not None and self.git.goes_on_from(older, newer)

    def parents(self, commit: str) -> list[str]:
        """The parents of a commit, the first one first."""
        return self._asked("rev-list", "--no-walk", "--parents", commit, "--").split()[1:]

    def subject(self, commit: str) -> str:
        """The first line of a commit's message, as it was written."""
        return (
            self.git.ask("log", "--no-walk", "--no-show-signature", "--format=%s", commit, "--")
            .decode("utf-8", "replace")
            .rstrip("\n")
        )

    def _asked(self, *arguments: str) -> str:
        return self.git.ask(*arguments).decode().strip()
