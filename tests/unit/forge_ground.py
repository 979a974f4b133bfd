"""A forge of a lab on bare ground: a repository with a main and a branch, and tokens for it."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from komando.lab.forge.state import WORKFLOW, Pull, State, Token
from komando.lab.forge.store import Store

REPOSITORY = "kotim/satu-komando"
T0 = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)

WRITES = Token(
    login=WORKFLOW,
    reads=frozenset({"contents"}),
    writes=frozenset({"pull_requests", "issues"}),
    person=False,
)
READS = Token(
    login=WORKFLOW, reads=frozenset({"contents", "pull_requests", "issues"}), person=False
)
PERSON = Token(
    login="approver-1",
    reads=frozenset({"contents", "administration"}),
    writes=frozenset({"pull_requests", "issues"}),
    ends=datetime(2027, 3, 31, 17, 0, tzinfo=UTC),
)
TOKENS = {"lab_writes": WRITES, "lab_reads": READS, "lab_person": PERSON}


def git(folder: Path, *arguments: str, who: str = "requester-1") -> str:
    """What git says, as somebody with an address of their own."""
    names = {
        f"GIT_{role}_{kind}": value
        for role in ("AUTHOR", "COMMITTER")
        for kind, value in (("NAME", who), ("EMAIL", f"{who}@users.noreply.github.com"))
    }
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=os.environ | names | {"KOMANDO_LAB_LOGIN": who},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def commit(clone: Path, name: str, text: str, who: str = "requester-1") -> str:
    """A commit that gives one file a text; its id."""
    (clone / name).write_text(text, encoding="utf-8")
    git(clone, "add", name, who=who)
    git(clone, "commit", "--quiet", "--message", f"{name}: {text}", who=who)
    return git(clone, "rev-parse", "HEAD").strip()


def clone_of(store: Store, at: Path) -> Path:
    """Somebody's clone of the forge."""
    git(at.parent, "clone", "--quiet", str(store.bare), str(at))
    return at


def begun(folder: Path) -> Store:
    """A forge with a first commit on main, without hooks or requests."""
    folder.mkdir(parents=True, exist_ok=True)
    store = Store(folder)
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(store.bare))
    store.begin(State(repository=REPOSITORY, tokens=TOKENS))
    first = folder / "first"
    git(folder, "clone", "--quiet", str(store.bare), str(first))
    git(first, "checkout", "--quiet", "-B", "main")
    commit(first, "rate", "20")
    git(first, "push", "--quiet", "origin", "main")
    return store


def with_branch(store: Store, branch: str, commits: int = 1, who: str = "requester-1") -> str:
    """Commits on a branch of the forge, without its hook's knowing; the last one's id."""
    main = git(store.bare, "rev-parse", "main").strip()
    lines = []
    for number in range(commits):
        text = f"{branch} {number}"
        lines += [
            f"commit refs/heads/{branch}",
            f"committer {who} <{who}@users.noreply.github.com> {1_790_000_000 + number} +0000",
            f"data {len(text)}\n{text}",
            *([f"from {main}"] if number == 0 else []),
            f"M 100644 inline rate\ndata {len(text)}\n{text}",
        ]
    subprocess.run(
        ["git", "-C", str(store.bare), "fast-import", "--quiet"],
        input="\n".join(lines) + "\n",
        text=True,
        check=True,
    )
    return git(store.bare, "rev-parse", branch).strip()


def opened(store: Store, branch: str = "raise", commits: int = 1) -> Pull:
    """An open pull request of requester-1."""
    head = with_branch(store, branch, commits)
    number = store.read().last + 1
    pull = Pull(
        number=number,
        title=f"dinas-kesehatan: {branch}",
        author="requester-1",
        branch=branch,
        head=head,
        opened=T0,
    )
    store.change(lambda state: state.with_pull(pull))
    return pull
