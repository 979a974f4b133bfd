"""A bare Debian as a machine arrives with it, built once and kept on this machine.

The packages that the roles install are not in it. Their archives lie where apt looks for them, as
on a medium that came with the machine: real apt installs them, and asks no mirror.
"""

from __future__ import annotations

import hashlib
import shutil
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

from komando.lab.commands import run
from komando.lab.place import CACHE, Told, locked

SUITE = "bookworm"
PYTHON = "3.11"

# A system that boots and is logged in to; Python and its apt, which Ansible asks for and Debian's
# installer brings; ip and ping for whoever looks around.
PACKAGES = (
    "dbus",
    "iproute2",
    "iputils-ping",
    "openssh-server",
    "python3",
    "python3-apt",
    "sudo",
    "systemd",
    "systemd-sysv",
    "tzdata",
)

AUDITS = ("lynis",)
"""What no role installs, and those who judge a machine do."""


def _options(packages: Iterable[str], archives: Iterable[str]) -> tuple[str, ...]:
    within = 'APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get'
    install = "--yes --download-only --no-install-recommends install"
    return (
        "--variant=apt",
        f"--include={','.join(packages)}",
        # every lab makes its own
        '--customize-hook=rm -f "$1"/etc/ssh/ssh_host_*',
        f"--customize-hook={within} clean && {within} {install} {' '.join(archives)}",
        "--skip=cleanup/apt",
    )


def packages_of(roles: Path) -> list[str]:
    """Every Debian package that the roles of a folder may install, by their defaults."""
    found: set[str] = set()
    for path in roles.glob("*/defaults/main.yml"):
        for name, value in (yaml.safe_load(path.read_text()) or {}).items():
            if name.endswith("_packages"):
                found.update(value)
    return sorted(found)


def root_tree(told: Told, roles: Path, more: Sequence[str] = ()) -> Path:
    """The folder of a bare Debian; builds it (a minute) if it is not there.

    `more` are packages beyond those of a container, and `roles` the folder whose packages lie
    ready. A tree is complete or absent: it gets its name when it is finished. Raises LabError when
    mmdebstrap cannot build it.
    """
    options = _options((*PACKAGES, *more), (*packages_of(roles), *AUDITS))
    text = "\n".join((SUITE, *options))
    tree = CACHE / hashlib.sha256(text.encode()).hexdigest()[:16]
    if tree.is_dir():
        return tree
    with locked(CACHE / "lock"):
        if not tree.is_dir():
            told("building a bare Debian, once (a minute)", "")
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
