"""The nft tables: the maps that classify, source NAT, and the guard of the way in."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from .errors import HostError
from .frozen import Frozen
from .kernel import CommandError, run

SHAPER_TABLE = ("inet", "shaper")
NAT_TABLE = ("ip", "komando_nat")
GUARD_TABLE = ("inet", "komando_guard")
BASE_TABLE = ("inet", "komando_base")
"""The guard of roles/base, which is no generation's."""

_ELEMENTS = re.compile(r"elements\s*=\s*\{[^{}]*\}")
_COMMENT = re.compile(r"#[^\n]*")


class TableFiles(Frozen):
    """One table of a generation: `full` loads on top of anything, `reload` on what was loaded.

    An empty `full` means that the table shall not be there.
    """

    family: str
    name: str
    full: str
    full_path: str
    reload: str = ""
    reload_path: str = ""

    @property
    def structure(self) -> str:
        """What `reload` cannot change: the full file without comments and elements."""
        bare = _ELEMENTS.sub("elements = {}", _COMMENT.sub("", self.full))
        return " ".join(bare.split())


class TableRecord(Frozen):
    """What was last loaded, and what the kernel then showed of it: what `shown` gives."""

    structure: str
    full: str
    reload: str
    shown: str


class TableStep(Frozen):
    """One file to load, and why."""

    files: TableFiles
    path: str
    text: str
    reason: str


def shown(family: str, name: str) -> str:
    """The table as the kernel has it, without counters; "" when there is none."""
    try:
        return run(["nft", "-s", "list", "table", family, name])
    except CommandError as error:
        if "No such file or directory" in str(error):
            return ""
        raise


def shown_tables(tables: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """These tables by family and name, each as `shown` gives it: one listing costs as much as one.

    (nft 1.0.6 lists one table only, whatever number is asked for in one run.)
    """
    try:
        ruleset = run(["nft", "-s", "list", "ruleset"])
    except CommandError:  # a table of somebody else must not hide ours
        return {table: shown(*table) for table in tables}
    return {table: _cut_out(ruleset, *table) for table in tables}


def _cut_out(ruleset: str, family: str, name: str) -> str:
    head, end = f"\ntable {family} {name} {{", "\n}\n"
    _, found, rest = f"\n{ruleset}".partition(f"{head}\n")
    return f"{head}\n{rest}".partition(end)[0][1:] + end if found else ""


def plan_table(files: TableFiles, record: TableRecord | None, live: str) -> TableStep | None:
    """The one file to load, or nothing when the table stands as it was loaded."""
    if not files.full:
        text = f"delete table {files.family} {files.name}\n"
        reason = f"table {files.name} is left over"
        return TableStep(files, files.full_path, text, reason) if live else None
    if not live:
        return TableStep(files, files.full_path, files.full, f"table {files.name} is missing")
    if record and record.shown == live:
        if files.reload and record.structure == files.structure:
            if record.reload == files.reload:
                return None
            reason = f"elements of {files.name} differ"
            return TableStep(files, files.reload_path, files.reload, reason)
        if record.full == files.full:
            return None
    # the full file leaves nothing of what others put in: a chain, which the reload names nowhere
    return TableStep(files, files.full_path, files.full, f"table {files.name} differs")


def load_table(step: TableStep) -> None:
    """Loads a file as one transaction; raises HostError with nft's own words."""
    from .statements import refuse_strangers

    refuse_strangers(step.text, step.files.family, step.files.name, step.path)
    try:
        run(["nft", "-f", "-"], step.text)
    except CommandError as error:
        if step.text is step.files.full or not step.files.full:
            raise HostError(f"{step.path}: {error}") from None
        # somebody took away what the reload flushes: the full file needs nothing to stand
        load_table(TableStep(step.files, step.files.full_path, step.files.full, step.reason))


def table_record(files: TableFiles) -> TableRecord:
    """The record of a table that was loaded just now."""
    return TableRecord(files.structure, files.full, files.reload, shown(files.family, files.name))


def delete_tables(*tables: tuple[str, str]) -> None:
    """Takes tables away; one that is not there is no error."""
    lines = "".join(
        f"table {family} {name} {{}}\ndelete table {family} {name}\n" for family, name in tables
    )
    run(["nft", "-f", "-"], lines)


def record_from(values: Mapping[str, str]) -> TableRecord:
    """A record as it was written down; raises KeyError for half of one."""
    return TableRecord(values["structure"], values["full"], values["reload"], values["shown"])
