"""What the forge does with a push: it keeps who pushed, opens a pull request, runs the jobs."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from komando.lab.forge.jobs import Jobs, Say
from komando.lab.forge.state import Move, Pull, Pushed, State
from komando.lab.forge.store import Store

MAIN = "main"
LOGIN = "KOMANDO_LAB_LOGIN"
"""The variable with the login of whoever pushes; nobody proves anything to a lab's forge."""

_HEADS = "refs/heads/"
_LEDGER = "deployments/"


@dataclass(frozen=True)
class Update:
    """A branch that went from one commit to another; None where it did not, or does not, stand."""

    branch: str
    before: str | None
    after: str | None


def pusher() -> str:
    """Who pushes."""
    return os.environ.get(LOGIN) or getpass.getuser()


def updates_in(lines: Iterable[str]) -> Iterator[Update]:
    """The branches that a push moved, by what git tells its hook; the ledger's are none of ours."""
    for line in lines:
        before, after, reference = line.split()
        branch = reference.removeprefix(_HEADS)
        if reference.startswith(_HEADS) and not branch.startswith(_LEDGER):
            yield Update(branch, _commit(before), _commit(after))


def receive(store: Store, updates: Iterable[Update], login: str, say: Say) -> None:
    """Take note of a push, and run the jobs that follow from it: plans first, then an apply."""
    jobs, applies = Jobs(store, say), False
    for update in updates:
        _record(store, update, login)
        if update.branch == MAIN:
            applies = update.after is not None
        elif update.after is None:
            _close(store, update.branch)
        elif (pull := _followed(store, update.branch, update.after, login)) is not None:
            say(f"#{pull.number} {pull.title}")
            jobs.plan(pull)
    if applies:
        jobs.apply()


def _commit(text: str) -> str | None:
    return text if text.strip("0") else None


def _record(store: Store, update: Update, login: str) -> None:
    none = "0" * 40
    move = Move(
        branch=update.branch,
        before=update.before or none,
        after=update.after or none,
        kind=_kind(store, update),
        login=login,
        at=datetime.now(UTC),
    )
    store.change(lambda state: state.but(moves=(*state.moves, move)))


def _kind(store: Store, update: Update) -> Pushed:
    if update.before is None:
        return "branch_creation"
    if update.after is None:
        return "branch_deletion"
    return "push" if store.git.goes_on_from(update.before, update.after) else "force_push"


def _close(store: Store, branch: str) -> None:
    def closed(state: State) -> State:
        pull = state.of_branch(branch)
        return state if pull is None else state.with_pull(pull.model_copy(update={"closed": True}))

    store.change(closed)


def _followed(store: Store, branch: str, head: str, login: str) -> Pull | None:
    """The pull request of a branch, moved on or opened; None where the branch brings nothing."""
    git = store.git
    main = git.commit_at(_HEADS + MAIN)
    if main is None or git.goes_on_from(head, main):
        return None
    title = git.ask("log", "-1", "--format=%s", head).decode("utf-8", "replace").strip()

    def followed(state: State) -> State:
        pull = state.of_branch(branch) or Pull(
            number=state.last + 1,
            title=title,
            author=login,
            branch=branch,
            head=head,
            opened=datetime.now(UTC),
        )
        return state.with_pull(pull.model_copy(update={"head": head}))

    pull = store.change(followed).of_branch(branch)
    if pull is not None:
        git.set_reference(f"refs/pull/{pull.number}/head", head)
    return pull
