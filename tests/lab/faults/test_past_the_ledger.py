"""What is done to a router by hand, past the ledger, which finds it: one router of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from komando.lab.fleet.fleet import Fleet
from tests.lab.conftest import LAB, own_fleet
from tests.lab.scene import WINDOW, Scene, staged

pytestmark = LAB

ROUTER = "router-1"
LATE, EARLY = -0.1, 0.85
"""Seconds before a window of one second closes: too late to confirm it, and early enough."""

HALVINGS = 9
"""How often the time between both is halved: to two thousandths of a second."""


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with own_fleet("p", "--routers", "1", "--window", str(WINDOW)) as made:
        yield made


@pytest.fixture
def scene(fleet: Fleet, tmp_path: Path) -> Iterator[Scene]:
    with staged(fleet, tmp_path, by_hand=True) as one:
        yield one


@pytest.mark.nightly
def test_confirm_and_alarm_at_the_same_moment_leave_one_answer(scene: Scene) -> None:
    """Windows of one second, confirmed ever closer to their end: what is answered is what holds."""
    machine = scene.routers[ROUTER]
    scene.edit(ROUTER, 20)
    assert scene.apply().code == 0
    old, new = scene.observed(ROUTER)["previous"], scene.running(ROUTER)
    assert old is not None
    assert new is not None
    runs: str | None = new
    late, early = LATE, EARLY
    outcomes = set()
    moments = [late, early]
    for number in range(len(moments) + HALVINGS):
        moment = moments[number] if number < len(moments) else (late + early) / 2
        target, other = (old, new) if runs == new else (new, old)
        said = machine.behind(
            f"komando-host activate {target} --within 1 --sequence {10_000 + number} --protocol 2"
            " </dev/null >/dev/null && "
            "left=$(komando-host observe | sed 's/.*\"left\": //;s/}.*//')"
            f" && sleep $(echo $left {moment} | awk '{{s=$1-$2; print (s>0)?s:0}}')"
            f" && komando-host confirm {target} >/dev/null 2>&1; echo $?"
        )
        confirmed = said.strip().endswith("0")
        runs = scene.comes_to_rest(ROUTER, within=1)
        assert runs == (target if confirmed else other), (number, moment, said)
        outcomes.add(confirmed)
        late, early = (late, moment) if confirmed else (moment, early)
    assert outcomes == {True, False}, "the moments were not close enough to each other"
