"""`komando prepare --check` of machines as they come: it tells the truth, and leaves them alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from komando.lab.city import City
from tests.lab.conftest import on_machine, own_city, prepare

pytestmark = [pytest.mark.lab, pytest.mark.nightly]

# whoever logs in, and apt when it is only asked, leaves so much
USUAL = ("/root/.ansible/*", "/var/log/*", "/var/cache/apt/*", "/var/lib/systemd/*")


@pytest.fixture(scope="module")
def bare() -> Iterator[City]:
    """A machine of each kind, as it comes."""
    with own_city("k", "--offices", "3", "--machines", "all", "--bare") as city:
        yield city


def test_what_a_check_of_bare_machines_foretells_comes_true(bare: City) -> None:
    for name in bare.machines:
        on_machine(bare, name, "touch -d '1 second ago' /run/mark")
    checked = prepare(bare, "--check")
    assert checked["status"] == 2
    spared = " ".join(f"! -path '{one}'" for one in USUAL)
    found = f"find / -xdev -newercm /run/mark ! -type d {spared}"
    assert {name: on_machine(bare, name, found) for name in bare.machines} == dict.fromkeys(
        bare.machines, ""
    )
    prepared = prepare(bare)
    assert prepared["status"] == 0
    for name in bare.machines:
        assert checked[name]["trouble"] is None, name
        assert "base : Lay what measures the machine" in checked[name]["changed"]
        # more can follow from it
        assert set(checked[name]["changed"]) <= set(prepared[name]["changed"]), name
