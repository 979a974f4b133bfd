"""The router: a Debian in a container, in a namespace of the lab, reached by ssh like any other."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

from komando.inventory import Access, Host
from komando.lab.commands import run
from komando.lab.groups import make_groups
from komando.lab.place import NAMESPACES, LabError, Place

BOOT = Path(__file__).parent / "data" / "boot-router.sh"
BOOT_PATIENCE = 30.0
"""Seconds until ssh must answer; 0.5 is usual."""

ADMINISTRATOR = "administrator"
CONTROLLER = "identity"

# A container with systemd holds about five; the kernel's default of 128 stops the 25th.
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_LEAST = 512


def make_keys(place: Place, host: Host) -> None:
    """New keys of this lab alone: the router's own, the administrator's, the controller's.

    `known_hosts` then holds the one key that the router will show.
    """
    for name in (host.name, ADMINISTRATOR, CONTROLLER):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"{name} of the lab"]
        run([*command, "-f", str(place.folder / name)])
    key = (place.folder / f"{host.name}.pub").read_text().split()
    (place.folder / "known_hosts").write_text(f"{host.address} {key[0]} {key[1]}\n")


def access(place: Place, user: str, key: str = CONTROLLER) -> Access:
    """How the lab's controller reaches the router as one of its users."""
    return Access(
        prefix=place.enter("ctl"),
        identity=place.folder / key,
        known_hosts=place.folder / "known_hosts",
        user=user,
    )


def ssh_options(way: Access) -> list[str]:
    """Options of ssh that trust the lab's key and nothing of the machine's own configuration."""
    return [
        *("-F", "none", "-i", str(way.identity)),
        *("-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"),
        *("-o", f"UserKnownHostsFile={way.known_hosts}", "-o", "GlobalKnownHostsFile=none"),
        *("-o", "LogLevel=ERROR", "-o", "ConnectTimeout=5"),
        # OpenSSH's default key exchange takes two to three times as long
        *("-o", "KexAlgorithms=curve25519-sha256"),
    ]


def ssh_command(way: Access, host: Host) -> list[str]:
    """What logs in on the router: the remote command, if any, stands behind it."""
    target = f"{way.user}@{host.address}"
    return [*way.prefix, "ssh", *ssh_options(way), "-p", str(host.port), target]


def boot_router(place: Place, host: Host, tree: Path) -> None:
    """Start the container and wait until ssh answers; it goes on when this process ends.

    Raises LabError, with the container's last words, when it ends or does not answer in time.
    """
    _raise_limit()
    scratch = place.folder / "router"
    scratch.mkdir()
    log = place.folder / "router.log"
    command = [
        *("unshare", "--mount", "sh", str(BOOT)),
        *(str(tree), str(scratch), str(_seed(place, host))),
        *(str(NAMESPACES / place.namespace("router")), f"{place.name}-{host.name}"),
        *map(str, make_groups(place)),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _wait_for_ssh(process, ssh_command(access(place, "root", ADMINISTRATOR), host), log)


def _raise_limit() -> None:
    if int(INOTIFY.read_text()) < INOTIFY_LEAST:
        INOTIFY.write_text(str(INOTIFY_LEAST))


def _seed(place: Place, host: Host) -> Path:
    """What a technician would have left on a new machine: its name, its key, a way in."""
    seed = place.folder / "seed"
    for folder, mode in (("", 0o755), ("etc", 0o755), ("etc/ssh", 0o755), ("root", 0o700)):
        (seed / folder).mkdir(mode=mode)
    (seed / "root/.ssh").mkdir(mode=0o700)
    (seed / "etc/hostname").write_text(f"{host.name}\n")
    shutil.copy(place.folder / host.name, seed / "etc/ssh/ssh_host_ed25519_key")
    shutil.copy(place.folder / f"{ADMINISTRATOR}.pub", seed / "root/.ssh/authorized_keys")
    return seed


def _wait_for_ssh(process: subprocess.Popen[bytes], ssh: list[str], log: Path) -> None:
    until = time.monotonic() + BOOT_PATIENCE
    while True:
        tried = subprocess.run(
            [*ssh, "true"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if tried.returncode == 0:
            return
        if process.poll() is not None:
            raise LabError(f"the router's container ended at once: {_last_words(log)}")
        if time.monotonic() > until:
            raise LabError(
                f"the router does not answer ssh ({tried.stderr.strip()}): {_last_words(log)}"
            )
        time.sleep(0.1)


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return "\n".join(lines[-15:]) or "it said nothing"
