"""The nft tables: the maps that classify, and source NAT."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from .kernel import CommandError, run
from .layout import HostError

SHAPER_TABLE = ("inet", "shaper")
NAT_TABLE = ("ip", "komando_nat")

_ELEMENTS = re.compile(r"elements\s*=\s*\{[^{}]*\}")
_COMMENT = re.compile(r"#[^\n]*")
_QUOTED = re.compile(r'"[^"\n]*"')


@dataclass(frozen=True)
class TableFiles:
    """One table of a generation: `full` loads on top of anything, `reload` only what it holds."""

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


def refuse_strangers(text: str, family: str, name: str, path: str) -> None:
    """Raises HostError unless every statement of the file speaks of its own table.

    nft could read any file (`include`) and empty any firewall; a bundle must do neither.
    """
    allowed = re.compile(
        r"((add|create|insert|delete|destroy|flush|replace) )?"
        r"(table|chain|map|set|element|rule|counter|quota|limit) "
        rf"{re.escape(family)} {re.escape(name)}( .*)?"
    )
    for number, line in enumerate(text.splitlines(), 1):
        # a string over two lines could hide a statement behind what looks like a comment
        if line.count('"') % 2:
            raise HostError(f"{path}:{number}: a quote that does not end in its line")
    plain = _COMMENT.sub("", _QUOTED.sub('""', text))
    # fold blocks, innermost first, until the statements of the file itself are left
    while (folded := re.sub(r"\{[^{}]*\}", " ", plain)) != plain:
        if re.search(r"\binclude\b", plain):
            break
        plain = folded
    for raw in re.split(r"[\n;]", plain):
        statement = " ".join(raw.split())
        if statement and not allowed.fullmatch(statement):
            raise HostError(f"{path}: speaks of more than table {family} {name}: {statement[:120]}")


@dataclass(frozen=True)
class TableRecord:
    """What was last loaded, and a digest of what the kernel then showed of it."""

    structure: str
    full: str
    reload: str
    shown: str


@dataclass(frozen=True)
class TableStep:
    """One file to load, and why."""

    files: TableFiles
    path: str
    text: str
    reason: str


def shown(family: str, name: str) -> str:
    """A digest of the table as the kernel has it, without counters; "" when there is none."""
    try:
        listing = run(["nft", "-s", "list", "table", family, name])
    except CommandError as error:
        if "No such file or directory" in str(error):
            return ""
        raise
    return hashlib.sha256(listing.encode()).hexdigest()


def plan_table(files: TableFiles, record: TableRecord | None, live: str) -> TableStep | None:
    """The one file to load, or nothing when the table stands as it was loaded."""
    if not live:
        return TableStep(files, files.full_path, files.full, f"table {files.name} is missing")
    if record and files.reload and record.structure == files.structure:
        if record.shown == live and record.reload == files.reload:
            return None
        return TableStep(files, files.reload_path, files.reload, f"elements of {files.name} differ")
    if record and record.shown == live and record.full == files.full:
        return None
    return TableStep(files, files.full_path, files.full, f"table {files.name} differs")


def load_table(step: TableStep) -> None:
    """Loads a file as one transaction; raises HostError with nft's own words."""
    try:
        run(["nft", "-f", "-"], step.text)
    except CommandError as error:
        if step.text is step.files.full:
            raise HostError(f"{step.path}: {error}") from None
        # somebody took away what the reload flushes: the full file needs nothing to stand
        load_table(TableStep(step.files, step.files.full_path, step.files.full, step.reason))


def table_record(files: TableFiles) -> TableRecord:
    """The record of a table that was loaded just now."""
    return TableRecord(files.structure, files.full, files.reload, shown(files.family, files.name))


def record_from(values: Mapping[str, str]) -> TableRecord:
    """A record as it was written down; raises KeyError for half of one."""
    return TableRecord(values["structure"], values["full"], values["reload"], values["shown"])
