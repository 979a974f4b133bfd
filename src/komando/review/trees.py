"""Commits and their files, by git's plumbing: no work tree is touched, no remote is asked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from komando.diagnostics import visible
from komando.ledger.git import Git

LINK = "120000"
"""The mode of a symbolic link in a tree."""

MOST_NAMED = 6
"""Paths that a sentence names; of more, the rest is counted."""


def listed(paths: tuple[str, ...]) -> str:
    """Paths in a sentence, with what cannot be seen in them shown."""
    more = f" and {len(paths) - MOST_NAMED} more" if len(paths) > MOST_NAMED else ""
    return ", ".join(visible(path) for path in paths[:MOST_NAMED]) + more


class TreeError(Exception):
    """A commit that is not there, or two that do not merge; whole sentences."""


class ConflictError(TreeError):
    """Two commits change the same lines; `files` are the paths in which they do."""

    def __init__(self, base: str, files: tuple[str, ...]) -> None:
        super().__init__(
            f"it does not merge with {base}: both changed {listed(files)}. Merge {base} into "
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

        As a forge makes it (git-merge-tree(1), from 2.38 on), whatever .gitattributes of a work
        tree say of merging. Raises ConflictError; TreeError for commits without a common past.
        """
        words = ("merge-tree", "--write-tree", "--name-only", "-z", base, head)
        answer = Git(self.git.common).run("-c", "core.bare=true", *words)
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
        """Write the files below some paths of a tree into a folder, byte for byte; the folder.

        No filter of git's comes between. Raises TreeError for a path that would leave the folder.
        """
        folder.mkdir(parents=True, exist_ok=True)
        links: list[tuple[Path, str]] = []
        for mode, path, content in self._files(tree, paths):
            if {"..", ".git"} & set(PurePosixPath(path).parts):
                raise TreeError(f"{tree[:12]} has the path {visible(path)}, which no work tree has")
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if mode == LINK:
                links.append((target, os.fsdecode(content)))
            else:
                target.write_bytes(content)
        for target, aim in links:  # last: no file is written through one
            target.symlink_to(aim)
        return folder

    def _files(self, tree: str, paths: tuple[str, ...]) -> Iterator[tuple[str, str, bytes]]:
        """Mode, path and content of each file and link; other repositories' commits are none."""
        listing = self.git.ask("ls-tree", "-r", "-z", tree, "--", *paths)
        rows = [row.split(b"\t", 1) for row in listing.split(b"\0") if row]
        blobs = [(head.split(b" "), path) for head, path in rows if head.split(b" ")[1] == b"blob"]
        names = b"".join(head[2] + b"\n" for head, _ in blobs)
        stream, at = self.git.ask("cat-file", "--batch", data=names), 0
        for head, path in blobs:
            end = stream.index(b"\n", at)
            size = int(stream[at:end].split(b" ")[2])
            yield head[0].decode(), os.fsdecode(path), stream[end + 1 : end + 1 + size]
            at = end + 1 + size + 1

    def first_parents(self, older: str, newer: str) -> list[str]:
        """The commits by which a branch went on from `older` to `newer`, the oldest first."""
        lines = self._asked("rev-list", "--first-parent", "--reverse", f"{older}..{newer}", "--")
        return lines.split()

    def line(self, tip: str, until: str) -> list[str]:
        """The first parents of `tip`, itself first, down to `until`, if that is one of them."""
        if tip == until:
            return [tip]
        if not self.leads(until, tip):
            return []
        newer = self._asked("rev-list", "--first-parent", f"{until}..{tip}", "--").split()
        last = self.parents(newer[-1])[:1] if newer else []
        return [*newer, *last]

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
