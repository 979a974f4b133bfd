"""One city, whose router is applied to and damaged."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from komando.lab.city import City
from tests.lab.conftest import own_city


@pytest.fixture(scope="package")
def router() -> Iterator[City]:
    """Nothing is applied yet; whoever damages it lets an apply or a repair mend it."""
    with own_city("r", "--offices", "3") as made:
        yield made
