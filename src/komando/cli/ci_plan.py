"""`komando ci plan`: the plan of a pull request, in every form that a forge shows."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from komando.cli.ci_comment import mark_of
from komando.cli.from_git import (
    INVENTORIES,
    POLICIES,
    PROGRAM,
    NoPlanError,
    Span,
    applied_in,
    planned_between,
)
from komando.cli.progress import working
from komando.cli.streams import tell
from komando.ledger import LedgerError
from komando.ledger.errors import NotRepositoryError
from komando.ledger.git import Git
from komando.plan import Plan
from komando.review.since import Applied
from komando.review.trees import TreeError, Trees

if TYPE_CHECKING:
    from komando.plan import Setting


TOLD = {
    "policies/people.yaml": "who may propose, and who may approve",
    "policies/OWNERS": "whose approval a path needs",
    ".github/CODEOWNERS": "whose approval a path needs",
    INVENTORIES: "which machines there are, and how they are reached",
    PROGRAM: "the program itself, which makes the plan and carries it out",
    "deploys": "how it is carried to the hosts",
    "tests/hosts": "what is looked at on the hosts, with the controller's key",
    "roles": "what machines are prepared by: `komando prepare` brings that to them, and no apply",
    "requirements.lock": "what the program is installed with",
    "roles/controller/files/requirements.lock": "what a controller is installed with",
    ".github/workflows": "what the forge runs, and with which rights",
    "scripts": "what people and workflows run",
}
"""What no bundle shows, and a reviewer has to know of a request."""


@dataclass(frozen=True)
class About:
    """Of what a plan is, for whoever shows it: commits, environment, and the last apply's commit.

    `changes` and `stops` say what the plan comes to; both are None where there is none.
    """

    environment: str
    base: str
    head: str
    applied: str | None
    changes: bool | None = None
    stops: bool | None = None


@dataclass(frozen=True)
class Asked:
    """The plan that was asked for, or why there is none."""

    about: About
    notes: tuple[str, ...]
    plan: Plan | None = None
    fault: NoPlanError | None = None

    @property
    def good(self) -> bool:
        """Whether it can be merged."""
        return self.plan is not None and not self.plan.stopping()


def planned_request(inventory: str, base: str, head: str, remote: str, out: Path) -> None:
    """Plan, write all files, and end the verb with its exit status."""
    try:
        with working("rendering what was applied, and what would be merged"):
            asked = ask(Trees(Git(Path())), inventory, base, head, remote)
    except NotRepositoryError as error:
        raise click.ClickException(
            f"run it in a clone of the policies' repository: {Path.cwd()} is none"
        ) from error
    except (TreeError, LedgerError) as error:
        raise click.ClickException(str(error)) from error
    _write(asked, out)
    _show(asked)
    sys.exit(0 if asked.good else 1)


def ask(trees: Trees, inventory: str, base: str, head: str, remote: str) -> Asked:
    """The plan of a merge of `head` into `base`. Raises TreeError and LedgerError."""
    _require_place(trees, remote)
    environment = Path(inventory).name
    onto, tip = trees.commit(base), trees.commit(head)
    applied = applied_in(trees, environment, onto, remote)
    about = About(environment, onto, tip, applied.commit if applied else None)
    notes = _notes(trees, about, applied, base)
    try:
        after = trees.merged(onto, tip, base.removeprefix(f"{remote}/"))
        span = Span(
            trees,
            applied.commit if applied else onto,
            after,
            trees.commit("HEAD"),
            inventory,
            applied,
        )
        notes += _beside(trees, onto, after, span.ours)
        plan, _ = planned_between(span)
    except NoPlanError as error:
        return Asked(about, tuple(notes), None, error)
    except TreeError as error:
        return Asked(about, tuple(notes), None, NoPlanError(str(error)))
    if head == "HEAD" and trees.git.run("status", "--porcelain", "--", POLICIES, INVENTORIES).out:
        notes.append("files here differ from the commit that is checked out: they are not in it")
    about = About(**asdict(about) | {"changes": plan.changes, "stops": bool(plan.stopping())})
    return Asked(about, tuple(notes), plan)


def _require_place(trees: Trees, remote: str) -> None:
    """Raises TreeError where what is asked for cannot be told from this folder."""
    git = trees.git
    top = git.ask("rev-parse", "--show-toplevel").decode().strip()
    if Path(top) != Path.cwd():
        raise TreeError(f"run it in the repository's own folder, {top}")
    if git.run("rev-parse", "--is-shallow-repository").out.strip() == b"true":
        raise TreeError(
            "this clone is shallow, so that it cannot be told what merges with what: "
            "`git fetch --unshallow`, then again"
        )
    if not git.setting(f"remote.{remote}.url"):
        raise TreeError(
            f"this clone has no remote {remote!r}, of which the ledger is a branch: `git remote "
            f"add {remote} URL` and `git fetch {remote}`, or name another one with --remote and "
            "--base"
        )


def _notes(trees: Trees, about: About, applied: Applied | None, base: str) -> list[str]:
    """Against what it was planned."""
    if applied is None:
        where = f"deployments/{about.environment}"
        return [
            (
                f"this is against {base}, as this clone has no apply on {where}: fetch the ledger, "
                "or, where nothing was ever applied, a person does it first, with `komando apply`"
            )
        ]
    waiting = trees.first_parents(applied.commit, about.base)
    said = f"against commit {applied.commit[:12]}, applied at {applied.time:%Y-%m-%d %H:%M} UTC"
    if waiting:
        count = f"{len(waiting)} commit{'' if len(waiting) == 1 else 's'}"
        said += f"; {base} is {count} further, and what these change is told here, too"
    return [said]


def _beside(trees: Trees, base: str, after: str, ours: str) -> list[str]:
    """What a request changes that no bundle shows, and a program that is not the merge's own."""
    changed = [path for path in TOLD if trees.part(base, path) != trees.part(after, path)]
    found = [f"it changes {path}: {TOLD[path]}" for path in changed]
    if trees.part(after, PROGRAM) != trees.part(ours, PROGRAM):
        found.append(
            f"it was planned by the program of {ours[:12]}, and not by the one that the merge "
            "would have: what that renders otherwise does not show here"
        )
    return found


def _write(asked: Asked, out: Path) -> None:
    """The files that other jobs and people take from here; in a workflow the job's summary, too."""
    from komando.plan import comment, summary, to_json

    out.mkdir(parents=True, exist_ok=True)
    setting = _setting(asked)
    about = json.dumps(asdict(asked.about), indent=1) + "\n"
    files = {
        "about.json": about,
        "plan.json": None if asked.plan is None else to_json(asked.plan),
        "plan.md": summary(asked.plan, setting, limit=None),
        "comment.md": comment(asked.plan, setting),
    }
    for name, text in files.items():
        if text is None:
            (out / name).unlink(missing_ok=True)
        else:
            (out / name).write_text(text, encoding="utf-8")
    if place := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(place).open("a", encoding="utf-8") as file:
            file.write(summary(asked.plan, setting))


def _setting(asked: Asked) -> Setting:
    """What the plan's teller knows: commits, and in a workflow the addresses on the forge."""
    from komando.plan import Setting

    environment, fault = os.environ, asked.fault
    server, repository = environment.get("GITHUB_SERVER_URL"), environment.get("GITHUB_REPOSITORY")
    at = f"{server}/{repository}" if server and repository else ""
    run = environment.get("GITHUB_RUN_ID")
    why = () if fault is None or fault.diagnostics else (str(fault),)
    return Setting(
        mark=mark_of(asked.about.environment),
        title=asked.about.environment,
        notes=(*why, *asked.notes),
        diagnostics=() if fault is None else fault.diagnostics,
        base=f"{at}/blob/{asked.about.head}" if at else "",
        whole="the job's summary" if asked.plan else "",
        whole_at=f"{at}/actions/runs/{run}" if at and run else "",
    )


def _show(asked: Asked) -> None:
    """On a terminal the plan as text; in a workflow annotations and the job's summary."""
    from komando.cli.plan import show_plan

    for note in asked.notes:
        tell(f"note: {note}", err=True)
    if asked.plan is not None:
        show_plan(asked.plan, "text", diff=False, by="an apply after the merge", asked=False)
    elif asked.fault is not None:
        _refuse(asked.fault)


def _refuse(fault: NoPlanError) -> None:
    for text in fault.shown:
        click.echo(text + "\n", err=True)
    if os.environ.get("GITHUB_ACTIONS") == "true" and fault.diagnostics:
        from komando.cli.formats import as_github

        click.echo(as_github(fault.diagnostics))
    tell(f"no plan: {fault}", err=True)
