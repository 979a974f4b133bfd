"""What import-linter cannot say of floors: the host program needs nothing but Python itself."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import komando

HOST = Path(komando.__file__).parent / "host"
PYTHON = sys.stdlib_module_names | {"_sha2", "_sha256"}
"""Python's own modules, also those that one version has and another has not."""


def imported(source: str) -> list[str]:
    """Top-level names that a module imports; a relative import of its own package is "."."""
    names: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name.partition(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append("." * node.level if node.level else (node.module or "").partition(".")[0])
    return names


def test_the_reader_of_imports_sees_every_form() -> None:
    source = "import os.path, json\nfrom a.b import c\nfrom . import d\nfrom ..e import f\n"
    assert imported(source) == ["os", "json", "a", ".", ".."]


@pytest.mark.parametrize("module", sorted(HOST.rglob("*.py")), ids=lambda path: path.name)
def test_the_host_program_imports_python_and_itself_alone(module: Path) -> None:
    strangers = [
        name for name in imported(module.read_text()) if name != "." and name not in PYTHON
    ]
    assert strangers == []
