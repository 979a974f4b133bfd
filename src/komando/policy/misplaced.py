"""An office among the public points, or the other way round: one finding in place of many."""

from __future__ import annotations

from typing import Any, Final

from komando.diagnostics import Diagnostic, Location
from komando.policy.tree import PolicyFile

_OWN: Final = {
    "opd": frozenset({"calendar", "guarantee", "floor", "ceiling", "mode", "exceptions"}),
    "hotspots": frozenset({"share"}),
}
"""Keys that only one of the two kinds has."""


def misplaced(file: PolicyFile, data: Any) -> Diagnostic | None:
    """That the file has the keys of the other folder's kind, and none of its own."""
    if file.kind not in _OWN or not isinstance(data, dict):
        return None
    other = "hotspots" if file.kind == "opd" else "opd"
    keys = data.keys() & _OWN[other]
    if not keys or data.keys() & _OWN[file.kind]:
        return None
    office = other == "opd"
    return Diagnostic(
        "file-folder",
        "error",
        "an office among the public points" if office else "a public point among the offices",
        found=f"the keys {', '.join(f'`{key}`' for key in sorted(keys))}",
        expected="offices in opd/, and public points in hotspots/",
        remedy=f"move the file to {other}/",
        location=Location(file.path, 1, 1),
        whole=True,
    )
