"""Who holds a turn: this process, and whether another one still lives."""

from __future__ import annotations

import getpass
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path

from komando.ledger.entries import Holder
from komando.ledger.git import Git

_PROC = Path("/proc")
_BORN = 19
"""Where the start time stands among the fields after the command's name: proc(5), field 22."""


@dataclass(frozen=True)
class Person:
    """Whom commits name; git's own configuration may be silent."""

    name: str
    mail: str

    def __str__(self) -> str:
        return f"{self.name} <{self.mail}>"


def person_of(git: Git) -> Person:
    """As git knows the user; else the login at this machine."""
    login = f"{_login()}@{socket.gethostname()}"
    name = os.environ.get("GIT_AUTHOR_NAME") or git.setting("user.name") or login
    mail = os.environ.get("GIT_AUTHOR_EMAIL") or git.setting("user.email") or login
    return Person(_plain(name) or login, _plain(mail) or login)


def this_process(person: Person) -> Holder:
    """The holder that this process is."""
    return Holder(
        person=str(person),
        machine=socket.gethostname(),
        process=os.getpid(),
        born=_born(os.getpid()) or 0,
        boot=_boot(),
        namespace=_namespace(),
    )


def is_same(one: Holder, two: Holder) -> bool:
    """Whether both are the same process, whoever its person."""
    return _near(one, two) and (one.process, one.born) == (two.process, two.born)


def has_died(holder: Holder, me: Holder) -> bool:
    """Whether a holder was a process of this machine and boot, and is no more.

    False where that cannot be known. That includes another boot of a machine of the same name:
    machines are cloned, and names are given twice.
    """
    if not _near(holder, me):
        return False
    try:
        os.kill(holder.process, 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it lives, and is somebody else's
        pass
    born = _born(holder.process)
    return born is not None and born != holder.born


def lives(holder: Holder, me: Holder) -> bool:
    """Whether a holder is seen to be at work: a process of this machine and boot that is there."""
    return _near(holder, me) and not has_died(holder, me)


def _near(one: Holder, two: Holder) -> bool:
    """Whether the two count their processes alike."""
    return (one.machine, one.boot, one.namespace) == (two.machine, two.boot, two.namespace)


def _born(process: int) -> int | None:
    """When a process began; -1 for one that is dead and not yet buried; None: cannot be read."""
    try:
        text = (_PROC / str(process) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # the command's name may hold anything
    return -1 if fields[0] in "ZX" else int(fields[_BORN])


def _boot() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _namespace() -> str:
    try:
        return str((_PROC / "self/ns/pid").readlink())
    except OSError:
        return ""


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user that stands in no list
        return str(os.getuid())


def _plain(text: str) -> str:
    """Without what git refuses in a name."""
    return re.sub(r"[<>\x00-\x1f\x7f]", "", text).strip(" .,:;\"'\\")
