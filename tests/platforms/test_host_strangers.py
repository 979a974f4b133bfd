"""What others put into the traffic's way on a router is told, and the kernel's own is not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.host_network import Router
from tests.platforms.drifting import findings, only, repaired_after, router_with_links

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    with router_with_links(tmp_path_factory.mktemp("strangers") / "root", "hstrange") as one:
        yield one


@pytest.fixture
def router(standing: Router) -> Iterator[Router]:
    with repaired_after(standing) as one:
        yield one


@pytest.mark.parametrize(
    ("chain", "drifts"),
    [
        ("type filter hook forward priority 0; policy drop;", True),
        ("type filter hook forward priority 0; ip daddr 10.20.1.0/24 drop;", True),
        ("type filter hook postrouting priority 300; meta mark set 0x1;", True),
        ("type filter hook forward priority 0; ip daddr set 10.20.9.9;", True),
        ("type filter hook forward priority 0; ip dscp set cs1;", True),
        ("type filter hook forward priority 0; ip ttl set 1;", True),
        ("type filter hook forward priority 0; th dport set 81;", True),
        ("type filter hook prerouting priority -300; ct zone set 5;", True),
        ("type filter hook forward priority 0; counter;", False),
        ("type filter hook input priority 0; policy drop; tcp dport 22 accept;", False),
    ],
)
def test_a_table_of_somebody_else_is_drift_where_it_can_stop_traffic(
    router: Router, chain: str, drifts: bool
) -> None:
    lines = chain.replace("; ", ";\n")
    router.sh(f"nft -f - <<'END'\ntable inet mine {{\nchain c {{\n{lines}\n}}\n}}\nEND\n")
    try:
        one = only(router, drifts=drifts)
        assert (one["kind"], one["where"], one["mend"]) == ("table", "inet mine", "console")
    finally:
        router.sh("nft delete table inet mine")


TO_LAN1 = "protocol all bpf bytecode '1,6 0 0 4294967295' action mirred egress redirect dev lan1"
STRANGERS = {
    "tc qdisc add dev lan0 root handle 9: tbf rate 1mbit burst 10k latency 50ms": (
        *("tc qdisc del dev lan0 root", "qdisc tbf 9: at its root"),
    ),
    f"tc filter add dev lan0 egress prio 9 {TO_LAN1}": (
        *("tc filter del dev lan0 egress prio 9", "filter bpf egress prio 9"),
    ),
    f"tc filter add dev lan0 egress prio 1 chain 5 {TO_LAN1}": (
        *("tc filter del dev lan0 egress chain 5", "filter bpf egress prio 1 chain 5"),
    ),
    f"tc filter add dev ifb0 parent 1: prio 9 {TO_LAN1}": (
        *("tc filter del dev ifb0 parent 1: prio 9", "filter bpf root prio 9"),
    ),
    f"tc qdisc add dev wan0 ingress; tc filter add dev wan0 parent ffff: prio 9 {TO_LAN1}": (
        *("tc qdisc del dev wan0 ingress", "filter bpf ingress prio 9"),
    ),
    "ip rule add from 10.20.1.0/24 lookup 7 pref 100": (
        *("ip rule del pref 100", "priority 100 src 10.20.1.0 srclen 24 table 7"),
    ),
    "ip rule add pref 32766 from 10.20.1.0/24 blackhole": (
        "ip rule del pref 32766 from 10.20.1.0/24",
        "priority 32766 src 10.20.1.0 srclen 24 action blackhole",
    ),
    "ip -6 rule add pref 0 from 2001:db8:1001::/48 lookup 7": (
        "ip -6 rule del pref 0 from 2001:db8:1001::/48",
        "priority 0 src 2001:db8:1001:: srclen 48 table 7",
    ),
    "ip rule del pref 32767": ("ip rule add pref 32767 lookup default", "it is missing"),
}


@pytest.mark.parametrize("command", STRANGERS)
def test_what_others_put_into_the_way_is_told(router: Router, command: str) -> None:
    back, words = STRANGERS[command]
    router.sh(command)
    try:
        one = only(router)
        assert (one["found"], one["mend"]) == (words, "console")
    finally:
        router.sh(back)
    assert findings(router) == []


def test_the_rule_that_a_vrf_brings_is_not_told(router: Router) -> None:
    both = "ip {0} l3mdev pref 1000; ip -6 {0} l3mdev pref 1000"
    router.sh(both.format("rule add"))
    try:
        assert findings(router) == []
    finally:
        router.sh(both.format("rule del"))


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("ip route {} 192.0.2.0/25 via 198.51.100.1", "192.0.2.0/25 via 198.51.100.1 dev wan0"),
        ("ip route {} blackhole 10.20.1.0/25", "blackhole 10.20.1.0/25"),
        ("ip route {} unreachable 10.20.1.0/25", "unreachable 10.20.1.0/25"),
        ("ip -6 route {} blackhole 2001:db8:9::/48", "blackhole 2001:db8:9::/48 dev lo"),
        (
            "ip route {} 192.0.2.0/25 nexthop via 172.20.0.2 nexthop via 172.21.0.2",
            "192.0.2.0/25 nexthop via 172.20.0.2 dev lan0 nexthop via 172.21.0.2 dev lan1",
        ),
        ("ip route {} blackhole 10.20.1.0/25 table local", "blackhole 10.20.1.0/25 table local"),
    ],
)
def test_a_route_of_somebody_else_is_told_and_is_no_drift(
    router: Router, command: str, words: str
) -> None:
    router.sh(command.format("add"))
    try:
        one = only(router, drifts=False)
        assert (one["kind"], one["found"], one["mend"]) == ("route", words, "console")
    finally:
        router.sh(command.format("del"))


@pytest.mark.parametrize("address", ["172.31.0.1/24", "2001:db8:f099::1/64"])
def test_an_address_of_somebody_else_on_a_lan_is_told_and_is_no_drift(
    router: Router, address: str
) -> None:
    router.sh(f"ip address add {address} dev lan1; ip address add 169.254.9.9/16 dev lan0")
    try:
        one = only(router, drifts=False)
        assert (one["kind"], one["where"], one["found"]) == ("address", "lan1", address)
    finally:
        router.sh(f"ip address del {address} dev lan1; ip address del 169.254.9.9/16 dev lan0")


def test_addresses_and_routes_of_another_interface_are_not_told(router: Router) -> None:
    router.sh(
        "ip link add mgmt0 type veth peer name mgmt1; "
        "ip link set mgmt0 up; ip address add 10.255.0.2/24 dev mgmt0; "
        "ip route add 10.254.0.0/16 via 10.255.0.1"
    )
    try:
        assert findings(router) == []
    finally:
        router.sh("ip link del mgmt0")
