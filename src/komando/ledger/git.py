"""The git command: plumbing alone, no prompt, no hook, and an end to every wait."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from komando.ledger.errors import GitError, NotRepositoryError, words_of

LOCAL_TIMEOUT = 60.0
"""Seconds for a command that speaks to no remote; 10,000 entries are read in about one."""

# Set in hooks and by some callers: they would send us to another repository than was asked for.
_OF_A_REPOSITORY = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_SHALLOW_FILE",
    "LANGUAGE",
)
_QUIETLY = {
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "SSH_ASKPASS_REQUIRE": "never",
    "GIT_OPTIONAL_LOCKS": "0",  # a look at the work tree must not refresh its index
    "GIT_NO_REPLACE_OBJECTS": "1",  # a replaced entry is not what the branch holds
}
_ALWAYS = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsync=committed,reference")
"""No hooks; and a reference that outlives a power cut names a commit that does, too."""

_GENTLY = 2.0
"""Seconds in which a command that is asked to end takes its locks away."""


@dataclass(frozen=True)
class Answer:
    """What a git command left: exit status (None: out of time, and ended), and what it wrote."""

    status: int | None
    out: bytes
    error: str

    @property
    def words(self) -> str:
        """Why it failed."""
        return "no answer in time" if self.status is None else words_of(self.error)


class Git:
    """The git command in one repository, bare or not, from whatever folder of it."""

    def __init__(self, folder: Path) -> None:
        """`folder` is in the repository. Raises NotRepositoryError where git finds none."""
        self.folder = folder.resolve()
        self._environment = {
            name: value for name, value in os.environ.items() if name not in _OF_A_REPOSITORY
        } | _QUIETLY
        self.common = self._common_folder()
        self._environment["GIT_SSH_COMMAND"] = self._ssh()

    def run(
        self,
        *arguments: str,
        data: bytes = b"",
        environment: Mapping[str, str] | None = None,
        timeout: float = LOCAL_TIMEOUT,
    ) -> Answer:
        """Run a command to its end, or to the end of `timeout` seconds.

        It has a session of its own: no terminal to ask on, and what it started ends with it.
        """
        try:
            child = subprocess.Popen(
                ["git", *_ALWAYS, *arguments],
                cwd=self.folder,
                env=self._environment | dict(environment or {}),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            if not self.folder.is_dir():
                raise NotRepositoryError(f"{self.folder} is no folder") from error
            raise GitError("there is no git command here: install git") from error
        except NotADirectoryError as error:
            raise NotRepositoryError(f"{self.folder} is no folder") from error
        try:
            out, said = child.communicate(data, timeout)
        except subprocess.TimeoutExpired:
            _end(child)
            return Answer(None, b"", "")
        except BaseException:
            _end(child)
            raise
        return Answer(child.returncode, out, said.decode("utf-8", "replace"))

    def ask(
        self, *arguments: str, data: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> bytes:
        """What a local command answers. Raises GitError when it fails."""
        answer = self.run(*arguments, data=data, environment=environment)
        if answer.status != 0:
            verb = next(it for it in arguments if not it.startswith("-") and "=" not in it)
            raise GitError(f"git {verb} failed in {self.folder}: {answer.words}")
        return answer.out

    def commit_at(self, reference: str) -> str | None:
        """The commit that a reference names; None where it does not stand."""
        answer = self.run("rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}")
        return answer.out.decode().strip() if answer.status == 0 else None

    def references(self, *patterns: str) -> dict[str, str]:
        """The references under patterns, and their commits."""
        lines = self.ask("for-each-ref", "--format=%(objectname) %(refname)", *patterns)
        pairs = (line.split(" ", 1) for line in lines.decode().splitlines())
        return {name: commit for commit, name in pairs}

    def set_reference(self, reference: str, commit: str) -> None:
        """Let a reference name a commit."""
        self.ask("update-ref", "--no-deref", reference, commit)

    def drop_reference(self, reference: str) -> None:
        """Take a reference away, where it stands."""
        self.ask("update-ref", "--no-deref", "-d", reference)

    def goes_on_from(self, older: str, newer: str) -> bool:
        """Whether `newer` is `older` or has it among its ancestors."""
        answer = self.run("merge-base", "--is-ancestor", older, newer)
        if answer.status not in (0, 1):
            raise GitError(f"git merge-base failed in {self.folder}: {answer.words}")
        return answer.status == 0

    def setting(self, name: str) -> str:
        """A value of git's configuration; "" where it is not set."""
        answer = self.run("config", "--get", name)
        return answer.out.decode("utf-8", "replace").strip() if answer.status == 0 else ""

    def _common_folder(self) -> Path:
        answer = self.run("rev-parse", "--git-common-dir")
        if answer.status != 0:
            raise NotRepositoryError(
                f"{self.folder} is in no git repository (git says: {answer.words}). The ledger is "
                "a branch of the policies' repository: work in a clone of it, or name one with "
                "--repository"
            )
        return (self.folder / os.fsdecode(answer.out.rstrip(b"\n"))).resolve()

    def _ssh(self) -> str:
        """The user's ssh command, told to ask nobody."""
        command = self._environment.get("GIT_SSH_COMMAND") or self.setting("core.sshCommand")
        if not command and (program := self._environment.get("GIT_SSH")):
            command = re.sub(r"([^\w/.+-])", r"\\\1", program)
        return f"{command or 'ssh'} -o BatchMode=yes -o ConnectTimeout=10"


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a command and all that it started."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(child.pid, how)
        with suppress(subprocess.TimeoutExpired):
            child.wait(_GENTLY)
            break
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)  # what it started may not have heard
    child.communicate()
