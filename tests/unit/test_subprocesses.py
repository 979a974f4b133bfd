"""Every program that is run knows where its standard input comes from."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "komando"


def calls(path: Path) -> list[ast.Call]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"subprocess.run", "subprocess.Popen"}
    ]


FILES = [path for path in sorted(SOURCE.rglob("*.py")) if calls(path)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_no_program_inherits_standard_input(path: Path) -> None:
    """Where the caller's is closed, a program's first file would become its standard input."""
    for call in calls(path):
        given = {keyword.arg for keyword in call.keywords}
        assert given & {"stdin", "input"}, f"{path}:{call.lineno}"
