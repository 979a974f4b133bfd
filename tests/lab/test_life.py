"""A lab comes up, changes, and goes without a trace, whatever happens in between."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from komando.lab.city import City, load_city
from komando.lab.groups import processes_in
from komando.lab.life import raze_city
from komando.lab.place import STATE, Place, locked
from tests.lab.conftest import komando, on_router, own_name, traces
from tests.lab.disturbed import (
    Moment,
    ansible_runs,
    cables_lie,
    interrupt_raising,
    kill_raising,
)

pytestmark = pytest.mark.lab


UP = ("up", "--offices", "3", "--machines", "all")


@pytest.fixture(scope="module")
def second() -> Iterator[str]:
    """The name of a second lab, which stands if a test before left it."""
    name = own_name("d")
    yield name
    raze_city(Place(name))


def test_status_tells_where_everyone_is(city: City) -> None:
    said = json.loads(komando("lab", "status", "--name", city.name, "--format", "json").stdout)
    assert {one["slug"] for one in said["endpoints"]} == set(city.endpoints)
    assert said["observed"]["generation"] is None
    picture = komando("lab", "status", "--name", city.name).stdout
    assert f"every rate divided by {city.divisor}" in picture
    assert "nothing applied yet" in picture
    assert all(slug in picture for slug in city.endpoints)


def test_a_second_up_changes_nothing(city: City) -> None:
    log = city.place.folder / "ansible.log"  # none where its router started from a layer

    def seen() -> tuple[object, ...]:
        told = log.stat().st_mtime_ns if log.exists() else None
        return told, city.place.record.read_bytes(), city.place.namespaces()

    before = seen()
    komando("lab", "up", "--name", city.name, "--offices", "3")
    assert seen() == before


def test_offices_come_and_go_while_the_router_runs(city: City) -> None:
    on_router(city, "touch /run/same-boot")
    komando("lab", "up", "--name", city.name, "--offices", "5")
    more = load_city(city.name)
    came = more.endpoints.keys() - city.endpoints.keys()
    assert len(came) == 2
    for slug in came:
        # the router has no addresses yet: the segment's switch is as far as a frame can go
        port = more.topology.sites[slug].cable.other[1]
        switch = f"switch-{more.endpoints[slug].segment}"
        shown = komando(
            "lab", "shell", "--name", city.name, switch, "bridge", "link", "show"
        ).stdout
        assert f"{port}@" in shown
    routes = komando("lab", "shell", "--name", city.name, "isp", "ip", "-6", "route").stdout
    assert all(str(more.endpoints[slug].v6).removesuffix("1") in routes for slug in came)
    komando("lab", "up", "--name", city.name, "--offices", "3")
    assert load_city(city.name) == city
    assert not {more.netns(slug) for slug in came} & set(city.place.namespaces())
    routes = komando("lab", "shell", "--name", city.name, "isp", "ip", "-6", "route").stdout
    assert not any(str(more.endpoints[slug].v6).removesuffix("1") in routes for slug in came)
    on_router(city, "test -e /run/same-boot")


def test_a_shell_passes_the_exit_status_on(city: City) -> None:
    slug = next(iter(city.endpoints))
    arguments = ("lab", "shell", "--name", city.name)
    inside = komando(*arguments, slug, "readlink", "/proc/self/ns/net").stdout.strip()
    assert inside == f"net:[{(Path('/run/netns') / city.netns(slug)).stat().st_ino}]"
    assert komando(*arguments, slug, "sh", "-c", "exit 7", check=False).returncode == 7
    assert komando(*arguments, "router", "hostname").stdout.strip() == city.router.name
    refused = komando(*arguments, "nowhere", check=False)
    assert refused.returncode == 1
    assert slug in refused.stderr


def test_the_router_lives_at_another_moment(city: City) -> None:
    def clock() -> str | None:
        said = json.loads(komando("lab", "status", "--name", city.name, "--format", "json").stdout)
        shown: str | None = said["observed"]["clock"]
        return shown

    komando("lab", "clock", "--name", city.name, "2026-12-25T20:00")
    assert str(clock()).startswith("2026-12-25T13:00:")
    komando("lab", "clock", "--name", city.name, "off")
    assert clock() is None


def test_down_is_harmless_where_nothing_stands(spare: str) -> None:
    for _ in range(2):
        done = komando("lab", "down", "--name", spare)
        assert f"there is no lab '{spare}'" in done.stderr


def test_verbs_say_that_the_lab_is_not_up(spare: str) -> None:
    done = komando("lab", "status", "--name", spare, check=False)
    assert done.returncode == 1
    assert f"`komando lab up --name {spare}`" in done.stderr


def test_a_second_up_does_not_race_the_first(spare: str) -> None:
    with locked(STATE / f"{spare}.lock"):
        done = komando("lab", "up", "--name", spare, check=False)
    assert done.returncode == 1
    assert "wait for it" in done.stderr
    assert traces(spare) == []


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        (cables_lie, signal.SIGINT),
        (cables_lie, signal.SIGTERM),
        (ansible_runs, signal.SIGINT),
        pytest.param(ansible_runs, signal.SIGTERM, marks=pytest.mark.nightly),
    ],
)
def test_an_interrupted_up_leaves_nothing(
    spare: str, moment: Moment, number: signal.Signals
) -> None:
    assert interrupt_raising(spare, moment, number, *UP) != 0
    assert traces(spare) == []


@pytest.mark.parametrize("moment", [cables_lie, ansible_runs])
def test_down_mends_after_a_killed_up(spare: str, moment: Moment) -> None:
    kill_raising(spare, moment, *UP)
    assert traces(spare) != []
    assert "is gone" in komando("lab", "down", "--name", spare).stderr
    assert traces(spare) == []


def test_up_mends_after_a_killed_up_and_a_lost_router(second: str) -> None:
    kill_raising(second, ansible_runs, *UP)
    komando("lab", "up", "--name", second, "--offices", "3")
    first = load_city(second)
    boot = on_router(first, "cat /proc/sys/kernel/random/boot_id /proc/1/stat")
    for one in processes_in(first.place):
        with suppress(ProcessLookupError):  # it went with another one
            os.kill(one, signal.SIGKILL)
    komando("lab", "up", "--name", second, "--offices", "3")
    assert on_router(load_city(second), "cat /proc/sys/kernel/random/boot_id /proc/1/stat") != boot


def test_two_labs_stand_side_by_side(city: City, second: str) -> None:
    komando("lab", "up", "--name", second, "--offices", "3")
    other = load_city(second)
    assert [one.v4 for one in other.endpoints.values()] == [
        one.v4 for one in city.endpoints.values()
    ]
    on_router(other, "touch /run/the-other")
    on_router(city, "test ! -e /run/the-other")
    komando("lab", "down", "--name", second)
    assert traces(second) == []
    told = komando("lab", "status", "--name", city.name, "--format", "json").stdout
    observed = json.loads(told)["observed"]
    assert (observed["generation"], observed["kernel"], observed["pending"]) == (None, "ok", None)
