"""Who writes what a message suggests does not get that message again: tried on every case."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

import pytest

from komando.diagnostics import Diagnostic, Source
from komando.policy import load_policy
from tests.errors.cases import TODAY, build, names, run
from tests.unit.test_remedies import suggested


@pytest.mark.parametrize("case", names())
def test_what_is_suggested_is_accepted(case: str) -> None:
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        said = build(case, folder)
        if any(thing["as"] == "unreadable" for thing in said.get("make", [])):
            run(folder, said)
            return
        for one in load_policy(folder / "policies", date.fromisoformat(TODAY)).diagnostics:
            for value in suggested(one.remedy):
                if not one.whole:
                    _try(folder / "policies", one, value)


def _try(policies: Path, one: Diagnostic, value: str) -> None:
    """Write the value in place of what is at fault, check, and put everything back."""
    file = Path(one.location.file)
    before = file.read_text(encoding="utf-8")
    written = Source(before).written(one.location.line, one.location.column)
    if len(written) != 1 or not written[0]:
        return
    lines = before.split("\n")
    line, at = lines[one.location.line - 1], one.location.column - 1
    quote = '"' if ":" in value else ""
    lines[one.location.line - 1] = f"{line[:at]}{quote}{value}{quote}{line[at + len(written[0]) :]}"
    file.write_text("\n".join(lines), encoding="utf-8")
    try:
        after = load_policy(policies, date.fromisoformat(TODAY)).diagnostics
    finally:
        file.write_text(before, encoding="utf-8")
    assert not [two for two in after if (two.id, two.location) == (one.id, one.location)], value
