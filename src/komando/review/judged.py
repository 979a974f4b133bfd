"""How far a branch was judged, as this clone alone remembers: no push from elsewhere moves it."""

from __future__ import annotations

from komando.review.trees import Trees


def judged(trees: Trees, environment: str) -> str | None:
    """The newest commit of the branch that was applied as a whole from here; None: none yet."""
    return trees.git.commit_at(_reference(environment))


def note_judged(trees: Trees, environment: str, commit: str, branch: str) -> bool:
    """Remember that a commit was applied as a whole, if it is one of the branch; whether it is.

    `branch` is the remote's, as this clone knows it (`origin/main`). A commit beside it is an
    emergency's, from a branch of its own: what comes by the branch is judged all the same. It goes
    forward alone, also past what a person had to look at.
    """
    tip = trees.git.commit_at(f"refs/remotes/{branch}")
    if tip is None or commit not in trees.line(tip, until=commit):
        return False
    before = judged(trees, environment)
    if before is not None and not trees.leads(before, commit):
        return False
    trees.git.set_reference(_reference(environment), commit)
    return True


def _reference(environment: str) -> str:
    return f"refs/komando/judged/{environment}"
