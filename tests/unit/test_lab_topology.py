"""The lab's plan of the city, from the real policies; nothing is built here."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from komando.inventory import Host, load_inventory
from komando.lab.place import LabError
from komando.lab.topology import Topology, draw_topology
from komando.policy import Policy, load_policy

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def policy() -> Policy:
    loaded = load_policy(REPOSITORY / "policies")
    assert loaded.policy is not None
    return loaded.policy


@pytest.fixture(scope="module")
def host() -> Host:
    return load_inventory(REPOSITORY / "inventories/lab").hosts["core-1"]


@pytest.fixture(scope="module")
def topology(policy: Policy, host: Host) -> Topology:
    return draw_topology(policy, host, 10, "kl-x-")


def test_everyone_of_the_policy_is_there(topology: Topology, policy: Policy) -> None:
    assert topology.sites.keys() == policy.opd.keys() | policy.hotspots.keys()
    assert {slug for slug, site in topology.sites.items() if site.endpoint.kind == "hotspot"} == (
        policy.hotspots.keys()
    )


def test_every_cable_has_two_ends_of_its_own(topology: Topology) -> None:
    parts = {part.name for part in topology.parts} | topology.sites.keys()
    cables = [*topology.cables, *(site.cable for site in topology.sites.values())]
    ends = [end for cable in cables for end in (cable.one, cable.other)]
    assert len(ends) == len(set(ends))
    assert {part for part, _ in ends} == parts
    assert all(len(interface) <= 15 for _, interface in ends)


def test_the_router_has_the_inventorys_interfaces(topology: Topology, host: Host) -> None:
    assert set(topology.interfaces("router")) == {*host.interfaces.values(), "mgmt0"}


def test_clients_stand_in_their_own_networks(topology: Topology, policy: Policy) -> None:
    for slug, site in topology.sites.items():
        place = policy.opd.get(slug) or policy.hotspots[slug]
        for address in (site.endpoint.v4, site.endpoint.v6):
            if address is not None:
                assert any(ip_address(address) in network for network in place.networks)


def test_the_provider_routes_what_is_ours(topology: Topology, policy: Policy) -> None:
    lines = [line for part in topology.parts if part.name == "isp" for line in part.network]
    lines += [f"route add {route}" for site in topology.sites.values() for route in site.routes]
    routes = {ip_network(line.split()[2]): line for line in lines if line.startswith("route add")}
    nat = policy.region.uplinks["main"].nat
    ours = {ip_network(nat.offices), ip_network(nat.public)}
    for place in (*policy.opd.values(), *policy.hotspots.values()):
        ours |= {network for network in place.networks if network.version == 6}
    assert ours <= routes.keys()
    for network, line in routes.items():
        router = "198.51.100.2" if network.version == 4 else "2001:db8:ffff::2"
        assert f" via {router} dev city" in line


def test_the_providers_queue_has_the_divided_rate(topology: Topology) -> None:
    shaping = next(part.shaping for part in topology.parts if part.name == "isp")
    assert shaping == (
        "qdisc add dev city root tbf rate 100000000bit burst 25000 limit 650000",
        "qdisc add dev internet root tbf rate 100000000bit burst 25000 limit 650000",
    )


def test_some_offices_and_every_public_point(policy: Policy, host: Host) -> None:
    few = draw_topology(policy, host, 1, "kl-x-", offices=2)
    first = sorted(policy.opd.values(), key=lambda one: one.id)[:2]
    assert few.sites.keys() == {one.slug for one in first} | policy.hotspots.keys()


def test_a_segment_without_an_interface_is_told(policy: Policy, host: Host) -> None:
    without = {name: one for name, one in host.interfaces.items() if name != "public"}
    with pytest.raises(LabError, match="core-1 has no interface for public"):
        draw_topology(policy, replace(host, interfaces=without), 1, "kl-x-")


def test_another_router_has_no_uplink(policy: Policy, host: Host) -> None:
    with pytest.raises(LabError, match="no uplink of the policy ends at core-9"):
        draw_topology(policy, replace(host, name="core-9"), 1, "kl-x-")


def test_an_office_cannot_bear_a_parts_name(policy: Policy, host: Host) -> None:
    office = next(iter(policy.opd.values())).model_copy(update={"slug": "isp"})
    with pytest.raises(LabError, match="isp"):
        draw_topology(replace(policy, opd={"isp": office}), host, 1, "kl-x-")
