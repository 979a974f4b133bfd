"""The first commit of a forge's main: the project as it stands, with policies of one's choice."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from komando.lab.commands import run
from komando.lab.place import LabError
from komando.ledger.git import Git

WORDS = "The project as it stands"
WHO = {
    f"GIT_{role}_{kind}": value
    for role in ("AUTHOR", "COMMITTER")
    for kind, value in (("NAME", "komando lab"), ("EMAIL", "lab@komando.example"))
}


@dataclass(frozen=True)
class Seed:
    """What main begins with.

    `source` is a folder, or a commit of the repository `project`; `policies` (None: those of the
    source) stand in place of its folder of that name.
    """

    project: Path
    source: str = "HEAD"
    policies: Path | None = None


def plant(git: Git, seed: Seed) -> str:
    """Put a commit of it into a bare repository, on no branch yet; returns its id.

    Raises LabError for a source or a folder of policies that is none.
    """
    if seed.policies is not None and not seed.policies.is_dir():
        raise LabError(f"{seed.policies} is no folder of policies")
    with _index() as index, _source(seed) as folder:
        # a file may be ignored, and yet in a commit
        _stage(git, folder, index, *([] if Path(seed.source).is_dir() else ["--force"]))
        if seed.policies is not None:
            with _index() as other:
                _stage(git, seed.policies, other)
                policies = git.ask("write-tree", environment=_at(other)).decode().strip()
            gone = ("rm", "-r", "--quiet", "--cached", "--ignore-unmatch", "--", "policies")
            git.ask(*gone, environment=_at(index, folder))
            git.ask("read-tree", "--prefix=policies/", policies, environment=_at(index, folder))
        tree = git.ask("write-tree", environment=_at(index)).decode().strip()
    return git.ask("commit-tree", "-m", WORDS, tree, environment=WHO).decode().strip()


def _stage(git: Git, folder: Path, index: Path, *options: str) -> None:
    # a thousand objects, and each would be waited for: no lab outlives a power cut
    git.ask("-c", "core.fsync=none", "add", "--all", *options, ".", environment=_at(index, folder))


def _at(index: Path, folder: Path | None = None) -> dict[str, str]:
    tree = {"GIT_WORK_TREE": str(folder.resolve())} if folder else {}
    return {"GIT_INDEX_FILE": str(index), **tree}


@contextmanager
def _index() -> Iterator[Path]:
    scratch = Path(tempfile.mkdtemp(prefix="komando-seed-"))
    try:
        yield scratch / "index"
    finally:
        shutil.rmtree(scratch)


@contextmanager
def _source(seed: Seed) -> Iterator[Path]:
    """The folder with what is to be planted."""
    if Path(seed.source).is_dir():
        yield Path(seed.source)
        return
    scratch = Path(tempfile.mkdtemp(prefix="komando-seed-"))
    try:
        packed = scratch / "packed.tar"
        run(["git", "-C", str(seed.project), "archive", f"--output={packed}", seed.source, "--"])
        tree = scratch / "tree"
        tree.mkdir()
        run(["tar", "--extract", f"--file={packed}", f"--directory={tree}"])
        yield tree
    finally:
        shutil.rmtree(scratch)
