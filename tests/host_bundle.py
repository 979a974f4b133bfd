"""Small bundles for the host program's tests: written by hand, not by the renderer."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from komando.bundle import Bundle

ROOT = 100_000_000
"""Bit/s of both trees' root."""


@dataclass(frozen=True)
class Office:
    """One office: `slot` is that of its pool, so its class is 0x400 + 4 * id + slot."""

    id: int
    guarantee: int = 10_000_000
    floor: int = 1_000_000
    slot: int = 0
    lan: str = "lan0"
    ceiling: int = ROOT

    @property
    def class_id(self) -> str:
        return f"1:{0x400 + 4 * self.id + self.slot:x}"

    @property
    def network(self) -> str:
        return f"10.20.{self.id}.0/24"

    @property
    def network6(self) -> str:
        return f"2001:db8:{0x1000 + self.id:x}::/48"


@dataclass(frozen=True)
class City:
    """What a bundle is made of: two LANs, offices, a day and a night."""

    offices: tuple[Office, ...] = (
        Office(1),
        Office(2, guarantee=20_000_000, floor=2_000_000),
        Office(3, slot=2, lan="lan1"),
    )
    closed: int = 20_000_000
    calendar: tuple[str, ...] = (
        "2026-01-01T00:00:00Z night",
        "2026-11-24T00:30:00Z day",
        "2026-11-24T08:30:00Z night",
        "2026-11-25T00:30:00Z day",
    )
    night: Mapping[int, int] = field(default_factory=dict)
    """Guarantees of single offices at night, by id: an exception's class lines."""
    extra: Mapping[str, str] = field(default_factory=dict)

    def with_office(self, office: Office) -> City:
        others = tuple(item for item in self.offices if item.id != office.id)
        return replace(self, offices=tuple(sorted((*others, office), key=lambda one: one.id)))

    def without(self, office_id: int) -> City:
        return replace(self, offices=tuple(item for item in self.offices if item.id != office_id))

    def pool(self, slot: int, *, day: bool) -> int:
        members = sum(item.guarantee for item in self.offices if item.slot == slot)
        return members if day or slot == 2 else self.closed

    def public(self, *, day: bool) -> int:
        return ROOT - 3_000_000 - self.pool(0, day=day) - self.pool(2, day=day)


def _parameters(rate: int, ceil: int, tail: str) -> str:
    burst = max(ceil // 8000, 3028)
    return f"htb rate {rate}bit ceil {ceil}bit burst {burst}b cburst {burst}b {tail}"


def _leaf_parameters(office: Office, guarantee: int) -> str:
    rate = min(office.floor, guarantee * 9 // 10)
    quantum = max(1514, (guarantee - rate) // 4000)
    return _parameters(rate, office.ceiling, f"prio 1 quantum {quantum}")


def _tree(city: City, device: str) -> str:
    lines = [f"qdisc add dev {device} root handle 1: htb default 3", "# classes"]

    def add(parent: str, class_id: str, parameters: str, *, leaf: bool) -> None:
        lines.append(f"class add dev {device} parent {parent} classid {class_id} {parameters}")
        if leaf:
            minor = class_id.partition(":")[2]
            lines.append(
                f"qdisc add dev {device} parent {class_id} handle {minor}: pfifo limit 100"
            )

    add("1:", "1:1", _parameters(ROOT, ROOT, "quantum 15140"), leaf=False)
    add("1:1", "1:2", _parameters(1_000_000, 1_000_000, "prio 7 quantum 1514"), leaf=True)
    add("1:1", "1:3", _parameters(2_000_000, ROOT, "prio 0 quantum 1514"), leaf=True)
    for slot in (0, 2):
        rate = _parameters(city.pool(slot, day=True) or 8, ROOT, "quantum 15140")
        add("1:1", f"1:{0x10 + slot:x}", rate, leaf=False)
    add("1:1", "1:20", _parameters(city.public(day=True), ROOT, "quantum 15140"), leaf=True)
    for office in city.offices:
        parent = f"1:{0x10 + office.slot:x}"
        add(parent, office.class_id, _leaf_parameters(office, office.guarantee), leaf=True)
    return "\n".join(lines) + "\n"


def _profile(city: City, device: str, *, day: bool) -> str:
    def change(parent: str, class_id: str, parameters: str) -> str:
        return f"class change dev {device} parent {parent} classid {class_id} {parameters}\n"

    text = "# pools\n"
    for slot in (0,):
        rate = _parameters(city.pool(slot, day=day) or 8, ROOT, "quantum 15140")
        text += change("1:1", f"1:{0x10 + slot:x}", rate)
    text += change("1:1", "1:20", _parameters(city.public(day=day), ROOT, "quantum 15140"))
    for office in city.offices:
        if not day and office.id in city.night:
            parent = f"1:{0x10 + office.slot:x}"
            parameters = _leaf_parameters(office, city.night[office.id])
            text += change(parent, office.class_id, parameters)
    return text


_CHAIN = """\
  chain post {
    type filter hook postrouting priority mangle; policy accept;
    iifname "wan0" oifname { "lan0", "lan1" } meta mark set 0x1
    meta mark 0x1 counter meta priority set 1:2
    meta mark 0x1 meta priority set ip daddr map @c4
    meta mark 0x1 meta priority set ip6 daddr map @c6
    oifname "wan0" fib saddr type local meta priority set 1:3 return
    oifname "wan0" counter meta priority set 1:2
    oifname "wan0" meta priority set ip saddr map @c4
    oifname "wan0" meta priority set ip6 saddr map @c6
  }
"""


def _table(city: City) -> str:
    text = "table inet shaper {\n"
    for name, kind, networks in (
        ("c4", "ipv4_addr", {item.network: item.class_id for item in city.offices}),
        ("c6", "ipv6_addr", {item.network6: item.class_id for item in city.offices}),
    ):
        inner = ", ".join(f"{network} : {one}" for network, one in networks.items())
        text += f"  map {name} {{\n    type {kind} : classid; flags interval;\n"
        text += f"    elements = {{ {inner} }}\n  }}\n"
    return text + _CHAIN + "}\n"


def _shaper(city: City) -> str:
    return "# the maps that classify\ntable inet shaper {\n}\ndelete table inet shaper\n" + _table(
        city
    )


def _reload(city: City) -> str:
    flush = ("chain inet shaper post", "map inet shaper c4", "map inet shaper c6")
    return "".join(f"flush {what}\n" for what in flush) + _table(city)


_NAT = """\
table ip komando_nat
delete table ip komando_nat
table ip komando_nat {
  chain post {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "wan0" ip saddr 10.20.0.0/16 snat to 203.0.113.10
  }
}
"""

_MARKED = "5,32 0 0 4294963220,84 0 0 1,21 0 1 1,6 0 0 4294967295,6 0 0 0"
_STEER = "".join(
    f"qdisc add dev {lan} clsact\n"
    f"filter add dev {lan} egress protocol all prio 1 bpf bytecode '{_MARKED}' "
    "action mirred egress redirect dev ifb0\n"
    for lan in ("lan0", "lan1")
)


def _network(city: City) -> str:
    gateways = {
        "lan0": ("172.20.0.2", "2001:db8:f000::2"),
        "lan1": ("172.21.0.2", "2001:db8:f001::2"),
    }
    text = """\
# the uplink
link set wan0 up
address replace 198.51.100.2/30 dev wan0
-6 address replace 2001:db8:ffff::2/64 dev wan0 nodad
link set lan0 up
address replace 172.20.0.1/24 dev lan0
-6 address replace 2001:db8:f000::1/64 dev lan0 nodad
link set lan1 up
address replace 172.21.0.1/24 dev lan1
-6 address replace 2001:db8:f001::1/64 dev lan1 nodad
route replace default via 198.51.100.1 dev wan0 proto 75
-6 route replace default via 2001:db8:ffff::1 dev wan0 proto 75
route replace blackhole 203.0.113.10/32 proto 75
"""
    for office in city.offices:
        v4, v6 = gateways[office.lan]
        text += f"route replace {office.network} via {v4} dev {office.lan} proto 75\n"
        text += f"-6 route replace {office.network6} via {v6} dev {office.lan} proto 75\n"
    return text


def files_of(city: City) -> dict[str, bytes]:
    router = {"uplink": "wan0", "lans": ["lan0", "lan1"], "ifb": "ifb0"}
    manifest = {"format": 1, "host": "core-1", "kind": "router"}
    texts = {
        "etc/komando/manifest.json": json.dumps(manifest),
        "etc/komando/router.json": json.dumps(router),
        "etc/komando/intent.json": "{}",
        "etc/komando/network": _network(city),
        "etc/komando/calendar": "# UTC\nuntil 2027-12-31T17:00:00Z\n"
        + "\n".join(city.calendar)
        + "\n",
        "etc/komando/tc/steer.tc": _STEER,
        "etc/komando/tc/download.tc": _tree(city, "ifb0"),
        "etc/komando/tc/upload.tc": _tree(city, "wan0"),
        "etc/komando/nft/shaper.nft": _shaper(city),
        "etc/komando/nft/reload.nft": _reload(city),
        "etc/komando/nft/nat.nft": _NAT,
        "etc/sysctl.d/90-komando.conf": "net.ipv4.ip_forward = 1\n"
        "net.ipv6.conf.all.forwarding = 1\n",
    }
    for name, day in (("day", True), ("night", False)):
        for direction, device in (("down", "ifb0"), ("up", "wan0")):
            path = f"etc/komando/tc/profiles/{name}.{direction}.tc"
            texts[path] = _profile(city, device, day=day)
    texts |= city.extra
    return {path: text.encode() for path, text in texts.items()}


def bundle_of(city: City) -> Bundle:
    return Bundle("core-1", files_of(city))


def cargo_of(bundle: Bundle) -> bytes:
    """As the controller sends it."""
    return base64.encodebytes(bundle.archive())
