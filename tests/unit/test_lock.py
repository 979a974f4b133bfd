"""The lock pins everything by hash and names no place that it was fetched from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
LOCK = (ROOT / "requirements.lock").read_text()


def name(requirement: str) -> str:
    """A requirement's name as PyPI normalises it (PEP 503)."""
    bare = re.split(r"[<>=!~\[; ]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", bare).lower()


def pins() -> dict[str, str]:
    blocks = re.split(r"\n(?=[a-z0-9])", LOCK)[1:]
    return {name(block): block for block in blocks}


def test_every_pin_has_a_version_and_hashes() -> None:
    loose = [
        name
        for name, block in pins().items()
        if not re.match(r"[a-z0-9.-]+==\S+ \\\n    --hash=sha256:[0-9a-f]{64}", block)
    ]
    assert pins()
    assert loose == []


def test_no_line_names_a_host_or_a_folder() -> None:
    assert not re.search(r"://|^-|file:/|find-links|index-url", LOCK, re.MULTILINE)


def test_what_the_project_asks_for_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["dev"],
    ]
    assert {name(item) for item in asked} <= set(pins())
