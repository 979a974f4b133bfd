"""`komando inventory graph`: every machine and way in each form, and no word gets out of it."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from click.testing import CliRunner

from komando.cli.inventory import inventory as verb
from komando.inventory import Inventory, load_inventory
from komando.inventory.drawing import (
    as_dot,
    as_json,
    as_mermaid,
    as_svg,
    as_tree,
    chart_of,
)
from tests.unit.test_inventory import EVERYTHING

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = 'a"<b>&\\#`{x}'
"""The name of a folder; those of machines are plain."""


@pytest.fixture
def machines(tmp_path: Path) -> Inventory:
    (tmp_path / "hosts.yaml").write_text(EVERYTHING)
    return load_inventory(tmp_path)


def test_the_tree_says_who_is_reached_over_whom(machines: Inventory) -> None:
    chart = chart_of(Inventory("region", machines.hosts), keyless=["core-2"])
    assert (
        as_tree(chart, 80)
        == """\
region, managed from 10.255.0.0/24, 2001:db8:ff::/64

controller-1 (controller) 10.255.0.3
├─ core-1 (router) 10.255.0.2 canary
│    uplink on eno1, metro on eno2
├─ gateway-1 (hotspot) [2001:db8:ff::4]:22022
└─ outer (jump) [192.0.2.1]:2222
   └─ inner (jump) 10.255.0.9
      ├─ core-2 (router) 10.255.0.6 no key known
      │    uplink on eno1, metro on eno2.7
      │    ┄ core-1 has to reach it before a change is confirmed
      └─ signing-1 (signing) 10.255.0.5"""
    )


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_the_tree_fits_the_terminal_and_leaves_nothing_out(machines: Inventory, width: int) -> None:
    text = as_tree(chart_of(machines), width)
    assert max(map(len, text.splitlines())) <= width
    for host in machines.hosts.values():
        assert host.name in text
        assert host.address in text


def test_the_picture_has_a_card_for_each_machine_and_a_line_for_each_way(
    machines: Inventory,
) -> None:
    root = ET.fromstring(as_svg(chart_of(machines)))  # noqa: S314 - our own
    titles = [one.text or "" for one in root.iter(f"{SVG}title")][1:]
    assert {one.split()[0] for one in titles if "(" in one} == set(machines.hosts)
    ways = [one for one in root.iter(f"{SVG}path") if one.get("class") == "way"]
    # the controller to its bus, each other machine to whom it is reached over, and the legend
    assert len(ways) == len(machines.hosts) + 1
    near = [one for one in root.iter(f"{SVG}path") if one.get("class") == "near"]
    assert len(near) == 1 + 1
    words = "".join(root.itertext())
    for word in ("canary", "management network", "eno2.7", "[2001:db8:ff::4]:22022"):
        assert word in words


def test_cards_lie_on_the_picture_and_not_on_one_another(machines: Inventory) -> None:
    root = ET.fromstring(as_svg(chart_of(machines)))  # noqa: S314 - our own
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    boxes = [
        tuple(float(one.get(key, 0)) for key in ("x", "y", "width", "height"))
        for one in root.iter(f"{SVG}rect")
        if one.get("stroke") == "#d5dde3"
    ]
    assert len(boxes) == len(machines.hosts)
    for x, y, wide, tall in boxes:
        assert 0 <= x <= x + wide <= width
        assert 0 <= y <= y + tall <= height
    for one in boxes:
        for other in boxes:
            apart = (
                one[0] + one[2] <= other[0]
                or other[0] + other[2] <= one[0]
                or one[1] + one[3] <= other[1]
                or other[1] + other[3] <= one[1]
            )
            assert one is other or apart


def test_nothing_gets_out_of_the_place_that_it_stands_in(machines: Inventory) -> None:
    chart = chart_of(Inventory(HOSTILE, machines.hosts))
    root = ET.fromstring(as_svg(chart))  # noqa: S314 - our own
    assert HOSTILE in [one.text for one in root.iter(f"{SVG}text")]
    assert r'label="a\"<b>&\\#`{x}, managed from' in as_dot(chart)
    assert json.loads(as_json(chart))["environment"] == HOSTILE


def test_the_data_has_all_that_is_drawn(machines: Inventory) -> None:
    whole = json.loads(as_json(chart_of(machines, keyless=["inner"])))
    assert whole["format"] == 1
    told = {one["name"]: one for one in whole["machines"]}
    assert set(told) == set(machines.hosts)
    assert told["core-2"]["over"] == ["outer", "inner"]
    assert told["core-2"]["neighbour"] == "core-1"
    assert [name for name, one in told.items() if not one["key_known"]] == ["inner"]


def test_graphviz_and_mermaid_have_every_way(machines: Inventory) -> None:
    ways = set(re.findall(r'"([\w-]+)" -> "([\w-]+)";', as_dot(chart_of(machines))))
    assert ways == {
        ("controller-1", "core-1"),
        ("controller-1", "gateway-1"),
        ("controller-1", "outer"),
        ("outer", "inner"),
        ("inner", "core-2"),
        ("inner", "signing-1"),
    }
    assert '"core-1" -> "core-2" [style=dashed' in as_dot(chart_of(machines))
    text = as_mermaid(chart_of(machines))
    names = dict(re.findall(r'(m\d+)\["<b>([\w-]+)</b>', text))
    assert {(names[a], names[b]) for a, b in re.findall(r"(m\d+) --> (m\d+)", text)} == ways
    assert [(names[a], names[b]) for a, b in re.findall(r"(m\d+) -\.-> (m\d+)", text)] == [
        ("core-1", "core-2")
    ]


def test_an_inventory_without_a_controller_begins_at_whoever_calls(machines: Inventory) -> None:
    hosts = {name: host for name, host in machines.hosts.items() if host.kind != "controller"}
    chart = chart_of(Inventory("region", hosts))
    assert "\nthe controller\n├─ core-1" in as_tree(chart, 80)
    assert '"the controller" -> "core-1"' in as_dot(chart)
    assert "start --> m0" in as_mermaid(chart)
    assert "whoever calls komando" in as_svg(chart)


@pytest.mark.parametrize("form", ["text", "svg", "dot", "mermaid", "json"])
@pytest.mark.parametrize("name", ["production", "lab"])
def test_the_repositorys_own_inventories_are_drawn(form: str, name: str) -> None:
    folder = Path(__file__).parents[2] / "inventories" / name
    done = CliRunner().invoke(verb, ["graph", "--inventory", str(folder), "--format", form])
    assert done.exit_code == 0, done.output
    for host in load_inventory(folder).hosts:
        assert host in done.output


def test_the_list_names_each_machine_and_its_keys() -> None:
    folder = Path(__file__).parents[1] / "errors" / "base" / "inventory"
    done = CliRunner().invoke(verb, ["list", "--inventory", str(folder)])
    assert (
        done.output
        == """\
NAME          KIND        ADDRESS              OVER     CANARY  KEY
controller-1  controller  192.0.2.2            -        -       ed25519
core-1        router      192.0.2.10           -        -       ed25519
core-2        router      192.0.2.11           bastion  -       ed25519
bastion       jump        [198.51.100.7]:2222  -        -       ed25519
"""
    )


@pytest.mark.parametrize("form", ["text", "json", "github", "sarif"])
@pytest.mark.parametrize("name", ["production", "lab"])
def test_the_repositorys_own_inventories_have_no_error(form: str, name: str) -> None:
    folder = Path(__file__).parents[2] / "inventories" / name
    done = CliRunner().invoke(verb, ["check", "--inventory", str(folder), "--format", form])
    assert done.exit_code == 0, done.output
    assert ("host-key-missing" in done.stdout) == (name == "production")
    if form in ("json", "sarif"):
        json.loads(done.stdout)
