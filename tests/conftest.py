"""What every test folder shares: tests that need root say so when they are skipped."""

from __future__ import annotations

import os

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs root where there is none, each with its reason in the summary."""
    if os.geteuid() == 0:
        return
    skip = pytest.mark.skip(reason="needs root: network namespaces, tc and nft")
    for item in items:
        if any(item.get_closest_marker(name) for name in ("root", "lab")):
            item.add_marker(skip)
