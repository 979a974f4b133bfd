"""What stops an apply and nobody may accept: a host that is cut off, promises above the uplink."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import ip_network

import pytest

from komando import generation
from komando.bundle import Bundle
from komando.generation import RunningGeneration
from komando.inventory import Host
from tests.cases.plan.cases import HOST, base_bundle
from tests.unit.assessed import reached


@pytest.mark.parametrize("asker", ["192.0.2.2", "::ffff:192.0.2.2", None])
def test_a_controller_within_the_management_networks_is_no_finding(asker: str | None) -> None:
    assert reached(base_bundle(), RunningGeneration("core-1", asked_from=asker)) == ()


@pytest.mark.parametrize("asker", ["192.0.2.17", "2001:db8::1", "fe80::1%eth0", "not an address"])
def test_a_controller_outside_of_them_would_be_cut_off(asker: str) -> None:
    (finding,) = reached(base_bundle(), RunningGeneration("core-1", asked_from=asker))
    assert (finding.id, finding.acknowledgeable) == ("management-path", False)
    assert asker in finding.message
    wanted = base_bundle()
    same = RunningGeneration("core-1", wanted.digest, asked_from=asker)
    assert reached(wanted, same) == (), "what is not touched cuts nobody off"
    repaired = replace(same, kernel="missing: table inet shaper")
    assert [one.id for one in reached(wanted, repaired)] == ["management-path"]


def machine(address: str) -> Host:
    network = ip_network(f"{address}/32")
    return replace(HOST, address=address, management=(network, ip_network("192.0.2.0/28")))


def test_a_network_of_an_office_may_not_hold_the_hosts_own_address() -> None:
    (finding,) = reached(base_bundle(), RunningGeneration("core-1"), machine("10.20.5.9"))
    assert finding.id == "management-path"
    assert finding.after == "route 10.20.5.0/24 via 172.20.1.5 on lan0"
    assert finding.touches == ("Dinas Kesehatan (dinas-kesehatan): 10.20.5.0/24",)


def test_nor_may_a_segment_or_the_uplink() -> None:
    for address, entry in (
        ("172.20.0.77", "address 172.20.0.1/22 on lan0"),
        ("198.51.100.1", "address 198.51.100.2/30 on wan0"),
    ):
        (finding,) = reached(base_bundle(), RunningGeneration("core-1"), machine(address))
        assert (finding.id, finding.after) == ("management-path", entry)


def test_a_way_that_stays_as_it_is_is_no_finding_and_one_that_goes_is() -> None:
    wanted, inside = base_bundle(), machine("10.20.5.9")
    before = Bundle("core-1", {**wanted.files, generation.SYSCTL: b"# another\n"})
    assert reached(wanted, RunningGeneration("core-1", before.digest, bundle=before), inside) == ()
    broken = RunningGeneration("core-1", wanted.digest, kernel="missing: x")
    assert reached(wanted, broken, inside) == (), "a repair changes no way"
    text = wanted.text(generation.NETWORK)
    (line,) = (line for line in text.splitlines() if "10.20.5.0/24" in line)
    without = {**wanted.files, generation.NETWORK: text.replace(f"{line}\n", "").encode()}
    running = RunningGeneration("core-1", wanted.digest, bundle=wanted)
    found = reached(Bundle("core-1", without), running, inside)
    (finding,) = (one for one in found if one.id == "management-path")
    assert finding.before == "route 10.20.5.0/24 via 172.20.1.5 on lan0"
    assert finding.after == "no network of policy"


def test_promises_above_the_uplink_are_seen_in_what_would_be_sent() -> None:
    wanted = base_bundle()
    data = json.loads(wanted.text(generation.INTENT))
    data["uplink"]["link"]["down"] = 60_000_000
    files = {**wanted.files, generation.INTENT: json.dumps(data).encode()}
    (finding,) = reached(Bundle("core-1", files), RunningGeneration("core-1"))
    assert (finding.id, finding.acknowledgeable) == ("guarantees-above-uplink", False)
    assert finding.after.startswith("download in working-week: 7")
    assert finding.after.endswith(" Mbit/s promised, 60 Mbit/s usable")
