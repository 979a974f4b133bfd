"""The inventory: the same machines as Ansible sees, and errors that point at the line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from configparser import ConfigParser
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from komando.inventory import (
    CONFIRM_WITHIN,
    FILE,
    KINDS,
    WITH_BUNDLES,
    Access,
    Hop,
    Host,
    InventoryError,
    SecretReference,
    load_inventory,
)
from komando.inventory.ways import way_to
from komando.inventory.written import Keeper, Reached, Router, Variables
from komando.openssh import configuration
from komando.rollout.session import opening

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


JUMPS = """\
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
        core-2:
          ansible_host: 10.255.0.3
          interfaces: {uplink: eno1, metro: eno2}
          leaf: fq_codel
          jump: inner
          neighbour: core-1
    jump:
      hosts:
        outer:
          ansible_host: 192.0.2.1
          ansible_port: 2222
          ansible_user: bastion
        inner:
          ansible_host: 10.255.0.9
          jump: outer
"""


EVERYTHING = """\
all:
  vars:
    ansible_user: deploy
    administrator: siti
    management: [10.255.0.0/24, 2001:db8:ff::/64]
    confirm_within: 90
    rate_divisor: 5
    secrets: {snmp: {}}
    deploy_keys:
      - KEY controller-1
    observe_keys: [KEY, KEY prometheus of controller-1]
  children:
    jump:
      hosts:
        outer: {ansible_host: 192.0.2.1, ansible_port: 2222, ansible_user: bastion}
        inner: {ansible_host: 10.255.0.9, jump: outer}
    signing:
      hosts:
        signing-1: {ansible_host: 10.255.0.5, jump: inner, secrets: {pin: {owner: signing}}}
    hotspot:
      hosts:
        gateway-1: {ansible_host: "2001:db8:ff::4", ansible_port: 22022}
    router:
      hosts:
        core-1:
          ansible_host: 10.255.0.2
          interfaces: {uplink: eno1, metro: eno2}
          leaf: cake
          canary: true
        core-2:
          ansible_host: 10.255.0.6
          ansible_user: carrier
          interfaces: {uplink: eno1, metro: eno2.7}
          leaf: fq_codel
          jump: inner
          neighbour: core-1
          confirm_within: 30
          secrets: {}
    controller:
      hosts:
        controller-1: {ansible_host: 10.255.0.3}
""".replace(
    "KEY", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNarH4TRpNePnAS"
)
"""Every kind of machine, and every key of the model that Ansible may read."""


@pytest.mark.parametrize("folder", INVENTORIES, ids=lambda folder: folder.name)
def test_ansible_reads_the_same_machines(folder: Path, tmp_path: Path) -> None:
    _alike(folder, tmp_path)


@pytest.mark.parametrize("text", [JUMPS, EVERYTHING], ids=["jumps", "everything"])
def test_ansible_reads_the_same_machines_of_every_kind(text: str, tmp_path: Path) -> None:
    _alike(_written(tmp_path, text), tmp_path)


def test_that_inventory_has_every_kind_and_every_key_of_the_model(tmp_path: Path) -> None:
    """Or the test above would say nothing of those that it lacks."""
    inventory = load_inventory(_written(tmp_path, EVERYTHING))
    assert {host.kind for host in inventory.hosts.values()} == set(KINDS)
    for model in (Variables, Router, Keeper, Reached):
        assert {key for key in model.model_fields if f"{key}:" not in EVERYTHING} == set()


def _alike(folder: Path, home: Path) -> None:
    """Ansible and the model know the same machines, groups and variables."""
    listed = _listed(folder, home)
    inventory = load_inventory(folder)
    assert inventory.hosts == _as_ansible_lists(listed)
    assert {kind for kind in KINDS if inventory.of_kind(kind)} | {"ungrouped"} == set(
        listed["all"]["children"]
    )
    assert set(listed["_meta"]["hostvars"]) == set(inventory.hosts)
    for one in listed["_meta"]["hostvars"].values():
        assert one.get("rate_divisor", 1) == inventory.divisor
        assert one.get("administrator", "root") == inventory.administrator
        assert tuple(one.get("deploy_keys", ())) == (inventory.deploy_keys or ())
        assert tuple(one.get("observe_keys", ())) == inventory.observe_keys


def _listed(folder: Path, home: Path) -> dict[str, Any]:
    """What Ansible makes of an inventory."""
    program = Path(sys.executable).with_name("ansible-inventory")
    done = subprocess.run(
        [program, "-i", folder / "hosts.yaml", "--list"],
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "ANSIBLE_HOME": str(home)},
        capture_output=True,
        check=True,
    )
    listed: dict[str, Any] = json.loads(done.stdout)
    return listed


def _as_ansible_lists(listed: dict[str, Any]) -> dict[str, Host]:
    variables = listed["_meta"]["hostvars"]
    jumps = {name: one.get("jump") for name, one in variables.items()}

    def hop(name: str) -> Hop:
        one = variables[name]
        port = one.get("ansible_port", 22)
        return Hop(name, one["ansible_host"], port, one["ansible_user"])

    return {
        name: Host(
            name=name,
            kind=kind,
            address=variables[name]["ansible_host"],
            interfaces=variables[name].get("interfaces", {}),
            leaf=variables[name].get("leaf", "pfifo"),
            port=variables[name].get("ansible_port", 22),
            user=variables[name]["ansible_user"],
            management=tuple(map(ip_network, variables[name]["management"])),
            confirm_within=variables[name].get("confirm_within", CONFIRM_WITHIN),
            canary=variables[name].get("canary", False),
            neighbour=variables[name].get("neighbour"),
            hops=tuple(map(hop, way_to(name, jumps))),
            secrets=tuple(
                SecretReference(one, stated.get("owner", "root"))
                for one, stated in sorted(variables[name].get("secrets", {}).items())
                if kind in WITH_BUNDLES  # to Ansible they are variables of all machines
            ),
        )
        for kind in KINDS
        if kind in listed
        for name in listed[kind]["hosts"]
    }


def test_ansible_takes_the_machines_from_the_file_alone() -> None:
    """Of a folder it reads each file: the lines of known_hosts and secrets/ would be machines."""
    settings = ConfigParser()
    settings.read(REPOSITORY / "ansible.cfg")
    assert REPOSITORY / settings["defaults"]["inventory"] in {one / FILE for one in INVENTORIES}


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
        ("    router:", "    rooter:", "6:5", "group-unknown"),
        ("ansible_user: deploy", "rate_divisor: 0", "3:19", "value-range"),
        ("core-1", "Core_1", "8:9", "slug"),
        ("all:", "all: &all", "1:6", "yaml-anchor"),
        ("ansible_user: deploy", "administrator: Root!", "3:20", "value-form"),
        ("ansible_user: deploy", "deploy_keys: [here]", "3:19", "public-key"),
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


def test_the_way_to_a_host_leads_over_its_jump_hosts(tmp_path: Path) -> None:
    inventory = load_inventory(_written(tmp_path, JUMPS))
    outer = Hop("outer", "192.0.2.1", 2222, "bastion")
    inner = Hop("inner", "10.255.0.9", 22, "deploy")
    assert inventory.hosts["core-1"].hops == ()
    assert inventory.hosts["core-2"].hops == (outer, inner)
    assert inventory.hosts["core-2"].jump == "inner"
    assert inventory.hosts["inner"].hops == (outer,)
    assert sorted(inventory.routers) == ["core-1", "core-2"]


@pytest.mark.parametrize(
    ("old", "new", "place", "check", "words"),
    [
        ("jump: inner", "jump: iner", "16:17", "host-unknown", "did you mean `inner`?"),
        ("jump: inner", "jump: core-2", "16:17", "host-itself", "core-2 is its own `jump`"),
        (
            "neighbour: core-1",
            "neighbour: core-3",
            "17:22",
            "host-unknown",
            "`neighbour` of core-2",
        ),
        ("neighbour: core-1", "neighbour: core-2", "17:22", "host-itself", "or remove `neighbour`"),
        ("neighbour: core-1", "neighbour: inner", "17:22", "neighbour-jump", "one of core-1\n"),
        (
            "ansible_user: bastion",
            "jump: inner",
            "23:17",
            "jump-loop",
            "outer over inner over outer",
        ),
        (
            "ansible_user: bastion",
            "jump: inner",
            "26:17",
            "jump-loop",
            "inner over outer over inner",
        ),
        ("10.255.0.3", "10.254.0.3", "13:25", "address-unmanaged", "an address in 10.255.0.0/24"),
        ("jump: outer", "leaf: pfifo", "26:11", "key-unknown", "leaf"),
    ],
)
def test_a_way_that_leads_nowhere_is_told_at_its_place(
    tmp_path: Path, old: str, new: str, place: str, check: str, words: str
) -> None:
    assert JUMPS.count(old) == 1
    with pytest.raises(InventoryError) as caught:
        load_inventory(_written(tmp_path, JUMPS.replace(old, new)))
    told = {
        (f"{one.location.line}:{one.location.column}", one.id) for one in caught.value.diagnostics
    }
    assert (place, check) in told
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("user", "users"),
    [
        (None, {"outer": "bastion", "inner": "deploy", "core-2": "carrier"}),
        ("root", {"outer": "root", "inner": "root", "core-2": "root"}),
    ],
)
def test_the_same_users_log_in_whichever_verb_asks(
    tmp_path: Path, user: str | None, users: dict[str, str]
) -> None:
    own = JUMPS.replace("jump: inner", "ansible_user: carrier\n          jump: inner")
    host = load_inventory(_written(tmp_path, own)).hosts["core-2"]
    known = tmp_path / "known_hosts"
    known.touch()
    access = Access(prefix=(), identity=None, known_hosts=known, user=user)
    (peer,) = opening([host], access).peers
    assert {one.name: one.user for one in (peer, *peer.hops)} == users
    words = re.findall(r"Host (\S+) .*\n.*\n.*\n  User (\S+)", configuration([host], access))
    assert dict(words) == users


def test_a_machine_that_only_leads_to_others_may_stand_elsewhere(tmp_path: Path) -> None:
    """Its outer side is in the controller's network; routers see its inner side."""
    assert load_inventory(_written(tmp_path, JUMPS)).hosts["outer"].address == "192.0.2.1"
