"""The router's Debian, built once per list of packages and kept on the machine."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

from komando.lab.commands import run
from komando.lab.place import CACHE, Told, locked

SUITE = "bookworm"

# Those that the roles install (a container has no way to a mirror), a system that boots, what
# Ansible's apt module asks for, and ping for whoever looks around.
PACKAGES = (
    "dbus",
    "ethtool",
    "iproute2",
    "iputils-ping",
    "nftables",
    "openssh-server",
    "procps",
    "python3",
    "python3-apt",
    "sudo",
    "systemd",
    "systemd-sysv",
    "tzdata",
)


def _options(packages: Sequence[str]) -> tuple[str, ...]:
    return (
        "--variant=apt",
        f"--include={','.join(packages)}",
        # every lab makes its own
        '--customize-hook=rm -f "$1"/etc/ssh/ssh_host_*',
    )


def root_tree(told: Told, more: Sequence[str] = ()) -> Path:
    """The folder of the router's Debian; builds it (half a minute) if it is not there.

    `more` are packages beyond those of a container. A tree is complete or absent: it gets its name
    when it is finished. Raises LabError when mmdebstrap cannot build it.
    """
    options = _options((*PACKAGES, *more))
    text = "\n".join((SUITE, *options))
    tree = CACHE / hashlib.sha256(text.encode()).hexdigest()[:16]
    if tree.is_dir():
        return tree
    with locked(CACHE / "lock"):
        if not tree.is_dir():
            told("building the router's Debian, once (half a minute)", "")
            _build(tree, options)
    return tree


def _build(tree: Path, options: Sequence[str]) -> None:
    CACHE.chmod(0o755)  # the container's users look through it
    for left in CACHE.glob("*.new"):
        shutil.rmtree(left)
    new = tree.with_name(f"{uuid.uuid4().hex}.new")
    # In namespaces of its own for mounts and processes, bound to our life: however it or we end,
    # nothing of it runs on or stays mounted.
    alone = ["setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child"]
    try:
        run([*alone, "mmdebstrap", "--quiet", *options, SUITE, str(new)])
        new.rename(tree)
    finally:
        shutil.rmtree(new, ignore_errors=True)
