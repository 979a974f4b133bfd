"""What a fleet is told to be, and its network; nothing is built here."""

from __future__ import annotations

from pathlib import Path

import pytest

from komando.intent import compile_intent
from komando.inventory import Inventory, load_inventory
from komando.lab.fleet.network import draw_network
from komando.lab.fleet.papers import MOST, SPARE, Order, spare_inventory, write_papers
from komando.platforms.debian import render
from komando.policy import Policy, load_policy


def _written(folder: Path, order: Order) -> tuple[Inventory, Policy]:
    inventory = folder / "inventories/lab"
    write_papers(order, 2026, inventory, folder / "policies")
    loaded = load_policy(folder / "policies")
    assert loaded.policy is not None, loaded.diagnostics
    assert loaded.diagnostics == []
    return load_inventory(inventory), loaded.policy


@pytest.mark.parametrize("routers", [1, 2, MOST])
def test_every_router_gets_a_bundle_of_its_own(tmp_path: Path, routers: int) -> None:
    inventory, policy = _written(tmp_path, Order(routers))
    assert inventory.name == "lab"
    intent = compile_intent(policy, inventory.divisor).intent
    assert intent is not None
    assert inventory.hosts.keys() == intent.routers.keys()
    digests = {render(intent, host).digest for host in inventory.hosts.values()}
    assert len(digests) == routers


def test_the_first_is_the_canary_and_each_the_neighbour_of_another(tmp_path: Path) -> None:
    inventory, _ = _written(tmp_path, Order(3, window=9))
    hosts = inventory.hosts
    assert [host.canary for host in hosts.values()] == [True, False, False]
    neighbours = {name: host.neighbour for name, host in hosts.items()}
    assert neighbours == {"router-1": "router-2", "router-2": "router-3", "router-3": "router-1"}
    assert {host.confirm_within for host in hosts.values()} == {9}


def test_one_alone_has_no_neighbour(tmp_path: Path) -> None:
    inventory, _ = _written(tmp_path, Order(1))
    assert inventory.hosts["router-1"].neighbour is None


def test_every_name_of_an_interface_is_one_that_linux_takes(tmp_path: Path) -> None:
    hosts = dict(_written(tmp_path, Order(MOST))[0].hosts)
    spare = tmp_path / "spare/lab"
    spare.mkdir(parents=True)
    (spare / "hosts.yaml").write_text(spare_inventory())
    hosts |= load_inventory(spare).hosts
    assert SPARE in hosts
    network = draw_network(hosts.values())
    ends = [end for cable in network.cables for end in (cable.one, cable.other)]
    assert len(ends) == len(set(ends))
    assert all(0 < len(interface) < 16 for _, interface in ends)
