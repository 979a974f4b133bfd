"""A router over ssh, as a user without rights sees it, and the bundle that it should run.

Run by `komando verify`, which gives `--bundles` (a folder with the files of each host), an ssh
configuration, and `--lab` where the inventory is a lab's. What needs root is asked from the host
program, the only thing the user may run so.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from testinfra.host import Host

from komando.bundle import Bundle
from tests.hosts.router import Router


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--bundles", type=Path, help="A folder with the files of each host.")
    parser.addoption("--lab", action="store_true", help="The hosts' clocks may be rehearsed.")


@pytest.fixture(scope="module")
def router(host: Host, request: pytest.FixtureRequest) -> Router:
    """The host under test; what is read is read once."""
    name = host.backend.get_hostname()
    folder = request.config.getoption("--bundles")
    if folder is None:
        raise pytest.UsageError("tests/hosts are run by `komando verify`, which gives --bundles")
    bundle = Bundle.read(name, folder / name)
    return Router(host, bundle, lab=request.config.getoption("--lab"))
