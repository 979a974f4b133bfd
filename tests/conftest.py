"""What every test folder shares: what needs root says so when skipped, and Ctrl-C can be tried."""

from __future__ import annotations

import os
import signal

import pytest


def pytest_configure() -> None:
    """Heed Ctrl-C, for the tests that send it: what a script starts in its background does not."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs root where there is none, each with its reason in the summary."""
    if os.geteuid() == 0:
        return
    skip = pytest.mark.skip(reason="needs root: network namespaces, tc and nft")
    for item in items:
        if any(item.get_closest_marker(name) for name in ("root", "lab")):
            item.add_marker(skip)
