"""The inventory: the same machines as Ansible sees, and errors that point at the line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path

import pytest

from komando.inventory import (
    CONFIRM_WITHIN,
    Host,
    InventoryError,
    SecretReference,
    load_inventory,
)

REPOSITORY = Path(__file__).parents[2]
INVENTORIES = sorted(path.parent for path in REPOSITORY.glob("inventories/*/hosts.yaml"))

GOOD = """\
all:
  vars:
    ansible_user: deploy
    management: [10.255.0.0/24]
  children:
    router:
      hosts:
        core-1:
          ansible_host: 10.255.0.2
          interfaces: {uplink: eno1, metro: eno2}
          leaf: fq_codel
"""


def _written(folder: Path, text: str) -> Path:
    (folder / "hosts.yaml").write_text(text)
    return folder


@pytest.mark.parametrize("folder", INVENTORIES, ids=lambda folder: folder.name)
def test_ansible_reads_the_same_machines(folder: Path, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("ansible-inventory")
    listed = json.loads(
        subprocess.run(
            [program, "-i", folder / "hosts.yaml", "--list"],
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "ANSIBLE_HOME": str(tmp_path)},
            capture_output=True,
            check=True,
        ).stdout
    )
    inventory = load_inventory(folder)
    variables = listed["_meta"]["hostvars"]
    theirs = {
        name: Host(
            name=name,
            kind=kind,
            address=variables[name]["ansible_host"],
            interfaces=variables[name]["interfaces"],
            leaf=variables[name]["leaf"],
            port=variables[name].get("ansible_port", 22),
            user=variables[name]["ansible_user"],
            management=tuple(map(ip_network, variables[name]["management"])),
            confirm_within=variables[name].get("confirm_within", CONFIRM_WITHIN),
            canary=variables[name].get("canary", False),
            neighbour=variables[name].get("neighbour"),
            secrets=tuple(
                SecretReference(one, stated.get("owner", "root"))
                for one, stated in sorted(variables[name].get("secrets", {}).items())
            ),
        )
        for kind in listed["all"]["children"]
        if kind != "ungrouped"
        for name in listed[kind]["hosts"]
    }
    assert inventory.hosts == theirs
    assert {inventory.divisor} == {one.get("rate_divisor", 1) for one in variables.values()}


def test_the_lab_states_its_divisor_and_production_has_none() -> None:
    divisors = {folder.name: load_inventory(folder).divisor for folder in INVENTORIES}
    assert divisors["production"] == 1
    assert divisors["lab"] > 1


def test_a_host_of_its_own_port_and_user(tmp_path: Path) -> None:
    more = "          ansible_port: 2222\n          ansible_user: carrier\n"
    host = load_inventory(_written(tmp_path, GOOD + more)).hosts["core-1"]
    assert (host.port, host.user) == (2222, "carrier")


def test_a_hosts_own_secrets_take_the_place_of_those_of_all(tmp_path: Path) -> None:
    own = "          secrets: {vpn-key: {owner: bird}}\n"
    of_all = GOOD.replace("  children", "    secrets:\n      snmp: {}\n  children", 1)
    [one] = load_inventory(_written(tmp_path, of_all)).hosts["core-1"].secrets
    assert (one.name, one.owner, str(one.where)) == ("snmp", "root", f"{tmp_path}/hosts.yaml:6:7")
    [one] = load_inventory(_written(tmp_path, of_all + own)).hosts["core-1"].secrets
    assert (one.name, one.owner) == ("vpn-key", "bird")


@pytest.mark.parametrize(
    ("old", "new", "place", "check"),
    [
        ("ansible_host: 10.255.0.2", "ansible_host: core-1", "9:25", "address"),
        ("leaf: fq_codel", "leaf: fifo", "11:17", "value-choice"),
        ("leaf: fq_codel", "leef: fq_codel", "11:11", "key-unknown"),
        ("metro: eno2", "metro: 'eno2; reboot'", "10:45", "value-form"),
        ("    router:", "    rooter:", "6:5", "key-unknown"),
        ("ansible_user: deploy", "rate_divisor: 0", "3:19", "value-range"),
        ("core-1", "Core_1", "8:9", "slug"),
        ("all:", "all: &all", "1:6", "yaml-anchor"),
        ("leaf: fq_codel", "secrets: {Vpn_Key: {}}", "11:21", "slug"),
        ("leaf: fq_codel", "secrets: {vpn: {owner: Root!}}", "11:34", "value-form"),
        ("leaf: fq_codel", "secrets: {vpn: {mode: 0644}}", "11:27", "key-unknown"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(
    tmp_path: Path, old: str, new: str, place: str, check: str
) -> None:
    assert GOOD.count(old) == 1
    with pytest.raises(InventoryError) as caught:
        load_inventory(_written(tmp_path, GOOD.replace(old, new)))
    told = {
        (f"{one.location.line}:{one.location.column}", one.id) for one in caught.value.diagnostics
    }
    assert (place, check) in told


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("10.255.0.2", "here").replace("fq_codel", "no")
    with pytest.raises(InventoryError) as caught:
        load_inventory(_written(tmp_path, text))
    assert [one.id for one in caught.value.diagnostics] == ["address", "value-choice"]
    assert f"{tmp_path}/hosts.yaml:9:25" in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match="no such file or directory"):
        load_inventory(tmp_path)
