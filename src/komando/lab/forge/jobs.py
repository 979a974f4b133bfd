"""The jobs of the lab's forge: the plan of a pull request, and the apply after a merge.

They run `komando ci` as the workflows do. A plan gets no key and no token; what it writes is posted
by another process.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import komando
from komando.lab.commands import run
from komando.lab.forge.server import serving
from komando.lab.forge.state import Pull
from komando.lab.forge.store import Store
from komando.lab.forge.turns import turn
from komando.lab.place import LabError

PLAN, APPLY = "plan", "apply"
"""The jobs, and the logins' tokens that they get; `State.tokens` has a token of each name's end."""

OURS = Path(komando.__file__).resolve().parents[1]
"""The folder of the code that runs now."""

_KOMANDO = "from komando.cli import run; run()"
"""What .venv/bin/komando does, by whatever code stands first on the path."""

_KEYS = ("KOMANDO_", "GITHUB_", "GIT_", "SSH_")
"""The beginnings of what no job of a workflow would have from whoever pushed."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Jobs:
    """The jobs of one forge; `say` tells whoever waits for them."""

    store: Store
    say: Say

    def plan(self, pull: Pull) -> int:
        """Plan a pull request's head, tell the summary, and comment; the plan's exit status."""
        scratch = Path(tempfile.mkdtemp(prefix="plan-", dir=self.store.own))
        try:
            clone, out = scratch / "clone", scratch / "out"
            run(["git", "clone", "--quiet", str(self.store.bare), str(clone)])
            run(["git", "-C", str(clone), "checkout", "--quiet", "--detach", pull.head])
            ends = ("--base", "origin/main", "--head", "HEAD", "--out", str(out))
            words = ("ci", "plan", *ends, *self.store.read().work.plan)
            status = self._komando(clone, words, {})
            self._record(pull.head, status)
            if out.is_dir():
                self._comment(clone, out, pull.number)
            return status
        finally:
            shutil.rmtree(scratch)

    def apply(self) -> int:
        """Apply main from the controller's clone, which `komando ci apply` moves, in its turn.

        Returns the exit status of `komando ci apply`; 0, too, where a newer job has taken this
        one's place, since it applies what this one would have.
        """
        with turn(
            self.store.own, APPLY, lambda: self.say("apply: waits for the one that runs")
        ) as ours:
            if not ours:
                self.say("apply: cancelled, for a newer one waits in its place")
                return 0
            main = self.store.git.commit_at("refs/heads/main") or "nothing"
            self.say(f"apply: main is at {main[:12]}")
            status = self._on_controller("apply")
            self.say(f"apply: ended with {status}")
            return status

    def drift(self) -> int:
        """Look for drift from the controller's clone, as each night; the verb's exit status."""
        return self._on_controller("drift")

    def _on_controller(self, verb: str) -> int:
        words = ("ci", verb, *self.store.read().work.apply)
        with serving(self.store) as served:
            environment = self._asking(served.url, APPLY, "KOMANDO_FORGE_TOKEN")
            return self._komando(self.store.controller, words, environment)

    def make_controller(self) -> str:
        """Make the controller's clone; returns main's commit, which it has checked out."""
        clone = self.store.controller
        run(["git", "clone", "--quiet", str(self.store.bare), str(clone)])
        return run(["git", "-C", str(clone), "rev-parse", "HEAD"]).strip()

    def _comment(self, clone: Path, out: Path, number: int) -> None:
        words = ("ci", "comment", str(out), "--request", str(number))
        with serving(self.store) as served:
            self._komando(clone, words, self._asking(served.url, PLAN, "GITHUB_TOKEN"))

    def _asking(self, url: str, job: str, name: str) -> dict[str, str]:
        """What lets `komando ci` find this forge."""
        state = self.store.read()
        token = next((one for one in state.tokens if one.startswith(f"{job}-")), None)
        if token is None:
            raise LabError(
                f"the lab's forge has no token for {job}: `komando lab down`, start anew"
            )
        return {name: token, "GITHUB_API_URL": url, "GITHUB_REPOSITORY": state.repository}

    def _komando(self, clone: Path, words: tuple[str, ...], more: Mapping[str, str]) -> int:
        """Run `komando` in a clone, by the clone's own code where it has some."""
        sys.stdout.flush()
        sys.stderr.flush()
        code = clone / "src" if (clone / "src" / "komando").is_dir() else OURS
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_KEYS)}
        command = self.store.read().work.komando or (sys.executable, "-c", _KOMANDO)
        done = subprocess.run(
            [*command, *words],
            cwd=clone,
            env={**kept, "PYTHONPATH": str(code), **more},
            stdin=subprocess.DEVNULL,
            check=False,
        )
        return done.returncode

    def _record(self, commit: str, status: int) -> None:
        self.store.change(lambda state: state.but(plans={**state.plans, commit: status}))
