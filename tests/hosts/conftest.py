"""The hosts under test, as a user without rights sees them over ssh: each file for its kinds.

Run by `komando verify`, which gives `--inventory` (the folder with hosts.yaml), `--bundles` (a
folder with the files of each host that has some), an ssh configuration, and `--lab` where the
inventory is a lab's. What needs root is asked from the host program, the only thing the user may
run so.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from testinfra.host import Host

from komando.bundle import Bundle
from komando.inventory import load_inventory
from tests.hosts.machine import Machine
from tests.hosts.router import Router


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--inventory", type=Path, help="The folder of the hosts' inventory.")
    parser.addoption("--bundles", type=Path, help="A folder with the files of each host.")
    parser.addoption("--lab", action="store_true", help="The hosts' clocks may be rehearsed.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave to each kind of host the checks of the files that name it in KINDS."""
    folder = config.getoption("--inventory")
    if folder is None:
        raise pytest.UsageError("tests/hosts are run by `komando verify`, which gives --inventory")
    kinds = {name: one.kind for name, one in load_inventory(folder).hosts.items()}
    items[:] = [item for item in items if _meant(item, kinds)]


def _meant(item: pytest.Item, kinds: Mapping[str, str]) -> bool:
    assert isinstance(item, pytest.Function)
    host = item.callspec.params["_testinfra_host"]
    assert isinstance(host, Host)
    return kinds[host.backend.get_hostname()] in item.module.KINDS


@pytest.fixture(scope="module")
def machine(host: Host, request: pytest.FixtureRequest) -> Machine:
    """The host under test; what is read is read once."""
    option = request.config.getoption
    inventory = load_inventory(option("--inventory"))
    return Machine(
        host, inventory, option("--inventory"), option("--ssh-config"), lab=option("--lab")
    )


@pytest.fixture(scope="module")
def router(host: Host, request: pytest.FixtureRequest) -> Router:
    """The router under test, and the bundle that it should run."""
    name = host.backend.get_hostname()
    bundle = Bundle.read(name, request.config.getoption("--bundles") / name)
    return Router(host, bundle, lab=request.config.getoption("--lab"))
