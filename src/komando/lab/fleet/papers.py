"""What a fleet is told to be: an inventory and policies of its own, as short as they can be. Pure.

Every router has one uplink, one segment and two offices that are always open, so that a bundle is
small and no hour changes it under a test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MOST = 12
"""Routers of a fleet: two cores boot so many in a few seconds."""

CONTROLLER = "10.255.0.1"
SPARE = "spare-machine"
"""The machine that is prepared for all; no file that the roles write has this word by chance."""


@dataclass(frozen=True)
class Order:
    """How many routers (1 to 12), and after how many seconds their changes revert (2 to 3600)."""

    routers: int
    window: int = 3


def names_of(order: Order) -> list[str]:
    """The routers' names, in the order of their addresses."""
    return [f"router-{number}" for number in range(1, order.routers + 1)]


def write_papers(order: Order, year: int, inventory: Path, policies: Path) -> None:
    """Write both folders. The calendars cover that year and the next."""
    names = names_of(order)
    machines = [_machine(number, names) for number in range(1, order.routers + 1)]
    write_inventory(inventory, inventory_text(machines, order.window))
    (policies / "opd").mkdir(parents=True)
    (policies / "region.yaml").write_text(_region(names, year))
    for number, name in enumerate(names, 1):
        for office in (1, 2):
            path = policies / "opd" / f"office-{number}-{office}.yaml"
            path.write_text(_office(number, office, name, year))


def inventory_text(machines: Sequence[str], window: int) -> str:
    """`hosts.yaml` with these machines, one block of YAML each."""
    return f"""\
# Written by `komando lab fleet`: its machines live in network namespaces of this lab alone.
all:
  vars:
    ansible_user: deploy
    management: [10.255.0.0/24]
    confirm_within: {window}
  children:
    router:
      hosts:
{"".join(machines)}"""


def write_inventory(folder: Path, text: str) -> None:
    """Write `hosts.yaml` into a new folder."""
    folder.mkdir(parents=True)
    (folder / "hosts.yaml").write_text(text)


def spare_inventory() -> str:
    """The inventory of the machine that is prepared for all."""
    return inventory_text([_block(SPARE, "10.255.0.254", "lan-0")], Order(1).window)


def _block(name: str, address: str, segment: str, *more: str) -> str:
    lines = (
        f"ansible_host: {address}",
        f"interfaces: {{uplink: wan0, {segment}: lan0}}",
        "leaf: pfifo       # fq_codel and cake are not in every kernel that a lab runs on",
        *more,
    )
    return f"        {name}:\n" + "".join(f"          {line}\n" for line in lines)


def _machine(number: int, names: Sequence[str]) -> str:
    more = ["canary: true"] if number == 1 else []
    if len(names) > 1:
        more.append(f"neighbour: {names[number % len(names)]}")
    return _block(names[number - 1], f"10.255.0.{number + 1}", f"lan-{number}", *more)


def _region(names: Sequence[str], year: int) -> str:
    numbered = list(enumerate(names, 1))
    return f"""\
# Written by `komando lab fleet`.
name: Armada
zone: Asia/Pontianak
covers: {{from: {year}-01-01, until: {year + 1}-12-31}}
uplinks:
{"".join(_uplink(*one) for one in numbered)}\
segments:
{"".join(_segment(*one) for one in numbered)}\
holidays: {{country: ID, categories: [public], add: [], remove: []}}
calendars:
  around-the-clock: {{description: Always open, always: true}}
periods: []
pools:
  around-the-clock: {{slot: 0}}
public: {{in_hours: 10 Mbit/s, out_of_hours: 10 Mbit/s}}
"""


def _uplink(number: int, router: str) -> str:
    net = 4 * number
    return f"""\
  line-{number}:
    router: {router}
    addresses: [198.51.100.{net + 2}/30, "2001:db8:ff{number:02x}::2/64"]
    gateways: [198.51.100.{net + 1}, "2001:db8:ff{number:02x}::1"]
    nat: {{offices: 203.0.113.{2 * number}, public: 203.0.113.{2 * number + 1}}}
    capacity: 100 Mbit/s
    usable: 90 %
    price: 1000000 IDR/month
    control: 1 Mbit/s
    unmatched: 1 Mbit/s
"""


def _segment(number: int, router: str) -> str:
    return f"""\
  lan-{number}:
    router: {router}
    description: Offices of {router}
    addresses: [172.20.{4 * number}.1/22, "2001:db8:f0{number:02x}::1/64"]
"""


def _office(number: int, office: int, router: str, year: int) -> str:
    ours = 10 * number + office
    return f"""\
id: {ours}
name: Office {office} of {router}
networks: [10.20.{ours}.0/24, "2001:db8:10{ours:02x}::/48"]
link:
  segment: lan-{number}
  capacity: 100 Mbit/s
  gateways: [172.20.{4 * number}.{office + 1}, "2001:db8:f0{number:02x}::1:{office}"]
calendar: around-the-clock
guarantee: 10 Mbit/s
floor: 2 Mbit/s
ceiling: 50 Mbit/s
justification: Twelve people who keep the records of a rehearsal, and nobody else's.
request: {{letter: 000/{ours}/ARMADA/{year}, date: {year}-01-12}}
"""
