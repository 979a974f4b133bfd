"""The nft tables: the maps that classify, and source NAT."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .frozen import Frozen
from .kernel import CommandError, run
from .layout import HostError
from .tree import DEVICE

SHAPER_TABLE = ("inet", "shaper")
NAT_TABLE = ("ip", "komando_nat")
GUARD_TABLE = ("inet", "komando_guard")

_ELEMENTS = re.compile(r"elements\s*=\s*\{[^{}]*\}")
_COMMENT = re.compile(r"#[^\n]*")
_STRANGE = re.compile(r"[^\t\n -~]")


def _one_or_more(item: str) -> str:
    return rf"(?:{item}|\{{ {item}(?:, {item})* \}})"


# What the tables of a router are made of, and no more: a statement that is new in a bundle needs
# a new host program first, as a new kind of file does. The guard alone may let nobody in, and only
# what is meant for this machine: no table drops what others send through it.
_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,31}"
_QUOTED = rf'"{DEVICE}"'
_CLASS = r"1:[0-9a-f]{1,4}"
_MARK = r"0x[0-9a-f]{1,8}"
_PORT = r"[0-9]{1,5}"
# digits only: nft asks a name server for any other word in an address's place
_ADDRESS = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}"
_NETWORK = rf"(?:{_ADDRESS}(?:/[0-9]{{1,2}})?|[0-9a-f]*:[0-9a-f:]*(?:/[0-9]{{1,3}})?)"
_ELEMENT = rf"{_NETWORK} : {_CLASS},?"
_COMMON = (
    rf"[io]ifname {_one_or_more(_QUOTED)}",
    rf"ip6? [sd]addr {_one_or_more(_NETWORK)}",
    rf'counter(?: name "{_NAME}")?',
    rf"jump {_NAME}",
    "return",
)
_CLASSIFIES = (
    "fib saddr type local",
    rf"meta mark (?:set (?:meta mark or )?)?{_MARK}",
    rf"meta priority set (?:{_CLASS}|ip6? [sd]addr map @{_NAME})",
    rf"snat to {_ADDRESS}",
)
_GUARDS = ("ct state established", rf"tcp dport {_PORT}", "accept", "drop")


def _within(parts: tuple[str, ...], *statements: str) -> re.Pattern[str]:
    part = "|".join(parts)
    blocks = (r"\}", rf"(?:map|chain|counter) {_NAME} \{{")
    return re.compile("|".join((rf"(?:{part})(?: (?:{part}))*", *blocks, *statements)))


_CLASSIFIER = _within(
    (*_COMMON, *_CLASSIFIES),
    _ELEMENT,
    "type ipv[46]_addr : classid",
    "flags interval",
    rf"elements = \{{(?: {_ELEMENT})*(?: \}})?",
    "type (?:filter|nat) hook postrouting priority (?:mangle|srcnat)",
    "policy accept",
)
_GUARD = _within((*_COMMON, *_GUARDS), "type filter hook input priority filter", "policy accept")


class TableFiles(Frozen):
    """One table of a generation: `full` loads on top of anything, `reload` only what it holds.

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


def refuse_strangers(text: str, family: str, name: str, path: str) -> None:
    """Raises HostError, with line, for a statement that the table of a router is not made of.

    nft could read any file and show it (`include`), ask a name server and empty any firewall; a
    bundle must do none of it.
    """
    if found := _STRANGE.search(text):
        number = text.count("\n", 0, found.start()) + 1
        raise HostError(f"{path}:{number}: {found[0]!r} has no place in a table")
    table = re.escape(f"{family} {name}")
    alone = re.compile(
        rf"(delete )?table {table}|table {table} \{{|flush (chain|map) {table} {_NAME}"
    )
    within = _GUARD if (family, name) == GUARD_TABLE else _CLASSIFIER
    depth = 0
    for number, line in enumerate(text.split("\n"), 1):
        # cut inside a string, too: what is left of that has an open quote, and is refused for it
        for raw in line.partition("#")[0].split(";"):
            statement = " ".join(raw.split())
            if statement and not (within if depth else alone).fullmatch(statement):
                raise HostError(
                    f"{path}:{number}: not understood in table {family} {name}: {statement[:120]}"
                )
            depth += statement.count("{") - statement.count("}")
    if depth:
        raise HostError(f"{path}: a brace is open at the end")


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


def plan_table(files: TableFiles, record: TableRecord | None, live: str) -> TableStep | None:
    """The one file to load, or nothing when the table stands as it was loaded."""
    if not files.full:
        text = f"delete table {files.family} {files.name}\n"
        reason = f"table {files.name} is left over"
        return TableStep(files, files.full_path, text, reason) if live else None
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
