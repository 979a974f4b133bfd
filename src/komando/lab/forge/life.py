"""How a lab's forge begins, and what people do there with a pull request."""

from __future__ import annotations

import re
import secrets
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from komando.lab.commands import run
from komando.lab.forge.jobs import APPLY, OURS, PLAN, Jobs
from komando.lab.forge.receive import MAIN
from komando.lab.forge.seed import Seed, plant
from komando.lab.forge.state import (
    WORKFLOW,
    Event,
    Move,
    Pull,
    Review,
    State,
    Token,
    Work,
)
from komando.lab.forge.store import Store
from komando.lab.place import LabError

_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?")
"""What GitHub takes for a login."""

_HOOK = """\
#!/bin/sh
# After a push: the lab's forge opens pull requests and runs their jobs. The ledger's pushes pass.
updates=$(grep ' refs/heads/' | grep -v ' refs/heads/deployments/') || exit 0
PYTHONPATH={code}
export PYTHONPATH
printf '%s\\n' "$updates" | exec {python} -m komando.lab.forge {folder}
"""


@dataclass(frozen=True)
class Beginning:
    """With what a forge begins: its name, the first commit of main, what its jobs run."""

    repository: str
    seed: Seed
    work: Work
    mails: Mapping[str, str] = field(default_factory=dict)
    """Addresses in commits, and the logins of those whose they are."""


def begin(store: Store, beginning: Beginning) -> str:
    """Make a lab's folder have a forge; returns main's first commit.

    The bare repository may stand already, with the lab's ledger in it. Raises LabError where the
    lab has a forge, or where the seed is none.
    """
    if not store.folder.is_dir():
        raise LabError("the lab is not up: `komando lab up` first")
    tokens = {f"{name}-{secrets.token_hex(16)}": _token(name) for name in (PLAN, APPLY)}
    run(["git", "init", "--quiet", "--bare", f"--initial-branch={MAIN}", str(store.bare)])
    run(["git", "-C", str(store.bare), "symbolic-ref", "HEAD", f"refs/heads/{MAIN}"])
    first = plant(store.git, beginning.seed)
    store.begin(
        State(
            repository=beginning.repository,
            work=beginning.work,
            tokens=tokens,
            mails=dict(beginning.mails),
        )
    )
    store.git.set_reference(f"refs/heads/{MAIN}", first)
    _lay_hook(store)
    return Jobs(store, lambda _: None).make_controller()


def approve(store: Store, number: int, login: str) -> Pull:
    """Approve a pull request as it is now, merged or not.

    Raises LabError where GitHub would not take that.
    """
    pull = known_pull(store, number)
    if _person(login) == pull.author:
        raise LabError(f"{login} cannot approve #{number}: it is their own")
    at = datetime.now(UTC)
    review = Review(number=number, login=login, state="APPROVED", commit=pull.head, at=at)
    store.change(lambda state: state.but(reviews=(*state.reviews, review)))
    return pull


def label(store: Store, number: int, name: str, login: str) -> Pull:
    """Set a label on a pull request, merged or not."""
    pull = known_pull(store, number)
    event = Event(
        number=number, event="labeled", label=name, login=_person(login), at=datetime.now(UTC)
    )
    labels = tuple(dict.fromkeys((*pull.labels, name)))

    def labelled(state: State) -> State:
        labelled_pull = (state.pull(number) or pull).model_copy(update={"labels": labels})
        return state.with_pull(labelled_pull).but(events=(*state.events, event))

    store.change(labelled)
    return pull


def merge(store: Store, number: int, login: str) -> str:
    """Merge a pull request into main by a merge commit, and return it.

    As on GitHub nobody is asked here who approved: that is looked at before it is applied. Raises
    LabError where the two do not fit together.
    """
    pull, git = open_pull(store, number), store.git
    start = git.commit_at(f"refs/heads/{MAIN}") or ""
    tree = git.run("merge-tree", "--write-tree", start, pull.head)
    if tree.status != 0:
        raise LabError(f"#{number} does not fit onto {MAIN} any more: rebase it, and push it again")
    names = {f"GIT_{role}_NAME": _person(login) for role in ("AUTHOR", "COMMITTER")}
    mails = {name.replace("NAME", "EMAIL"): f"{login}@users.noreply.github.com" for name in names}
    words = f"Merge pull request #{number} from {pull.branch}\n\n{pull.title}"
    made = git.ask(
        "commit-tree", "-p", start, "-p", pull.head, "-m", words, tree.out.decode().split()[0],
        environment=names | mails,
    )  # fmt: skip
    commit, now = made.decode().strip(), datetime.now(UTC)
    git.ask("update-ref", f"refs/heads/{MAIN}", commit, start)
    done = {"merged": now, "merged_by": login, "merge": commit, "start": start}
    move = Move(branch=MAIN, before=start, after=commit, kind="pr_merge", login=login, at=now)
    store.change(
        lambda state: state.with_pull(pull.model_copy(update=done)).but(moves=(*state.moves, move))
    )
    return commit


def known_pull(store: Store, number: int) -> Pull:
    """A pull request. Raises LabError where there is none of that number."""
    if (pull := store.read().pull(number)) is None:
        raise LabError(f"there is no pull request #{number}: `komando lab forge show` lists them")
    return pull


def open_pull(store: Store, number: int) -> Pull:
    """A pull request that is open. Raises LabError for any other."""
    pull = known_pull(store, number)
    if not pull.open:
        raise LabError(f"#{number} is {'merged' if pull.merged else 'closed'} already")
    return pull


def _person(login: str) -> str:
    if not _LOGIN.fullmatch(login):
        raise LabError(f"{login!r} is no login: letters, digits and dashes, 39 at most")
    return login


def _token(job: str) -> Token:
    """What the workflow of a job asks for in its `permissions`."""
    if job == PLAN:
        return Token(
            login=WORKFLOW,
            reads=frozenset({"contents"}),
            writes=frozenset({"pull_requests"}),
            person=False,
        )
    return Token(
        login=WORKFLOW,
        reads=frozenset({"contents"}),
        writes=frozenset({"pull_requests", "issues"}),
        person=False,
    )


def _lay_hook(store: Store) -> None:
    hook = store.bare / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    words = {"code": OURS, "python": sys.executable, "folder": store.folder}
    quoted = {name: shlex.quote(str(value)) for name, value in words.items()}
    hook.write_text(_HOOK.format(**quoted), encoding="utf-8")
    hook.chmod(0o755)
