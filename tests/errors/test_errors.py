"""Every case says exactly what its expected.txt has, fails, and leaves the policies alone."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.errors.cases import HERE, build, names, run


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder below one that everybody may enter: pytest's own are private."""
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


def listing(folder: Path) -> list[tuple[str, int, int]]:
    """Every path with its size and time of change."""
    return sorted(
        (str(path), path.lstat().st_size, path.lstat().st_mtime_ns) for path in folder.rglob("*")
    )


@pytest.mark.parametrize("case", names())
def test_says_what_is_wrong_and_writes_nothing(case: str, folder: Path) -> None:
    said = build(case, folder)
    before = listing(folder)
    text, status = run(folder, said)
    assert text == (HERE / case / "expected.txt").read_text(encoding="utf-8")
    assert status == (1 if ": error[" in text else 0)
    assert listing(folder) == before
