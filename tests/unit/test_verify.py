"""The checks of a host, and how their run is read: without a host."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from komando import verify as verifying
from komando.bundle import Bundle
from komando.inventory import Access, Host
from komando.verify import Check, VerifyError, verify
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


CONFTEST = """
def pytest_addoption(parser):
    parser.addoption("--bundles")
    parser.addoption("--lab", action="store_true")
"""

TWO_CHECKS = """
def test_the_first_thing(host):
    pass

def test_the_second_thing(host, request):
    assert request.config.getoption("--lab")
"""

HOSTS = tuple(Host(name, "router", "192.0.2.1", {}, "pfifo") for name in ("core-1", "core-10"))


@pytest.fixture
def checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two checks that ask no host, in place of those of tests/hosts."""
    folder = tmp_path / "checks"
    folder.mkdir()
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_checks.py").write_text(TWO_CHECKS)
    monkeypatch.setattr(verifying, "CHECKS", folder)
    return folder


def run(*hosts: Host, lab: bool = True) -> list[Check]:
    access = Access(prefix=(), identity=None, known_hosts=Path("known_hosts"))
    bundles = {host.name: Bundle(host.name, {}) for host in hosts}
    return verify(hosts, access, bundles, lab=lab)


@pytest.mark.usefixtures("checks")
def test_every_check_is_told_for_every_host() -> None:
    found = run(*HOSTS)
    assert {(one.host, one.name) for one in found} == {
        (host.name, name) for host in HOSTS for name in ("the first thing", "the second thing")
    }
    assert all(one.holds for one in found)


@pytest.mark.usefixtures("checks")
def test_a_check_that_does_not_hold_is_told() -> None:
    assert [one.holds for one in run(HOSTS[0], lab=False)] == [True, False]


@pytest.mark.usefixtures("checks")
def test_the_surroundings_deselect_no_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k first")
    assert len(run(HOSTS[0])) == 2


def test_a_run_that_breaks_off_is_no_verification(checks: Path) -> None:
    hook = "def pytest_runtest_protocol(item):\n    assert 'first' in item.name"
    (checks / "conftest.py").write_text(f"{CONFTEST}\n{hook}\n")
    with pytest.raises(VerifyError, match="did not come to their end"):
        run(HOSTS[0])


def test_a_host_without_a_check_is_not_verified(checks: Path) -> None:
    hook = "def pytest_collection_modifyitems(items):\n    del items[2:]"
    (checks / "conftest.py").write_text(f"{CONFTEST}\n{hook}\n")
    with pytest.raises(VerifyError, match="no check was run on core-10"):
        run(*HOSTS)
