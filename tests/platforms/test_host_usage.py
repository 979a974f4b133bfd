"""What offices used, counted on a real kernel."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from komando.host.rates import bin_of
from tests.host_bundle import City, Office, bundle_of, cargo_of
from tests.host_network import Probe, Router
from tests.platforms.standing import DAY, NIGHT, router_in_force

pytestmark = pytest.mark.root

BUNDLE = bundle_of(City())
CEILING = 100_000_000


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    with router_in_force(tmp_path_factory.mktemp("usage") / "root", BUNDLE) as one:
        yield one


@pytest.fixture
def router(standing: Router) -> Router:
    """With nothing counted yet, and a reading that was made just now."""
    for path in ("run/komando/usage.json", "run/komando/usage.minutes"):
        (standing.root / path).unlink(missing_ok=True)
    assert standing.komando("clock", DAY).code == 0
    return standing


def a_minute_ago(router: Router) -> None:
    """As if the last reading had been made 60 s before now."""
    path = router.root / "run/komando/usage.json"
    fields = json.loads(path.read_text())
    fields["seconds"] = time.clock_gettime(time.CLOCK_BOOTTIME) - 60
    path.write_text(json.dumps(fields))


def sent(router: Router, device: str, class_id: str) -> int:
    text = router.sh(f"tc -s class show dev {device}")
    found = re.search(rf"class htb {class_id} .*\n Sent (\d+) bytes", text)
    assert found, text
    return int(found[1])


def rows(router: Router) -> dict[tuple[str, str, str], dict[str, Any]]:
    answer = router.komando("usage")
    assert answer.code == 0, answer.words
    return {(row["class"], row["direction"], row["profile"]): row for row in answer.said["rows"]}


def idle(row: dict[str, Any]) -> bool:
    return set(row["bins"]) == {"0"} and 60 <= row["seconds"] < 75


def test_traffic_of_an_office_is_counted_as_tc_counts_it(router: Router) -> None:
    before = sent(router, "ifb0", "1:404"), sent(router, "wan0", "1:40e")
    down = Probe(router, "inet", "seg0", "10.20.1.1", seconds=2, port=5011)
    up = Probe(router, "seg1", "inet", "198.51.100.1", seconds=2, port=5012)
    assert (down.lost(), up.lost()) == (0, 0)
    a_minute_ago(router)
    assert router.komando("hours").code == 0
    found = rows(router)
    after = sent(router, "ifb0", "1:404"), sent(router, "wan0", "1:40e")
    for key, was, now in (
        (("1:404", "down", "day"), before[0], after[0]),
        (("1:40e", "up", "day"), before[1], after[1]),
    ):
        row = found[key]
        assert row["most"] * row["seconds"] == pytest.approx((now - was) * 8, rel=0.02)
        assert now - was >= 1000 * 230
        assert row["bins"] == {str(bin_of(row["most"])): row["seconds"]}
        assert 60 <= row["seconds"] < 75
        assert row["ceiling"] == CEILING
    assert idle(found["1:408", "down", "day"])
    assert ("1:10", "down", "day") not in found, "a pool is no office"


def test_an_hour_switch_falls_between_two_minutes(router: Router) -> None:
    Probe(router, "inet", "seg0", "10.20.1.1", seconds=1, port=5013).lost()
    a_minute_ago(router)
    assert router.komando("clock", NIGHT).said["profile"] == "night"
    a_minute_ago(router)
    assert router.komando("hours").code == 0
    found = rows(router)
    assert found["1:404", "down", "day"]["most"] > 0
    assert idle(found["1:404", "down", "night"])


@pytest.mark.parametrize(
    "damage",
    ["tc qdisc del dev ifb0 root", "ip link del ifb0", "tc class del dev ifb0 classid 1:404"],
)
def test_a_tree_that_is_built_anew_gives_no_rate_until_it_was_read_twice(
    router: Router, damage: str
) -> None:
    router.sh(damage)
    a_minute_ago(router)
    assert router.komando("hours").said["rebuilt"] is True
    assert ("1:404", "down", "day") not in rows(router)
    a_minute_ago(router)
    assert router.komando("hours").code == 0
    assert ("1:404", "down", "day") not in rows(router), "its counters began in between"
    a_minute_ago(router)
    assert router.komando("hours").code == 0
    assert idle(rows(router)["1:404", "down", "day"])


def test_a_new_office_and_a_new_ceiling_begin_with_their_generation(router: Router) -> None:
    other = bundle_of(City().with_office(Office(4)).with_office(Office(1, ceiling=CEILING // 2)))
    a_minute_ago(router)
    assert router.komando("activate", other.digest, stdin=cargo_of(other)).code == 0
    try:
        a_minute_ago(router)
        assert router.komando("hours").code == 0
        assert rows(router) == {}
        a_minute_ago(router)
        assert router.komando("hours").code == 0
        found = rows(router)
        assert found["1:404", "down", "day"]["ceiling"] == CEILING // 2
        assert idle(found["1:410", "up", "day"])
    finally:
        assert router.activate(BUNDLE).code == 0


def test_while_the_policy_is_bypassed_nothing_is_counted(router: Router) -> None:
    assert router.komando("bypass", "on").code == 0
    try:
        a_minute_ago(router)
        assert router.komando("hours").code == 0
        a_minute_ago(router)
        assert router.komando("hours").code == 0
        assert rows(router) == {}
    finally:
        assert router.komando("bypass", "off").code == 0


def test_a_memory_that_takes_nothing_does_not_keep_the_hours_from_their_work(
    router: Router,
) -> None:
    minutes = router.root / "run/komando/usage.minutes"
    minutes.mkdir()
    try:
        a_minute_ago(router)
        router.sh("ip route del 10.20.1.0/24")
        answer = router.komando("hours")
        assert (answer.code, answer.words) == (0, "")
        assert router.komando("observe").said["kernel"] == "ok"
        assert rows(router) == {}
    finally:
        minutes.rmdir()
