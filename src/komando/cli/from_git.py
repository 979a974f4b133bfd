"""Policies, bundles and a plan as commits have them: no host is asked, and no key is needed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from komando.bundle import Bundle
from komando.cli.streams import clean
from komando.diagnostics import Diagnostic, Sources, as_text, errors_in, in_order
from komando.generation import RunningGeneration
from komando.review.since import Applied, last_applied
from komando.review.trees import Trees

if TYPE_CHECKING:
    from komando.cli.desired import Desired
    from komando.plan import Plan

POLICIES, INVENTORIES, PROGRAM = "policies", "inventories", "src"
"""The parts of a commit that make its bundles: what people wrote, the machines, the program."""

UNKNOWN = "?"
"""In place of the digest of something that is not known: it equals none."""

KOMANDO = "from komando.cli import run; run()"
"""What the command is, by whatever program stands first on Python's path."""

PATIENCE = 120.0
"""Seconds for a commit's own program to render its own policies."""


class NoPlanError(Exception):
    """What a commit says cannot be planned: `diagnostics` tell where, or the text says why.

    `shown` are the diagnostics with the lines of that commit, which are not at hand afterwards.
    """

    def __init__(
        self, words: str, diagnostics: tuple[Diagnostic, ...] = (), shown: tuple[str, ...] = ()
    ) -> None:
        super().__init__(words)
        self.diagnostics, self.shown = diagnostics, shown


@dataclass(frozen=True)
class Span:
    """From where to where a plan goes: two commits or trees, and what was applied last.

    `before` is a commit; `after` a commit or the tree of a merge. `ours` is the commit whose
    program runs now.
    """

    trees: Trees
    before: str
    after: str
    ours: str
    inventory: str
    applied: Applied | None = None


def applied_in(trees: Trees, environment: str, head: str, remote: str) -> Applied | None:
    """What this clone knows to have been applied last, on the way to `head`; asks no remote."""
    from komando.ledger.chain import entries_of, read

    references = (
        f"refs/komando/known/{environment}",
        f"refs/remotes/{remote}/deployments/{environment}",
    )
    found = [tip for tip in map(trees.git.commit_at, references) if tip is not None]
    if not found:
        return None
    newest = max(found, key=trees.length)
    entries = entries_of(read(trees.git, newest))
    return last_applied(entries, lambda commit: commit in trees.line(head, until=commit))


def planned_between(span: Span) -> tuple[Plan, Desired]:
    """The plan from one commit to another, with the findings, and what is wanted.

    Raises NoPlanError where the policies or the inventory of `after` are wrong.
    """
    from komando.cli.planning import assessed
    from komando.plan import make_plan

    wanted = wanted_at(span.trees, span.after, span.inventory)
    notes: list[str] = []
    unread: dict[str, str] = {}
    before = _before(span, notes)
    running = {name: _ran(name, span, before, notes, unread) for name in wanted.bundles}
    plan = make_plan(
        wanted.bundles,
        running,
        wanted.policy.where,
        datetime.now(UTC),
        notes,
        unread,
        wanted.inventory.routers,
    )
    return assessed(plan, wanted.policy), wanted


def _before(span: Span, notes: list[str]) -> Mapping[str, Bundle] | None:
    """The bundles of `before`, by its own program where that is another one; None: unknown."""
    try:
        if span.trees.part(span.before, PROGRAM) == span.trees.part(span.ours, PROGRAM):
            return wanted_at(span.trees, span.before, span.inventory).bundles
        return rendered_at(span.trees, span.before, span.inventory)
    except NoPlanError as error:
        notes.append(f"what commit {span.before[:12]} renders is not known: {error}")
        return None


def _ran(
    name: str,
    span: Span,
    before: Mapping[str, Bundle] | None,
    notes: list[str],
    unread: dict[str, str],
) -> RunningGeneration:
    """What a host runs, as far as git can tell; where the ledger says otherwise, a note."""
    told = None if span.applied is None else span.applied.running.get(name)
    if before is None:
        unread[name] = f"commit {span.before[:12]} could not be rendered"
        return RunningGeneration(name, told or UNKNOWN)
    bundle = before.get(name)
    digest = None if bundle is None else bundle.digest
    if span.applied is not None and told != (digest or ""):
        says = "nothing of it" if told is None else f"{told[:12] or 'nothing'}"
        notes.append(
            f"{name}: by the ledger it runs {says}, and commit {span.before[:12]}, which was "
            f"applied last, renders {(digest or 'nothing')[:12]}: an apply looks at the host"
        )
    return RunningGeneration(name, digest, bundle=bundle)


def wanted_at(trees: Trees, tree: str, inventory: str) -> Desired:
    """What a commit or tree asks for, rendered by the program that runs now.

    Raises NoPlanError with all that is wrong; places are relative to the repository.
    """
    with _written(trees, tree, POLICIES, INVENTORIES):
        from komando.cli.check import examine as examine_policies
        from komando.cli.desired import desired
        from komando.cli.inventory import examine as examine_machines
        from komando.cli.machines import folder_of

        try:
            folder = folder_of(inventory)
            machines, found = examine_machines(folder)
            _, more = examine_policies(Path(POLICIES), datetime.now(UTC))
            # what is not known of the machines' keys is nobody's fault who changes a rate
            diagnostics = in_order([*more, *(it for it in found if it.severity == "error")])
            if errors_in(diagnostics) or machines is None:
                raise _refused(diagnostics)
            return desired(Path(POLICIES), folder, machines)
        except click.ClickException as error:
            raise NoPlanError(error.format_message()) from error


def _refused(diagnostics: list[Diagnostic]) -> NoPlanError:
    errors = [one for one in diagnostics if one.severity == "error"]
    sources = Sources()
    places = sorted({one.location.file.partition("/")[0] for one in errors})
    words = f"{len(errors)} error{'' if len(errors) == 1 else 's'} in {' and '.join(places)}"
    return NoPlanError(words, tuple(diagnostics), tuple(as_text(one, sources) for one in errors))


def rendered_at(trees: Trees, commit: str, inventory: str) -> dict[str, Bundle]:
    """The bundles of a commit by its own program, in a process of its own.

    The commit is one that was merged and applied; its program runs among today's packages. Raises
    NoPlanError where it fails.
    """
    with _written(trees, commit, POLICIES, INVENTORIES, PROGRAM) as folder:
        answer = _rendering(
            [sys.executable, "-P", "-c", KOMANDO, "render", "--inventory", inventory],
            folder / PROGRAM,
        )
        if answer.returncode != 0:
            said = clean(answer.stderr.strip().splitlines()[-1] if answer.stderr.strip() else "")
            raise NoPlanError(f"its own program ended with {answer.returncode}: {said}")
        rendered = folder / "rendered"
        return {path.name: Bundle.read(path.name, path) for path in sorted(rendered.iterdir())}


def _rendering(command: list[str], source: Path) -> subprocess.CompletedProcess[str]:
    """Run a program of another commit: with no home, no key's name and no agent of the caller's."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(source)}
    try:
        return subprocess.run(
            command,
            env=environment | {"HOME": str(source.parent), "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NoPlanError(f"its own program took more than {PATIENCE:.0f} s") from error


@contextmanager
def _written(trees: Trees, tree: str, *paths: str) -> Iterator[Path]:
    """The files of a tree in a folder of their own, in which we are inside the block."""
    with tempfile.TemporaryDirectory(prefix="komando-") as name:
        folder = trees.write(tree, Path(name), *paths)
        with chdir(folder):
            yield folder
