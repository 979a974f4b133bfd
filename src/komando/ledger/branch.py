"""The branch of an environment on a remote, and what this clone knew of it."""

from __future__ import annotations

import re
import time
from pathlib import Path

from komando.ledger.errors import (
    EnvironmentNameError,
    NoRemoteError,
    RefusedError,
    RewrittenError,
    UnreachedError,
    lost,
)
from komando.ledger.git import Answer, Git

REMOTE_TIMEOUT = 30.0
"""Seconds for one fetch or push of some kilobytes, over the slowest line of the regency."""

_NAME = re.compile(r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?")
_FETCH = (
    "fetch",
    "--quiet",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-auto-maintenance",
    "--no-recurse-submodules",
    "--no-filter",
    "--refmap=",  # what `git fetch` by hand keeps stays as it was: a witness
)
_PUSH = ("push", "--porcelain", "--no-verify", "--no-follow-tags", "--recurse-submodules=no")
_ALL = "--depth=2147483647"
"""What git understands as: no depth at all (shallow.txt in its documentation)."""

_ATTEMPTS = 4
"""Pushes that the remote turns down while its branch stands still: another push has its lock."""


class Branch:
    """`deployments/<environment>` on a remote.

    What this clone has seen of it is kept as refs/komando/known/<environment>, which no fetch by
    hand moves or prunes.
    """

    def __init__(
        self, git: Git, environment: str, remote: str, timeout: float = REMOTE_TIMEOUT
    ) -> None:
        """`timeout` is in seconds, for one call of the remote."""
        if not _NAME.fullmatch(environment):
            raise EnvironmentNameError(
                f"{environment!r} cannot name an environment: expected 1 to 63 small letters, "
                "digits, - and _, with a letter or digit at both ends. It is the name of the "
                "inventory's folder"
            )
        if not remote or remote.startswith("-"):
            raise NoRemoteError(f"{remote!r} is no remote: expected a name, a URL or a path")
        self.git, self.environment, self.timeout = git, environment, timeout
        self.remote = _absolute(remote)
        self._name(f"deployments/{environment}", environment)

    def _name(self, name: str, kept: str) -> None:
        """Its name on the remote, and what this clone keeps of it below refs/komando/."""
        self.name = name
        self._there = f"refs/heads/{name}"
        self._known = f"refs/komando/known/{kept}"
        self._fetched = f"refs/komando/fetched/{kept}"

    def known(self) -> str | None:
        """The last commit that this clone has seen there."""
        return self.git.commit_at(self._known)

    def witnesses(self) -> dict[str, str]:
        """Every reference of this clone that has, or had, the branch; and its commit."""
        every = self.git.references("refs/heads/", "refs/remotes/", self._known)
        return {
            name: commit
            for name, commit in every.items()
            if name == self._known or name.endswith(f"/{self.name}")
        }

    def fetch(self) -> str | None:
        """The branch's last commit, with all that it has; None where there never was one.

        Raises UnreachedError; LostBranchError where this clone knew it and it is no more; and
        RewrittenError where it does not go on from what this clone knew.
        """
        found = self.look()
        known = self.known()
        if found is None:
            for name in self.witnesses():
                raise lost(self.remote, self.name, f"this clone knows it as {name}")
            return None
        if found != known:
            if known is not None and not self.git.goes_on_from(known, found):
                behind = self.git.goes_on_from(found, known)
                raise RewrittenError(self.remote, self.name, (known, found), behind=behind)
            self.git.set_reference(self._known, found)
        return found

    def look(self) -> str | None:
        """The branch's last commit, whatever this clone knew of it; None where it is none."""
        for _ in range(2):
            answer = self._call(*_FETCH, "--", self.remote, f"+{self._there}:{self._fetched}")
            if answer.status == 0:
                return self._whole()
            if answer.status is None:
                raise self._unreached(answer)
            probe = self._call("ls-remote", "--exit-code", "--", self.remote, self._there)
            if probe.status == 2:
                return None
            if probe.status != 0:
                raise self._unreached(probe)
        raise self._unreached(answer)  # it is there, and cannot be had

    def push(self, commit: str, parent: str | None) -> bool:
        """Let the branch go on from `parent` to `commit`; False where somebody was quicker.

        Raises UnreachedError where it is not known what became of it, and RefusedError where the
        remote would not have it.
        """
        for attempt in range(_ATTEMPTS):
            answer = self._call(*_PUSH, "--", self.remote, f"{commit}:{self._there}")
            if answer.status == 0:
                self.git.set_reference(self._known, commit)
                return True
            found = self.fetch()  # an answer that was lost, a race, or a refusal
            if found is not None and self.git.goes_on_from(commit, found):
                return True
            if found != parent:
                return False
            time.sleep(0.1 * (attempt + 1))
        raise RefusedError(
            f"{self.remote} does not take a push to {self.name}: {answer.words}. Whoever applies "
            "needs the right to add to that branch, and no rule may ask for a review of it"
        )

    def _call(self, *arguments: str) -> Answer:
        return self.git.run(*arguments, timeout=self.timeout)

    def _whole(self) -> str:
        """What was fetched, down to its first entry, even if the clone is a shallow one."""
        shallow = self.git.common / "shallow"
        if shallow.is_file():
            first = self.git.ask("rev-list", "--max-parents=0", self._fetched, "--").decode()
            if set(first.split()) & set(shallow.read_text(encoding="ascii").split()):
                answer = self._call(
                    *_FETCH, _ALL, "--", self.remote, f"+{self._there}:{self._fetched}"
                )
                if answer.status != 0:
                    raise self._unreached(answer)
        found = self.git.commit_at(self._fetched)
        if found is None:
            raise UnreachedError(f"{self.remote} gave no commit for {self.name}")
        self.git.drop_reference(self._fetched)
        return found

    def _unreached(self, answer: Answer) -> UnreachedError:
        """Why the remote cannot be worked with: it may not even be named in this repository."""
        bare = not re.search(r"[/:]", self.remote)
        if bare and not self.git.setting(f"remote.{self.remote}.url"):
            return NoRemoteError(
                f"the repository {self.git.folder} has no remote {self.remote!r}, and the ledger "
                f"is a branch there. `git remote add {self.remote} URL`, or name another one, a "
                "URL or a path with --remote"
            )
        return UnreachedError(
            f"the ledger's remote {self.remote} cannot be reached: {answer.words}"
        )


def _absolute(remote: str) -> str:
    """A path from where we are; git would begin at the repository's folder."""
    if "/" in remote and "://" not in remote and Path(remote).exists():
        return str(Path(remote).resolve())
    return remote
