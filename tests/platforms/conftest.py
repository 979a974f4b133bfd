"""What the tests on real sshd and sudo share: the lab's Debian, built once a machine."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from komando.lab.root import root_tree


@pytest.fixture(scope="session")
def debian() -> Path:
    """The lab's Debian tree."""
    if shutil.which("mmdebstrap") is None:
        pytest.skip("needs mmdebstrap, which builds the lab's Debian")
    return root_tree(lambda _step, _detail: None)
