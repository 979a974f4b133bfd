"""What of this host is otherwise than its generation: files, links, kernel, units, the program.

Everything is asked in one run and nothing is touched. The generation's files are compared with the
copy that was kept of them when they were staged, under their digest: so a file that was edited is
shown as a diff, and the kernel is compared with what the generation says and not with the edit.
What is in a secret never leaves the host: of such a file it is only told that it differs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from .calendar import iso
from .configuration import Configuration
from .differences import differences
from .finding import Finding
from .generation import digest_of
from .layout import SYSCTL, Paths
from .record import Entry
from .records import Records
from .strangers import strangers
from .survey import survey
from .tables import NAT_TABLE
from .timer import PROGRAM

LINKED = ("etc/komando", SYSCTL)
"""Paths below the root that roles/router links into the current generation."""

LAID = (
    PROGRAM.lstrip("/"),
    "etc/systemd/system/komando-boot.service",
    "etc/systemd/system/komando-hours.service",
    "etc/systemd/system/komando-hours.timer",
    "etc/ssh/sshd_config.d/10-komando.conf",
    "etc/sudoers.d/komando",
)
"""What roles/base copies as it stands; small, and no secret in any of it."""

_LAID_LIMIT = 8 * 2**10


def link_findings(paths: Paths) -> Iterator[Finding]:
    """The links from /etc into the current generation."""
    for name in LINKED:
        expected = f"/{Paths().current.relative_to('/')}/{name}"
        if found := _other_link(paths.root / name, expected):
            yield Finding("link", f"/{name}", f"-> {expected}", found, mend="role")


def current_findings(paths: Paths, last: Entry | None) -> Iterator[Finding]:
    """Whether `current` leads where the record says that it was led last."""
    if last is None:
        return
    after = {"reverted": last.previous, "failed": last.previous}.get(last.event, last.generation)
    allowed = {after, last.previous} if last.event == "armed" else {after}
    try:
        current = paths.current.readlink().name
    except OSError:
        current = None
    if current not in allowed:
        yield Finding(
            "link",
            str(Paths().current),
            f"-> generations/{after}, as the record says" if after else "no link",
            "it is missing" if current is None else f"-> generations/{current}",
            mend="apply",
        )


def _other_link(path: Path, expected: str) -> str:
    try:
        target = str(path.readlink())
    except FileNotFoundError:
        return "it is missing"
    except OSError:
        return "something else than a link"
    return "" if target == expected else f"-> {target}"


def kernel_findings(
    configuration: Configuration, profile: str, records: Records, *, bypassed: bool
) -> list[Finding]:
    """What in the kernel differs; while it is bypassed, of what a bypass leaves in force alone."""
    work = survey(configuration, profile, records)
    found = differences(work)
    if bypassed:
        kinds = ("route", "address", "setting")
        nat = " ".join(NAT_TABLE)
        found = [one for one in found if one.kind in kinds or one.where == nat]
    return [*found, *strangers(configuration, work)]


def late_findings(
    configuration: Configuration, profile: str | None, now: datetime, late: float
) -> Iterator[Finding]:
    """An hour switch that is more than `late` seconds overdue."""
    due, since = configuration.calendar.at(now), configuration.calendar.since(now)
    if profile is None:
        words = "nothing was brought into force since the machine started"
        yield Finding("tree", "the profile", due, words)
    elif profile != due and (now - since).total_seconds() > late:
        yield Finding("tree", "the profile", f"{due} since {iso(since)}", profile)


def program_told(root: Path) -> dict[str, Any]:
    """What stands of the program here, for a controller that has its sources beside it.

    `digest` is that of the program's files as a bundle's is; `laid` holds the text of the few small
    files that a role copies as they are, or null where one is missing.
    """
    folder = Path(__file__).parent
    files = {path.name: path.read_bytes() for path in folder.glob("*.py")}
    return {
        "digest": digest_of(files),
        "files": {
            name: hashlib.sha256(content).hexdigest()[:16]
            for name, content in sorted(files.items())
        },
        "laid": {f"/{name}": _laid(root / name) for name in LAID},
    }


def _laid(path: Path) -> str | None:
    try:
        with path.open("rb") as stream:
            return stream.read(_LAID_LIMIT).decode(errors="replace")
    except OSError:
        return None
