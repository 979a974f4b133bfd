"""What the tests on real sshd and sudo share: the lab's Debian, built once a machine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from komando.inventory import Host
from komando.lab.root import root_tree
from tests.machines import Machines, Site, machines

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def debian() -> Path:
    """The lab's Debian tree."""
    if shutil.which("mmdebstrap") is None:
        pytest.skip("needs mmdebstrap, which builds the lab's Debian")
    return root_tree(lambda _step, _detail: None, REPOSITORY / "roles")


@pytest.fixture(scope="module")
def core(debian: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """One machine, as the role makes it."""
    host = Host("core-1", "router", "127.0.0.2", {}, "pfifo")
    with machines(debian, tmp_path_factory.mktemp("core"), [Site(host)]) as made:
        yield made
