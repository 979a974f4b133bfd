"""Policies that are good, and edits to a copy of them."""

from __future__ import annotations

from pathlib import Path

BASE = Path(__file__).parents[1] / "errors" / "base" / "policies"


def edit(file: Path | str, before: str, after: str, *, times: int = 1) -> None:
    """Replace what stands in a file so many times."""
    text = Path(file).read_text()
    assert text.count(before) == times, f"{before!r} stands {text.count(before)} times in {file}"
    Path(file).write_text(text.replace(before, after))
