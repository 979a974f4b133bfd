"""Make bare machines members of the fleet: runs the Ansible roles on them, over ssh.

Ansible stays a process of its own; a callback of ours tells what happens there.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from komando.inventory import FILE, Access, Host
from komando.openssh import configuration
from komando.prepare.events import Machine, Story
from komando.wheelhouse import PYTHONS, WheelhouseError, wheelhouses

__all__ = ["ROLES", "Machine", "Preparation", "PrepareError", "Story", "prepare"]

ROLES = Path(__file__).parents[3] / "roles"
"""The roles stand in the repository, beside the code: they are no part of the package."""

_CALLBACK = Path(__file__).parent / "callback"
_LAST_LINES = 30


class PrepareError(RuntimeError):
    """The roles could not be run at all; the message says why."""


@dataclass(frozen=True)
class Preparation:
    """Which machines are prepared, and how.

    `inventory` is a folder, `hosts` are machines of it; `access` logs in as the administrator, who
    is root or becomes it. `settings` are variables of roles that stand in no inventory. With
    `check` nothing is changed. `password` is that of sudo, where it asks for one; `log` takes what
    Ansible says. `pythons` are those that the machines may have.
    """

    inventory: Path
    hosts: tuple[Host, ...]
    access: Access
    settings: Mapping[str, object] = field(default_factory=dict)
    roles: Path = ROLES
    check: bool = False
    password: str | None = field(default=None, repr=False)
    log: Path | None = None
    pythons: tuple[str, ...] = PYTHONS


def prepare(order: Preparation, told: Callable[[Story], object]) -> list[Machine]:
    """Run the roles; returns what was done to each machine. `told` hears of each step.

    Raises PrepareError where Ansible cannot be run, or ends without a word on a machine.
    """
    if not (order.roles / "site.yml").is_file():
        raise PrepareError(
            f"{order.roles}/site.yml does not stand: prepare runs from a clone of the repository"
        )
    story = Story(host.name for host in order.hosts)

    def hear(line: str) -> None:
        story.hear(line)
        told(story)

    _fetch_wheels(order, story, told)
    with tempfile.TemporaryDirectory(prefix="komando-prepare-") as name:
        folder = Path(name)
        config, log = folder / "ssh.conf", order.log or folder / "log"
        config.write_text(configuration(order.hosts, order.access))
        with _secret(order.password) as given, _connections(order, folder):
            code = _run(_command(order, given), _environment(order, config), log, given, hear)
        lines = log.read_text(errors="replace").splitlines()
    machines = list(story.machines.values())
    if code and not any(machine.trouble for machine in machines):
        last = "\n".join(lines[-_LAST_LINES:]).strip()
        raise PrepareError(f"Ansible ended with {code}:\n{last}")
    if idle := [machine.name for machine in machines if not machine.done and not machine.trouble]:
        raise PrepareError(f"no role was run on {', '.join(idle)}")
    return machines


def _fetch_wheels(order: Preparation, story: Story, told: Callable[[Story], object]) -> None:
    """What the roles of these machines install in Python, where it is not here yet.

    Raises PrepareError where none of a role's wheelhouses can be made. Which Python a machine has
    is known there: where the one for it is missing, the role says so.
    """

    def tell(package: str) -> None:
        story.task = f"Fetch the wheel of {package}"
        told(story)

    kinds = {host.kind for host in order.hosts}
    found = wheelhouses(order.roles, order.roles.parent / "wheels", order.pythons)
    for kind in sorted(kinds & found.keys()):
        troubles = []
        for house in found[kind]:
            try:
                house.build(tell)
            except WheelhouseError as error:
                troubles.append(f"{house.folder}: {error}")
        if len(troubles) == len(found[kind]):
            way_out = f"fetch them where Python's packages are reached: `komando wheelhouse {kind}`"
            raise PrepareError("\n".join([*troubles, way_out]))


def _command(order: Preparation, given: int | None) -> list[str]:
    names = [host.name for host in order.hosts]
    settings = {**order.settings, "ansible_user": order.access.user}
    command = [
        *order.access.prefix,
        *(_ansible(), "-i", str(order.inventory / FILE), str(order.roles / "site.yml")),
        *("--limit", ",".join(names), "--forks", str(len(names))),
        *("--extra-vars", json.dumps(settings)),
    ]
    command += ["--check", "--diff"] if order.check else []
    return command + ([f"--become-password-file=/dev/fd/{given}"] if given is not None else [])


def _ansible() -> str:
    beside = Path(sys.executable).with_name("ansible-playbook")
    found = str(beside) if beside.exists() else shutil.which("ansible-playbook")
    if not found:
        raise PrepareError("ansible-playbook is missing: run scripts/setup")
    return found


def _environment(order: Preparation, config: Path) -> dict[str, str]:
    """Ansible sees the repository's settings, this inventory's ways, and nothing of the user's."""
    persist = ["-o", "ControlMaster=auto", "-o", "ControlPersist=60s"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return kept | {
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_CONFIG": str(order.roles.resolve().parent / "ansible.cfg"),
        "ANSIBLE_HOME": str(config.with_name("ansible")),
        "ANSIBLE_SSH_ARGS": shlex.join(["-F", str(config), *persist]),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(config.parent),
        "ANSIBLE_FORCE_COLOR": "0",
        "ANSIBLE_VERBOSITY": "1",  # what each task did goes into the log
        "ANSIBLE_CALLBACK_PLUGINS": str(_CALLBACK),
        "ANSIBLE_CALLBACKS_ENABLED": "komando_events",
    }


@contextmanager
def _secret(password: str | None) -> Iterator[int | None]:
    """A descriptor from which Ansible reads the password: it stands in no argument and no file."""
    if password is None:
        yield None
        return
    reads, writes = os.pipe()
    try:
        os.write(writes, f"{password}\n".encode())
        os.close(writes)
        yield reads
    finally:
        os.close(reads)


@contextmanager
def _connections(order: Preparation, folder: Path) -> Iterator[None]:
    """Ansible's tasks share a connection to each machine; none outlives them."""
    try:
        yield
    finally:
        for socket in folder.iterdir():
            if socket.is_socket():
                command = [*order.access.prefix, "ssh", "-F", "none", "-S", str(socket)]
                subprocess.run(
                    [*command, "-O", "exit", "nobody"],
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    check=False,
                )


def _run(
    command: list[str],
    environment: dict[str, str],
    log: Path,
    given: int | None,
    hear: Callable[[str], None],
) -> int:
    """Ansible's exit code. Its words go into a file; what happens comes by a pipe, as it does."""
    reads, writes = os.pipe()
    try:
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                env=environment | {"KOMANDO_EVENTS": f"/dev/fd/{writes}"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(writes,) if given is None else (writes, given),
            )
    finally:
        os.close(writes)
    with process, os.fdopen(reads, encoding="utf-8") as lines:
        try:
            for line in lines:
                hear(line)
        except BaseException:
            process.terminate()
            raise
    return process.returncode
