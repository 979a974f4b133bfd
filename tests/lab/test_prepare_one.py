"""A bare controller becomes a member of the fleet; those of every kind do so in test_prepare.py."""

from __future__ import annotations

import pytest

from tests.lab.conftest import LAB, own_city, prepare

pytestmark = [*LAB, pytest.mark.nightly]

NAME = "controller-1"


def test_a_bare_machine_becomes_a_member_and_then_nothing_is_changed() -> None:
    with own_city("o", "--offices", "3", "--machines", "all", "--bare") as city:
        first = prepare(city, NAME)
        assert first["status"] == 0
        assert first[NAME]["trouble"] is None
        assert {"base : Lay the guard", "controller : Run Prometheus"} <= {*first[NAME]["changed"]}
        again = prepare(city, NAME)
        log = (city.place.folder / "ansible.log").read_text()
        assert (again["status"], again[NAME]["changed"]) == (0, []), log
