"""The packet guard that roles/base lays: whether the kernel has it as it was loaded.

No generation holds it and this program never loads it: who may open a connection to the machine
is no matter of policy. Its unit keeps the file that it loaded, and what the kernel then showed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .finding import Finding, diff_of
from .tables import BASE_TABLE, shown

UNIT = "etc/systemd/system/komando-guard.service"
LAID = "etc/komando-base/guard.nft"
LOADED_FROM = "run/komando-guard.nft"
LOADED = "run/komando-guard"


def guard_findings(root: Path) -> Iterator[Finding]:
    """What of it is otherwise; nothing on a machine that never had it (`program_told` tells that).

    Raises CommandError.
    """
    if not (root / UNIT).exists():
        return
    where = " ".join(BASE_TABLE)
    laid, source, loaded = (_text(root / one) for one in (LAID, LOADED_FROM, LOADED))
    live = shown(*BASE_TABLE)
    if not live or not loaded:
        words = "it is missing" if not live else "nobody knows who loaded it"
        yield Finding("guard", where, "loaded by komando-guard.service", words, mend="role")
    elif live != loaded:
        diff = diff_of(loaded, live)
        yield Finding("guard", where, "as it was loaded", "it differs", diff, mend="role")
    elif laid != source:
        diff = diff_of(source, laid)
        yield Finding("guard", f"/{LAID}", "as it was loaded", "it differs", diff, mend="role")


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""
