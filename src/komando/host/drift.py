"""What of this host is otherwise than its generation: files, links, kernel, units, the program.

Everything is asked in one run and nothing is touched. The generation's files are compared with the
copy that was kept of them when they were staged, under their digest: so a file that was edited is
shown as a diff, and the kernel is compared with what the generation says and not with the edit.
What is in a secret never leaves the host: of such a file it is only told that it differs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from .calendar import iso, read_clock
from .configuration import Configuration, read_configuration
from .differences import differences
from .errors import HostError
from .files import file_findings, folder_findings, secret_findings
from .finding import Finding, bounded
from .frozen import Frozen, asdict
from .generation import Generations, digest_of, led
from .guarded import UNIT, guard_findings
from .hashing import sha256
from .layout import SYSCTL, Paths
from .mended import Mended
from .record import STAYED, Entry
from .records import Records
from .standing import LATE_SECONDS, Standing
from .strangers import strangers
from .survey import survey
from .tables import NAT_TABLE
from .timer import PROGRAM
from .typed import Any
from .units import Units

LINKED = ("etc/komando", SYSCTL)
"""Paths below the root that roles/router links into the current generation."""

LAID = (
    PROGRAM.lstrip("/"),
    "usr/local/sbin/komando-observe",
    "etc/systemd/system/komando-boot.service",
    UNIT,
    "etc/systemd/system/komando-hours.service",
    "etc/systemd/system/komando-hours.timer",
    "etc/systemd/system/komando-reboot.service",
    "etc/systemd/system/komando-reboot.timer",
    "etc/sudoers.d/komando",
)
"""What roles/base copies as it stands; small, and no secret in any of it."""

_LAID_LIMIT = 8 * 2**10


def drift_of(standing: Standing, asked_from: str | None) -> dict[str, Any]:
    """As `observe`, and all that stands otherwise than the generation says; touches nothing.

    `findings` are those of `finding.Finding`, bounded; `mended` what the hours put right since
    the last change that stayed; `program` what stands here of the program itself.
    """
    said = standing.told(asked_from)
    digest = said["generation"]
    last = standing.record.last()
    findings = [*link_findings(standing.paths), *current_findings(standing.paths, last)]
    if digest:
        now = read_clock(standing.paths.clock).now()
        moment = Moment(now, LATE_SECONDS, said["profile"], said["bypass"] is not None)
        findings += generation_findings(standing.generations, standing.records, digest, moment)
    else:
        findings += _left_over(standing.records)
    if standing.record.broken():
        found = "something else: `komando ledger verify` tells which lines can be trusted"
        where = str(Paths().record)
        findings.append(Finding("record", where, "a last line of ours", found, mend="console"))
    if since := said["bypass"]:
        words = f"bypassed since {since} by a person at the console"
        findings.append(Finding("bypass", "the policy", "in force", words, mend="console"))
    findings += guard_findings(standing.paths.root)
    findings += Units(standing.paths.root).findings()
    drifts = sum(one.drift for one in findings)
    said["kernel"] = f"missing: {drifts} findings of drift" if drifts else "ok"
    stayed = standing.record.last(STAYED)
    return {
        **said,
        "findings": [asdict(one) for one in bounded(findings)],
        "mended": Mended(standing.paths.mended).entries(stayed.time if stayed else ""),
        "program": program_told(standing.paths.root),
    }


def _left_over(records: Records) -> list[Finding]:
    return [
        Finding("tree", device, "no generation", "a tree is left over", mend="apply")
        for device in records.devices()
    ]


def link_findings(paths: Paths) -> Iterator[Finding]:
    """The links from /etc into the current generation."""
    for name in LINKED:
        expected = f"/{Paths().current.relative_to('/')}/{name}"
        if found := _other_link(paths.root / name, expected):
            yield Finding("link", f"/{name}", f"-> {expected}", found, mend="role")


def current_findings(paths: Paths, last: Entry | None) -> Iterator[Finding]:
    """Whether `current` leads where the record says that it was led last, and nowhere else."""
    current, after = led(paths.current), last.led if last else None
    expected = f"-> generations/{after}, as the record says" if after else "no link"
    where = str(Paths().current)
    if current is None and os.path.lexists(paths.current):
        link = paths.current.is_symlink()
        found = f"-> {paths.current.readlink()}" if link else "something else than a link"
        yield Finding("link", where, expected, found, mend="repair" if link else "console")
    elif last and current not in ({after, last.previous} if last.event == "armed" else {after}):
        found = f"-> generations/{current}" if current else "it is missing"
        yield Finding("link", where, expected, found, mend="apply")


def _other_link(path: Path, expected: str) -> str:
    try:
        target = str(path.readlink())
    except FileNotFoundError:
        return "it is missing"
    except OSError:
        return "something else than a link"
    return "" if target == expected else f"-> {target}"


class Moment(Frozen):
    """When it is looked, and at what: an hour switch may come up to `late` seconds after its time.

    `profile` is the one that the kernel was last brought to, None where there is none since boot.
    """

    now: datetime
    late: float
    profile: str | None
    bypassed: bool


def generation_findings(
    generations: Generations, records: Records, digest: str, moment: Moment
) -> list[Finding]:
    """Files and kernel against a generation as it was staged."""
    folder = generations.folder(digest)
    original = generations.original(digest)
    if original is None:
        words = "its files were changed, and so was the copy of them: what was there is lost"
        return [Finding("file", str(folder), "the files of the generation", words)]
    findings = [
        *file_findings(folder, original),
        *folder_findings(folder, original),
        *secret_findings(folder, digest, original),
    ]
    try:
        findings += _kernel(read_configuration(original, staged=True), records, moment)
    except HostError as error:  # the kernel tells what this program has no words for
        words = f"it could not be compared: {error}"
        findings.append(Finding("tree", "the kernel", "as the generation says", words))
    return findings


def _kernel(configuration: Configuration, records: Records, moment: Moment) -> list[Finding]:
    """While the policy is bypassed, of what that leaves in force alone."""
    due, since = configuration.calendar.at(moment.now), configuration.calendar.since(moment.now)
    profile = moment.profile if moment.profile in configuration.profiles else None
    work = survey(configuration, profile or due, records)
    found = differences(work)
    if moment.bypassed:
        nat = " ".join(NAT_TABLE)
        kinds = ("route", "address", "setting")
        found = [one for one in found if one.kind in kinds or one.where == nat]
    elif profile is None:
        words = "nothing was brought into force since the machine started"
        found.insert(0, Finding("tree", "the profile", due, words))
    elif profile != due and (moment.now - since).total_seconds() > moment.late:
        found.insert(0, Finding("tree", "the profile", f"{due} since {iso(since)}", profile))
    return [*found, *strangers(configuration, work)]


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
            name: sha256(content).hexdigest()[:16] for name, content in sorted(files.items())
        },
        "laid": {f"/{name}": _laid(root / name) for name in LAID},
    }


def _laid(path: Path) -> str | None:
    try:
        with path.open("rb") as stream:
            return stream.read(_LAID_LIMIT).decode(errors="replace")
    except OSError:
        return None
