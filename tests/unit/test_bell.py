"""The runner's bell: both of its programs, on real sockets and git, with a stand-in for komando.

The units around them, and that user runner has no other right, are shown in the lab
(tests/lab/test_ring.py).
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

FILES = Path(__file__).parents[2] / "roles/controller/files"
TOKEN = "ghs_0123456789abcdef"  # noqa: S105 - of nobody
SAYS = 'echo "$@"; echo "token $KOMANDO_FORGE_TOKEN of $GITHUB_REPOSITORY" >>was; echo aside >&2'
REFERENCE = "refs/komando/judged/production"
LOCK = "roles/controller/files/requirements.lock"


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def until(holds: Callable[[], object]) -> None:
    """Wait for what comes within moments; fails after 10 s."""
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


@dataclass
class Controller:
    """Folders that play /usr/local/bin and /srv/komando, and a bell that hangs.

    The judged tree stands, at what was applied last.
    """

    folder: Path
    started: list[subprocess.Popen[bytes]]

    @property
    def clone(self) -> Path:
        return self.folder / "repository"

    @property
    def judged(self) -> Path:
        return self.folder / "judged"

    def was(self, name: str = "was") -> str:
        """What a stand-in left in the judged tree."""
        path = self.judged / name
        return path.read_text() if path.exists() else ""

    def merge(self, says: str) -> str:
        """Take the clone on by a commit whose README says that, as komando-pull would."""
        (self.clone / "README.md").write_text(f"{says}\n")
        git(self.clone, "add", "--all")
        git(self.clone, "commit", "--quiet", f"--message={says}")
        return git(self.clone, "rev-parse", "HEAD")

    def empty(self) -> None:
        """The judged tree's folder, as the role makes it."""
        shutil.rmtree(self.judged, ignore_errors=True)
        self.judged.mkdir()

    def stand_in(self, name: str, script: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def hang(self, verb: str) -> None:
        """As the systemd socket would: a process for each connection."""
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(self.folder / f"{verb}.sock"))
        server.listen()

        def answer() -> None:
            while True:
                connection, _ = server.accept()
                with connection, (self.folder / "journal").open("ab") as journal:
                    self.started.append(
                        subprocess.Popen(
                            [
                                *(sys.executable, "-I", self.folder / "bin/komando-ci"),
                                *(verb, "production"),
                            ],
                            cwd=self.folder,
                            env={**os.environ, "GITHUB_REPOSITORY": "diskominfo/komando"},
                            stdin=connection.fileno(),
                            stdout=journal,
                        )
                    )

        threading.Thread(target=answer, daemon=True).start()

    def connect(self, verb: str = "apply") -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(20)
        connection.connect(str(self.folder / f"{verb}.sock"))
        return connection

    def say(self, words: bytes) -> bytes:
        """Ring by hand; returns all that comes back."""
        with self.connect() as connection:
            connection.sendall(words)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def ring(
        self, verb: str = "apply", *, token: str = TOKEN, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", FILES / "komando-ring", verb, f"--bells={self.folder}"],
            env={"PATH": os.environ["PATH"], **environment},
            input=f"{token}\n",
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[Controller]:
    one = Controller(tmp_path, [])
    (tmp_path / "bin").mkdir()
    shutil.copy(FILES / "komando-ci", tmp_path / "bin")
    one.stand_in("komando", SAYS)
    git(tmp_path, "init", "--quiet", "--initial-branch=main", str(one.clone))
    for name, value in (("user.name", "Budi"), ("user.email", "budi@kotimkab.example")):
        git(one.clone, "config", name, value)
    for path in (one.clone / LOCK, tmp_path / "wheels/requirements.lock"):
        path.parent.mkdir(parents=True)
        path.write_text("click==8.1.8\n")
    git(one.clone, "update-ref", REFERENCE, one.merge("applied"))
    git(one.clone, "worktree", "add", "--quiet", "--detach", str(one.judged), REFERENCE)
    for verb in ("apply", "drift"):
        one.hang(verb)
    yield one
    for process in one.started:
        process.wait(20)


@pytest.mark.parametrize("verb", ["apply", "drift"])
def test_a_ring_runs_the_verb_and_shows_it(controller: Controller, verb: str) -> None:
    done = controller.ring(verb)
    said = f"ci {verb} --inventory production\naside\n"
    assert (done.returncode, done.stdout) == (0, said)
    assert controller.was() == f"token {TOKEN} of diskominfo/komando\n"
    assert (controller.folder / "journal").read_text() == done.stdout


def test_the_status_is_that_of_the_verb(controller: Controller) -> None:
    controller.stand_in("komando", "exit 3")
    done = controller.ring()
    assert done.returncode == 3
    assert done.stderr == "komando-ring: komando ci apply: exit status 3\n"


def test_what_was_killed_has_a_shell_s_status(controller: Controller) -> None:
    controller.stand_in("komando", "kill -9 $$")
    assert controller.ring().returncode == 137


def test_it_runs_in_the_judged_tree_whatever_the_clone_is_at(controller: Controller) -> None:
    """Else a merge that nobody reviewed would be its own judge."""
    before = git(controller.judged, "rev-parse", "HEAD")
    assert controller.merge("merged by nobody else") != before
    controller.stand_in("komando", "pwd; cat README.md")
    for _ in range(2):
        done = controller.ring()
        assert done.stdout == f"{controller.judged}\napplied\n"
    assert git(controller.judged, "rev-parse", "HEAD") == before


def test_a_judged_tree_that_stands_is_left_where_it_is(controller: Controller) -> None:
    """As where `komando ci apply` took it forward, and the apply itself did not end well."""
    reviewed = controller.merge("reviewed")
    git(controller.judged, "checkout", "--quiet", "--detach", reviewed)
    controller.stand_in("komando", "cat README.md")
    assert controller.ring().stdout == "reviewed\n"


def test_where_no_judged_tree_stands_it_is_made_at_what_was_applied_last(
    controller: Controller,
) -> None:
    controller.merge("merged by nobody else")
    controller.empty()
    controller.stand_in("komando", "cat README.md; git symbolic-ref HEAD || echo detached")
    applied = git(controller.clone, "rev-parse", REFERENCE)
    done = controller.ring()
    assert done.stdout == (
        f"komando-ci: the judged tree is made, at {applied[:12]}\napplied\n"
        "fatal: ref HEAD is not a symbolic ref\ndetached\n"
    )
    assert "is made" not in controller.ring().stdout


def _cut_off(controller: Controller) -> None:
    """As git leaves it that was killed: locked, with a part of the files."""
    (controller.clone / ".git/worktrees/judged/locked").write_text("initializing")
    (controller.judged / "README.md").unlink()


def _not_begun(controller: Controller) -> None:
    """Cut off before it could find the clone."""
    (controller.judged / ".git").write_text("")


def _not_moved(controller: Controller) -> None:
    """A move forward was cut off, and holds its lock for ever."""
    (controller.clone / ".git/worktrees/judged/index.lock").touch()


def _forgotten(controller: Controller) -> None:
    """The clone was made anew, the tree was not."""
    shutil.rmtree(controller.clone / ".git/worktrees")


def _changed(controller: Controller) -> None:
    """Whoever that was, nobody reviewed it."""
    (controller.judged / "README.md").write_text("by hand\n")


def _linked(controller: Controller) -> None:
    """What a link leads to is not removed with it."""
    controller.empty()
    (controller.judged / "bin").symlink_to(controller.folder / "bin")


@pytest.mark.parametrize("harm", [_cut_off, _not_begun, _not_moved, _forgotten, _changed, _linked])
def test_a_judged_tree_that_is_not_whole_is_made_anew(
    controller: Controller, harm: Callable[[Controller], None]
) -> None:
    applied = git(controller.judged, "rev-parse", "HEAD")
    harm(controller)
    controller.stand_in("komando", "cat README.md && git status --porcelain && git rev-parse HEAD")
    made = f"komando-ci: the judged tree is made, at {applied[:12]}\n"
    assert controller.ring().stdout == f"{made}applied\n{applied}\n"
    assert controller.ring().stdout == f"applied\n{applied}\n"


@pytest.mark.parametrize("verb", ["apply", "drift"])
def test_the_first_apply_is_a_person_s(controller: Controller, verb: str) -> None:
    controller.empty()
    git(controller.clone, "update-ref", "-d", REFERENCE)
    done = controller.ring(verb)
    assert done.returncode == 1
    assert done.stdout == (
        "komando-ci: nothing was applied to production from this clone yet, and the first apply is "
        "a person's: sudo -iu controller, then komando-pull && komando apply --record\n"
    )
    assert list(controller.judged.iterdir()) == []


def test_a_judged_tree_that_cannot_be_made_runs_nothing(controller: Controller) -> None:
    controller.empty()
    controller.judged.rmdir()
    controller.judged.touch()
    done = controller.ring()
    assert done.returncode == 128
    assert f"fatal: '{controller.judged}' already exists" in done.stdout
    assert "aside" not in done.stdout


def test_a_lock_that_came_with_a_merge_is_told(controller: Controller) -> None:
    (controller.folder / "wheels/requirements.lock").write_text("click==8.1.7\n")
    assert controller.ring().stdout.endswith(
        "aside\nkomando-ci: the environment is another than the lock asks for: komando prepare\n"
    )


@pytest.mark.parametrize(
    "words",
    [b"\n", b"short\n", b"with a blank in it\n", b"$(touch was)touch\n", b"a" * 4096],
    ids=["empty", "short", "blank", "shell", "long"],
)
def test_what_is_no_token_runs_nothing(controller: Controller, words: bytes) -> None:
    answer = controller.say(words)
    assert answer == b"komando-ci: the first line is no token of the forge\n\x001\n"
    assert controller.was() == ""


def test_nothing_after_the_first_line_is_read(controller: Controller) -> None:
    answer = controller.say(f"{TOKEN}\nrollback core-1\n".encode())
    assert answer == b"ci apply --inventory production\naside\n\x000\n"


def test_the_token_is_in_no_argument_and_not_for_git(controller: Controller) -> None:
    look = 'tr "\\0" " " </proc/$$/cmdline; tr "\\0" " " </proc/$PPID/cmdline; echo'
    controller.stand_in("komando", look)
    hook = controller.clone / ".git/hooks/post-checkout"
    hook.write_text(f"#!/bin/sh\necho made; {look}; env\n")
    hook.chmod(0o755)
    controller.empty()
    done = controller.ring()
    assert "made\n" in done.stdout
    assert "komando-ci apply" in done.stdout
    assert TOKEN not in done.stdout


def test_a_nul_that_is_said_ends_nothing(controller: Controller) -> None:
    controller.stand_in("komando", "printf 'a\\0000\\nb\\n'; exit 4")
    done = controller.ring()
    assert (done.returncode, done.stdout) == (4, "a0\nb\n")


def test_whoever_rang_may_leave_and_it_goes_on_to_its_end(controller: Controller) -> None:
    """As where a job is cancelled in the middle of an apply."""
    controller.stand_in(
        "komando",
        "echo begun; touch begun; while [ ! -e left ]; do sleep 0.01; done;"
        "for i in 1 2 3; do echo and on || exit 1; done; echo ended >was",
    )
    with controller.connect() as connection:
        connection.sendall(f"{TOKEN}\n".encode())
        until((controller.judged / "begun").exists)
    (controller.judged / "left").touch()
    until(lambda: controller.was() == "ended\n")
    assert controller.started[0].wait(20) == 0
    journal = (controller.folder / "journal").read_text()
    assert "nobody listens any more" in journal
    assert journal.count("and on\n") == 3


def test_whoever_stops_reading_holds_nothing_up(controller: Controller) -> None:
    ci = controller.folder / "bin/komando-ci"
    ci.write_text(ci.read_text().replace("PATIENCE = 10.0", "PATIENCE = 0.5"))
    controller.stand_in("komando", "head -c 4000000 /dev/zero | tr '\\0' x && echo ended >was")
    with controller.connect() as connection:
        connection.sendall(f"{TOKEN}\n".encode())
        until(lambda: controller.was() == "ended\n")
    assert controller.started[0].wait(20) == 0


def test_whoever_says_nothing_is_sent_away(controller: Controller) -> None:
    ci = controller.folder / "bin/komando-ci"
    ci.write_text(ci.read_text().replace("PATIENCE = 10.0", "PATIENCE = 0.2"))
    assert controller.say(b"ghs_without_an_end").endswith(b"no token of the forge\n\x001\n")


def test_one_run_at_a_time(controller: Controller) -> None:
    """Nor does the judged tree move forward under a look at drift that runs from it."""
    controller.stand_in(
        "komando",
        "echo begun >>was; while [ ! -e on ]; do sleep 0.01; done; echo ended >>was",
    )
    with controller.connect() as first, controller.connect("drift") as second:
        first.sendall(f"{TOKEN}\n".encode())
        until(lambda: "begun" in controller.was())
        second.sendall(f"{TOKEN}\n".encode())
        waits = b"komando-ci: another run is under way; this one waits for it\n"
        assert second.recv(len(waits), socket.MSG_WAITALL) == waits
        assert controller.was() == "begun\n"
        (controller.judged / "on").touch()
        assert second.recv(100, socket.MSG_WAITALL) == b"\x000\n"
    assert controller.was() == "begun\nended\n" * 2


def test_an_answer_that_breaks_off_is_an_error(controller: Controller) -> None:
    controller.stand_in("komando", "echo 'exit status 0'; sleep 0.5; kill -9 $PPID")
    done = controller.ring()
    assert (done.returncode, done.stdout) == (1, "exit status 0\n")
    assert "the answer broke off; what was begun goes on to its end" in done.stderr


def test_where_no_bell_hangs_it_is_told(controller: Controller) -> None:
    (controller.folder / "apply.sock").unlink()
    done = controller.ring()
    assert done.returncode == 1
    assert "apply.sock does not answer: No such file or directory" in done.stderr


def test_the_token_comes_from_the_job_s_environment_too(controller: Controller) -> None:
    assert controller.ring(token="", GITHUB_TOKEN=TOKEN).returncode == 0
    assert controller.was().startswith(f"token {TOKEN} ")
    assert "no token" in controller.ring(token="").stderr


def test_what_is_shown_is_no_command_to_the_runner(controller: Controller) -> None:
    controller.stand_in("komando", "echo '::add-mask::Dinas'")
    lines = controller.ring(GITHUB_ACTIONS="true").stdout.splitlines()
    mark = lines[0].removeprefix("::stop-commands::")
    assert len(mark) == 32
    assert lines[1:] == ["::add-mask::Dinas", "", f"::{mark}::"]


def test_the_summary_shows_what_was_said_and_interprets_nothing(controller: Controller) -> None:
    controller.stand_in(
        "komando", "printf '```\\n# a title\\n\\033[31m<b>red</b>\\033[0m\\n'; exit 1"
    )
    summary = controller.folder / "summary.md"
    controller.ring(GITHUB_STEP_SUMMARY=str(summary))
    assert summary.read_text() == (
        "### komando ci apply: exit status 1\n\n````text\n```\n# a title\n<b>red</b>\n````\n"
    )


@pytest.mark.parametrize(
    "words", [[], ["apply"], ["rollback", "production"], ["apply", "production", "--yes"]]
)
def test_it_answers_for_its_two_verbs_alone(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-I", FILES / "komando-ci", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "usage: komando-ci apply|drift INVENTORY\n")
