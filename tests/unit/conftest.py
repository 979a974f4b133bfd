"""What the unit tests share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.edited import BASE


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    """A copy of policies that are good."""
    shutil.copytree(BASE, tmp_path / "policies")
    return tmp_path / "policies"
