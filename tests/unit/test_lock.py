"""The locks pin everything by hash and name no place that it was fetched from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = (ROOT / "requirements.lock", *sorted(ROOT.glob("roles/*/files/requirements.lock")))
ALL, CONTROLLER = LOCKS[0], ROOT / "roles/controller/files/requirements.lock"
every_lock = pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.relative_to(ROOT)))


def name(requirement: str) -> str:
    """A requirement's name as PyPI normalises it (PEP 503)."""
    bare = re.split(r"[<>=!~\[; ]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", bare).lower()


def pins(lock: Path) -> dict[str, str]:
    """Each pin by its name: its version and its hashes, without who asks for it."""
    text = re.sub(r"(?m)^ *(?:#.*)?\n", "", lock.read_text())
    blocks = re.split(r"\n(?=[a-z0-9])", text.strip())
    return {name(block): block for block in blocks}


@every_lock
def test_every_pin_has_a_version_and_hashes(lock: Path) -> None:
    loose = [
        name
        for name, block in pins(lock).items()
        if not re.fullmatch(r"[a-z0-9.-]+==\S+( \\\n    --hash=sha256:[0-9a-f]{64})+", block)
    ]
    assert pins(lock)
    assert loose == []


@every_lock
def test_no_line_names_a_host_or_a_folder(lock: Path) -> None:
    assert not re.search(r"://|^-|file:/|find-links|index-url", lock.read_text(), re.MULTILINE)


def test_what_the_project_asks_for_is_pinned() -> None:
    asked = [
        *PROJECT["build-system"]["requires"],
        *PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"]["dev"],
    ]
    assert {name(item) for item in asked} <= set(pins(ALL))


def test_a_controller_installs_what_komando_asks_for_and_no_tool_of_developers() -> None:
    theirs = set(pins(CONTROLLER))
    assert {name(item) for item in PROJECT["project"]["dependencies"]} <= theirs
    developers = PROJECT["project"]["optional-dependencies"]["dev"]
    assert not {name(item) for item in developers} & theirs


def test_a_controller_installs_the_versions_that_were_tested() -> None:
    assert pins(CONTROLLER).items() <= pins(ALL).items()
