"""What the tables of a router may hold, statement by statement.

Each table is looked at twice: when it comes to this host, and before it is loaded. Who only
compares what stands needs none of this, and it takes 4 ms to get ready.
"""

from __future__ import annotations

import re
from functools import lru_cache

from .errors import HostError
from .tables import GUARD_TABLE
from .tree import DEVICE

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
    """Matches a statement with a space behind it, as each part of one has."""
    blocks = (r"\}", rf"(?:map|chain|counter) {_NAME} \{{")
    return re.compile(rf"(?:(?:{'|'.join(parts)}) )+|(?:{'|'.join((*blocks, *statements))}) ")


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


@lru_cache(maxsize=8)
def refuse_strangers(text: str, family: str, name: str, path: str) -> None:
    """Raises HostError, with line, for a statement that the table of a router is not made of.

    nft could read any file and show it (`include`), ask a name server and empty any firewall; a
    bundle must do none of it. What passed once in this run passes again at no cost.
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
            known = within.fullmatch(f"{statement} ") if depth else alone.fullmatch(statement)
            if statement and not known:
                raise HostError(
                    f"{path}:{number}: not understood in table {family} {name}: {statement[:120]}"
                )
            depth += statement.count("{") - statement.count("}")
    if depth:
        raise HostError(f"{path}: a brace is open at the end")
