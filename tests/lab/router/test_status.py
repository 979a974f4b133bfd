"""Why an office is slow, asked of a real router with real traffic on it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from komando.lab.city import City
from komando.lab.topology import Endpoint
from tests.lab.conftest import komando, on_router

pytestmark = pytest.mark.lab

BY_DAY = "2026-11-24T10:00"

FLOOD = """\
import socket, sys, time
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
one.bind((sys.argv[1], 0))
due = time.monotonic()
end = due + 120
while due < end:
    one.sendto(bytes(1200), (sys.argv[2], 9))
    due += 1250 * 8 / float(sys.argv[3])
    time.sleep(max(0, due - time.monotonic()))
"""


@pytest.fixture(scope="module")
def router(router: City) -> Iterator[City]:
    """It runs what the policies of the repository say, and lives on a working day."""
    where = ("--inventory", "lab", "--lab", router.name)
    komando("apply", *where, "--no-verify")
    komando("lab", "clock", "--name", router.name, BY_DAY)
    yield router
    komando("lab", "clock", "--name", router.name, "off")


@pytest.fixture(scope="module")
def office(router: City) -> Endpoint:
    return next(one for one in router.endpoints.values() if one.kind == "opd")


def status(city: City, *rest: str) -> subprocess.CompletedProcess[str]:
    return komando("status", *rest, "--inventory", "lab", "--lab", city.name, check=False)


def told(city: City, office: Endpoint, *rest: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is said of the router, and of the office."""
    done = status(city, f"opd/{office.slug}", "--format", "json", *rest)
    assert done.returncode == 0, done.stderr
    (router,) = json.loads(done.stdout)["routers"]
    (found,) = router["offices"]
    return router, found


def inside(office: Endpoint) -> list[str]:
    """What stands before a command that runs in an office."""
    return ["nsenter", f"--net=/run/netns/{office.netns}"]


@contextmanager
def sending(city: City, office: Endpoint, rate: float) -> Iterator[None]:
    """UDP from the office to the internet, at so many bit/s."""
    words = [*inside(office), sys.executable, "-Ic", FLOOD, office.v4, city.internet_v4, str(rate)]
    with subprocess.Popen(words) as flood:
        time.sleep(1)
        try:
            yield
        finally:
            flood.kill()


def test_an_office_that_asks_for_nothing_is_no_trouble_of_the_line(
    router: City, office: Endpoint
) -> None:
    begun = time.monotonic()
    done = status(router, f"opd/{office.slug}")
    took = time.monotonic() - begun
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Nothing comes from it, though its gateway ")
    assert "docs/runbooks/an-office-is-slow.md#nothing-comes" in done.stdout
    assert f"note: a lab: every rate is divided by {router.divisor}" in done.stdout
    assert took < 10, "1 s of it is looking; the rest is this machine's load"


def test_an_office_at_its_ceiling_is_told_with_the_host_that_fills_it(
    router: City, office: Endpoint
) -> None:
    _, idle = told(router, office)
    with sending(router, office, 2 * idle["ceiling"]["up"]):
        said, found = told(router, office, "--seconds", "3")
        text = status(router, f"opd/{office.slug}").stdout
    assert found["verdict"]["id"] == "at-its-ceiling"
    assert found["flows"]["up"]["rate"] == pytest.approx(idle["ceiling"]["up"], rel=0.06)
    assert found["flows"]["up"]["dropped"] > 0
    assert found["flows"]["up"]["waiting"] > 1
    assert said["top"][0]["address"] == office.v4
    assert said["top"][0]["up"] > idle["ceiling"]["up"]
    assert text.startswith("It uses all of its ceiling: ")
    assert office.v4 in text


def test_an_office_whose_router_is_off_is_told_so_within_the_second(
    router: City, office: Endpoint
) -> None:
    cable = [*inside(office), "ip", "link", "set", office.interface]
    subprocess.run([*cable, "down"], check=True)
    try:
        _, found = told(router, office, "--seconds", "2")
    finally:
        on_router(router, "ip neigh flush all")
        subprocess.run([*cable, "up"], check=True)
    assert found["verdict"]["id"] == "gateway-silent"
    assert {*found["gateways"].values()} == {"silent"}


def test_a_cable_that_is_out_is_told_of_each_office_behind_it(
    router: City, office: Endpoint
) -> None:
    _, before = told(router, office)
    on_router(router, f"ip link set {before['device']} down")
    try:
        _, found = told(router, office)
        table = status(router).stdout
    finally:
        on_router(router, "komando-host hours")
    assert found["verdict"]["id"] == "cable-out"
    assert f"{before['device']} has no signal" in found["verdict"]["sentence"]
    assert "cable out" in next(line for line in table.splitlines() if office.slug in line)


def test_a_table_has_every_office_and_point(router: City) -> None:
    done = status(router)
    assert done.returncode == 0, done.stderr
    for slug in router.endpoints:
        assert f"/{slug} " in done.stdout


def test_a_name_that_is_wrong_is_met_with_the_right_one(router: City, office: Endpoint) -> None:
    done = status(router, f"opd/{office.slug[:-1]}")
    assert done.returncode == 1
    assert f"did you mean opd/{office.slug}" in done.stderr
