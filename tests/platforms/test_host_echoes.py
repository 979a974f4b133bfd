"""What Prometheus is told of the queue that builds at the provider, by echoes of a real kernel."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host_bundle import City, bundle_of
from tests.host_network import SOURCES, Probe, Router, sh
from tests.platforms.told import PER_SITE, region, samples, told_router, value

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    with told_router(tmp_path_factory.mktemp("told") / "root", region()[1], "mq") as one:
        yield one


def gateway(router: Router, script: str) -> None:
    sh(script, f"/run/netns/{router.name}-inet")


def median(router: Router) -> float:
    assert router.komando("hours").code == 0
    return value(samples(router), "komando_uplink_round_trip_median_seconds")


def test_a_queue_that_builds_at_the_provider_is_seen(router: Router) -> None:
    """A link of 2 Mbit/s that is sent 4: some 100 ms stand before it, and none of it is ours."""
    empty = median(router)
    gateway(router, "tc qdisc add dev eth0 root tbf rate 2mbit burst 4k limit 25000")
    try:
        flow = Probe(router, "inet", "seg0", "10.20.1.1", port=5023, seconds=20, pace=0.0005)
        time.sleep(1)
        full = median(router)
        flow.stop()
    finally:
        gateway(router, "tc qdisc del dev eth0 root")
    assert empty < 0.01
    assert 0.05 < full - empty < 0.2
    found = samples(router)
    assert value(found, "komando_uplink_echoes", gateway="198.51.100.1", interface="wan0") == 5
    assert value(found, "komando_uplink_round_trip_min_seconds") <= full
    assert median(router) < 0.01


MEASURED = """\
import sys, time
sys.path.insert(0, sys.argv[1])
from komando.host.echoes import measure
took = []
for _ in range(5):
    begun = time.monotonic()
    found = measure("198.51.100.1", "wan0")
    took.append(time.monotonic() - begun)
print(found.lost, min(took))
"""


def test_a_gateway_that_is_silent_costs_less_than_half_a_second(router: Router) -> None:
    def least() -> list[str]:
        inside = ["nsenter", f"--net=/run/netns/{router.namespace}", "--", sys.executable]
        done = subprocess.run(
            [*inside, "-I", "-c", MEASURED, str(SOURCES)],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.split()

    lost, took = least()
    assert lost == "0"
    assert 0.08 <= float(took) < 0.2, "it waits for no more than five"
    gateway(router, "sysctl -q -w net.ipv4.icmp_echo_ignore_all=1")
    try:
        lost, took = least()
        assert lost == "5"
        assert 0.4 <= float(took) < 0.5
        assert router.komando("hours").code == 0
        found = samples(router)
        assert value(found, "komando_uplink_echoes_lost") == 5
        assert "komando_uplink_round_trip_median_seconds" not in found
    finally:
        gateway(router, "sysctl -q -w net.ipv4.icmp_echo_ignore_all=0")
    assert router.komando("hours").code == 0
    assert value(samples(router), "komando_uplink_echoes_lost") == 0


def test_nobody_waits_for_an_echo(router: Router) -> None:
    """The lock is free while the gateway is waited for."""
    gateway(router, "sysctl -q -w net.ipv4.icmp_echo_ignore_all=1")
    path = router.root / "run/komando/komando.prom"
    before = path.stat().st_mtime_ns
    try:
        with subprocess.Popen(router.argv("hours"), stdout=subprocess.DEVNULL) as running:
            while path.stat().st_mtime_ns == before:
                assert running.poll() is None
                time.sleep(0.005)
            descriptor = os.open(router.root / "run/komando/lock", os.O_RDWR)
            begun = time.monotonic()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            waited = time.monotonic() - begun
            assert running.poll() is None, "it measures still"
            os.close(descriptor)
        assert waited < 0.3
        assert running.returncode == 0
    finally:
        gateway(router, "sysctl -q -w net.ipv4.icmp_echo_ignore_all=0")


def test_an_uplink_without_ipv4_is_measured_by_ipv6(tmp_path: Path) -> None:
    path = "etc/komando/network"
    text = bundle_of(City()).files[path].decode()
    line = "route replace default via 198.51.100.1 dev wan0 proto 75\n"
    assert line in text
    bundle = bundle_of(City(extra={path: text.replace(line, "", 1)}))
    with told_router(tmp_path / "root", bundle, "mv") as router:
        router.settle()
        assert router.komando("hours").code == 0
        found = samples(router)
        assert value(found, "komando_uplink_echoes_lost", gateway="2001:db8:ffff::1") == 0
        assert 0 < value(found, "komando_uplink_round_trip_median_seconds") < 0.1
        assert not PER_SITE & found.keys(), "its intent names nobody"
        assert value(found, "komando_uplink_sent_bytes_total", direction="up") > 0


def test_a_gateway_that_is_none_any_more_is_told_no_more(tmp_path: Path) -> None:
    path = "etc/komando/network"
    lines = bundle_of(City()).files[path].decode().splitlines(keepends=True)
    kept = [line for line in lines if " default via " not in line]
    assert len(kept) < len(lines)
    with told_router(tmp_path / "root", bundle_of(City(extra={path: "".join(kept)})), "mw") as one:
        place = one.root / "run/komando/komando-uplink.prom"
        place.write_text('komando_uplink_echoes{gateway="198.51.100.1"} 5\n')
        assert one.komando("hours").code == 0
        assert place.read_text() == ""
