"""A machine: a Debian in a container, in a namespace of the lab, reached by ssh like any other."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from komando.inventory import Access, Host
from komando.lab.commands import run
from komando.lab.groups import make_groups, processes_in
from komando.lab.place import NAMESPACES, LabError, Place
from komando.openssh import options

BOOT = Path(__file__).parent / "data" / "boot-container.sh"
BOOT_PATIENCE = 30.0
"""Seconds until ssh must answer; 0.5 is usual."""

ADMINISTRATOR = "administrator"
CONTROLLER = "identity"

# A container with systemd holds about five; the kernel's default of 128 stops the 25th.
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_LEAST = 512


@dataclass(frozen=True)
class Boot:
    """What a machine's container starts from.

    `tree` is its Debian, which it cannot write to: one folder, or several, the upper first. What it
    writes lies in `scratch`. `namespace` is its own, and so is `group`, a part of the lab's control
    group or all of it (""). `log` takes what it says. `within` stands before the command and makes
    its mount namespace.
    """

    place: Place
    host: Host
    tree: tuple[Path, ...]
    scratch: Path
    seed: Path
    namespace: str
    log: Path
    group: str = ""
    within: tuple[str, ...] = ("unshare", "--mount")


def make_keys(place: Place, *hosts: Host) -> None:
    """New keys of this lab alone: the machines' own, the administrator's, the controller's.

    `known_hosts` then holds the one key that each machine will show.
    """
    for name in (ADMINISTRATOR, CONTROLLER, *(host.name for host in hosts)):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"{name} of the lab"]
        run([*command, "-f", str(place.folder / name)])
    lines = []
    for host in hosts:
        key = (place.folder / f"{host.name}.pub").read_text().split()
        lines.append(f"{host.address} {key[0]} {key[1]}\n")
    (place.folder / "known_hosts").write_text("".join(lines))


def access(place: Place, user: str, key: str = CONTROLLER) -> Access:
    """How the lab's controller reaches a machine as one of its users."""
    return Access(
        prefix=place.enter("ctl"),
        identity=place.folder / key,
        known_hosts=place.folder / "known_hosts",
        user=user,
    )


def ssh_command(way: Access, host: Host) -> list[str]:
    """What logs in on a machine: the remote command, if any, stands behind it."""
    target = f"{host.reached_as(way.user).user}@{host.address}"
    return [*way.prefix, "ssh", *options(way), "-p", str(host.port), target]


def start(boot: Boot) -> None:
    """Start a container, or start it again over what it wrote before; it outlives this process.

    Raises LabError, with its last words, when it cannot be started.
    """
    _raise_limit()
    command = [
        *(*boot.within, "sh", str(BOOT)),
        *(":".join(map(str, boot.tree)), str(boot.scratch), str(boot.seed)),
        *(str(NAMESPACES / boot.namespace), f"{boot.place.name}-{boot.host.name}"),
        *map(str, make_groups(boot.place, boot.group)),
    ]
    with boot.log.open("ab") as output:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            check=False,
        )
    if done.returncode:
        raise LabError(f"{boot.host.name}'s container does not start: {_last_words(boot.log)}")


def _raise_limit() -> None:
    if int(INOTIFY.read_text()) < INOTIFY_LEAST:
        INOTIFY.write_text(str(INOTIFY_LEAST))


def seed_of(place: Place, name: str) -> Path:
    """Where a machine's own files lie, which its first boot copies to its disk."""
    return place.folder / f"{name}.seed"


def lay_seed(place: Place, host: Host) -> Path:
    """What a technician would have left on a new machine: its name, its key, a way in."""
    seed = seed_of(place, host.name)
    for folder, mode in (("", 0o755), ("etc", 0o755), ("etc/ssh", 0o755), ("root", 0o700)):
        (seed / folder).mkdir(mode=mode)
    (seed / "root/.ssh").mkdir(mode=0o700)
    (seed / "etc/hostname").write_text(f"{host.name}\n")
    (seed / "etc/hosts").write_text("127.0.0.1\tlocalhost\n")
    shutil.copy(place.folder / host.name, seed / "etc/ssh/ssh_host_ed25519_key")
    shutil.copy(place.folder / f"{host.name}.pub", seed / "etc/ssh/ssh_host_ed25519_key.pub")
    shutil.copy(place.folder / f"{ADMINISTRATOR}.pub", seed / "root/.ssh/authorized_keys")
    return seed


def wait_for_ssh(booting: Iterable[Boot], patience: float = BOOT_PATIENCE) -> None:
    """Wait until ssh answers on all of them, for so many seconds.

    Raises LabError, with a container's last words, when one ends or does not answer in time.
    """
    until = time.monotonic() + patience
    waiting = list(booting)
    while waiting:
        # all at once: each takes a while to be refused
        tries = [(boot, _try_ssh(boot)) for boot in waiting]
        waiting = []
        for boot, tried in tries:
            said = tried.communicate()[1].strip()
            if tried.returncode == 0:
                continue
            if not processes_in(boot.place, boot.group):
                raise LabError(f"{boot.host.name}'s container ended: {_last_words(boot.log)}")
            if time.monotonic() > until:
                raise LabError(
                    f"{boot.host.name} does not answer ssh ({said}): {_last_words(boot.log)}"
                )
            waiting.append(boot)
        time.sleep(0.1 if waiting else 0)


def _try_ssh(boot: Boot) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*ssh_command(access(boot.place, "root", ADMINISTRATOR), boot.host), "true"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return "\n".join(lines[-15:]) or "it said nothing"
