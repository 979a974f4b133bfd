"""The checks of a host, and how their run is read: without a host."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from tests.cases.plan.cases import base_bundle
from tests.hosts import test_router
from tests.hosts.router import Router

NOON, NIGHT = "2026-11-24T05:00:00+00:00", "2026-11-24T15:00:00+00:00"


class Told:
    """A host that answers `observe` and `date`, as testinfra asks them."""

    def __init__(self, clock: str | None, profile: str) -> None:
        self.observed = {"clock": clock, "profile": profile}

    def check_output(self, command: str, *words: str) -> str:
        del words
        if command.startswith("date"):
            return str(int(datetime.fromisoformat(NOON).astimezone(UTC).timestamp()))
        return json.dumps(self.observed)


def router(*, lab: bool, clock: str | None = None, profile: str = "working-week") -> Router:
    return Router(Told(clock, profile), base_bundle(), lab=lab)


def test_a_clock_may_be_rehearsed_in_a_lab_alone() -> None:
    test_router.test_the_clock_is_rehearsed_in_a_lab_alone(router(lab=True, clock=NIGHT))
    test_router.test_the_clock_is_rehearsed_in_a_lab_alone(router(lab=False))
    with pytest.raises(AssertionError):
        test_router.test_the_clock_is_rehearsed_in_a_lab_alone(router(lab=False, clock=NIGHT))


def test_the_hour_is_the_real_one_outside_a_lab() -> None:
    for lab, profile, wrong in (
        (True, "closed", "working-week"),
        (False, "working-week", "closed"),
    ):
        right = router(lab=lab, clock=NIGHT, profile=profile)
        test_router.test_the_profile_is_the_one_of_this_hour(right)
        with pytest.raises(AssertionError):
            test_router.test_the_profile_is_the_one_of_this_hour(
                router(lab=lab, clock=NIGHT, profile=wrong)
            )
