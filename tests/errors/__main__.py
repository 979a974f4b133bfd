"""`python -m tests.errors --write`: make every expected.txt anew, for review."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.errors.cases import HERE, build, names, run


def main() -> None:
    """Write what is said now; git then shows what has changed."""
    if sys.argv[1:2] != ["--write"]:
        sys.exit("usage: python -m tests.errors --write [CASE...]")
    for case in sys.argv[2:] or names():
        with tempfile.TemporaryDirectory() as folder:
            text, _ = run(Path(folder), build(case, Path(folder)))
        (HERE / case / "expected.txt").write_text(text, encoding="utf-8")


main()
