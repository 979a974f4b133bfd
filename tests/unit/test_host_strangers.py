"""What others put into the traffic's way, as tables, rules and routes are shown."""

from __future__ import annotations

from typing import Any

import pytest

from komando.host.strangers import routes_of, rules_of, tables_of


def test_ours_and_tables_without_a_hook_are_not_told() -> None:
    ruleset = (
        "table inet shaper {\n\tchain post {\n\t\ttype filter hook postrouting priority mangle; "
        "policy accept;\n\t\tdrop\n\t}\n}\ntable inet sets {\n"
        "\tset a {\n\t\ttype ipv4_addr\n\t}\n}\n"
    )
    assert list(tables_of(ruleset)) == []


def decides(*lines: str) -> bool:
    body = "".join(f"\t\t{line}\n" for line in lines)
    (one,) = tables_of(
        "table inet far {\n\tset a {\n\t\ttype ipv4_addr\n\t\tflags dynamic,timeout\n\t}\n"
        "\tchain f {\n\t\ttype filter hook forward priority filter; policy accept;\n"
        f"{body}\t}}\n}}\n"
    )
    return one.drift


@pytest.mark.parametrize(
    "statement",
    [
        "ip daddr set 10.9.0.9",
        "ip daddr set ip daddr map { 10.0.0.1 : 10.0.0.2 }",
        "ip dscp set cs1",
        "ip ttl set 1",
        "ip6 hoplimit set 1",
        "th dport set 81",
        "@th,16,16 set 0x9",
        "ether daddr set 00:11:22:33:44:55",
        "meta priority set 1:2",
        "meta mark set ct mark",
        "ct mark set 0x1",
        "ct zone set 5",
        'ct helper set "ftp"',
        "tcp option maxseg size set rt mtu",
        "reset tcp option sack-perm",
        "synproxy mss 1460 wscale 7",
        "ip daddr vmap { 10.0.0.1 : drop }",
        'xt target "TCPMSS"',
    ],
)
def test_a_statement_that_changes_a_packet_is_drift(statement: str) -> None:
    assert decides("counter", f"ip saddr 10.1.0.0/24 {statement}")


def test_a_table_that_counts_logs_and_remembers_decides_nothing() -> None:
    assert not decides(
        "ip saddr @a accept",
        "add @a { ip saddr timeout 1m }",
        "update @a { ip saddr counter }",
        'log prefix "drop, or set it: "',
        'counter comment "will set drop"',
        "meta nftrace set 1",
        "ct event set new",
        "tcp option maxseg size 1400 counter",
    )


def test_an_ingress_chain_of_a_device_that_drops_is_drift() -> None:
    ruleset = (
        'table netdev far {\n\tchain in {\n\t\ttype filter hook ingress device "wan0" priority 0; '
        "policy accept;\n\t\tip saddr 192.0.2.1 drop\n\t}\n}\n"
    )
    (one,) = tables_of(ruleset)
    assert (one.where, one.drift) == ("netdev far", True)
    assert "+\t\tip saddr 192.0.2.1 drop" in one.diff


OWN_RULES = [
    {"priority": 0, "src": "all", "table": "local"},
    {"priority": 32766, "src": "all", "table": "main"},
    {"priority": 32767, "src": "all", "table": "default"},
]


def test_the_kernels_own_rules_are_not_told() -> None:
    assert rules_of("ip -4 rule", OWN_RULES) == []
    assert rules_of("ip -6 rule", OWN_RULES[:2], OWN_RULES[:2]) == []
    vrf = {"priority": 1000, "src": "all", "l3mdev": None}
    assert rules_of("ip -4 rule", [*OWN_RULES, vrf]) == []
    by_hand = [OWN_RULES[0] | {"protocol": "boot"}, *OWN_RULES[1:]]
    assert rules_of("ip -4 rule", by_hand) == [], "laid again after it was deleted"


@pytest.mark.parametrize(
    "rule",
    [
        {"priority": 32766, "src": "10.1.0.0", "srclen": 24, "action": "blackhole"},
        {"priority": 0, "src": "10.2.0.0", "srclen": 24, "table": "100"},
        {"priority": 0, "src": "all", "table": "100"},
        {"priority": 32766, "src": "all", "table": "main", "suppress_prefixlen": 0},
        {"priority": 32766, "not": None, "src": "all", "iif": "lan0", "table": "main"},
        {"priority": 1000, "src": "all", "table": "main"},
        {"priority": 100, "src": "all", "table": "main", "protocol": "bird"},
    ],
)
def test_a_rule_at_a_preference_of_the_kernels_is_its_own_only_as_a_whole(
    rule: dict[str, object],
) -> None:
    (one,) = rules_of("ip -4 rule", [*OWN_RULES, rule])
    assert one.found == " ".join(f"{key} {value}" for key, value in rule.items())
    assert (one.where, one.drift, one.mend) == ("ip -4 rule", True, "console")
    assert one.diff == f"+{one.found}"


def test_a_rule_of_the_kernels_that_is_missing_is_told() -> None:
    (one,) = rules_of("ip -4 rule", OWN_RULES[:2])
    assert (one.found, one.drift, one.mend) == ("it is missing", True, "console")
    assert one.diff == "-priority 32767 src all table default"
    found = rules_of("ip -4 rule", [*OWN_RULES[1:], OWN_RULES[0] | {"table": "main"}])
    assert [one.diff for one in found] == [
        "-priority 0 src all table local",
        "+priority 0 src all table main",
    ]


ROUTES: list[tuple[dict[str, Any], bool]] = [
    ({"dst": "192.0.2.0/25", "gateway": "198.51.100.1", "dev": "wan0"}, True),
    ({"dst": "192.0.2.0/25", "via": {"family": "inet6", "host": "fe80::5"}, "dev": "wan0"}, True),
    ({"type": "blackhole", "dst": "10.3.0.0/24"}, True),
    ({"type": "unreachable", "dst": "2001:db8:5::/48", "dev": "lo", "protocol": "static"}, True),
    ({"type": "blackhole", "dst": "10.8.0.0/24", "table": "local"}, True),
    ({"type": "local", "dst": "10.8.0.0/24", "dev": "lo", "table": "local"}, True),
    ({"dst": "10.4.0.0/24", "nexthops": [{"dev": "mgmt0"}, {"dev": "lan0"}]}, True),
    ({"dst": "default", "dev": "wan0", "table": "default"}, True),
    ({"dst": "10.4.0.0/24", "nexthops": [{"dev": "mgmt0"}, {"dev": "mgmt1"}]}, False),
    ({"dst": "default", "gateway": "10.255.0.1", "dev": "mgmt0"}, False),
    ({"dst": "192.0.2.0/25", "dev": "lan0", "table": "100"}, False),
    ({"type": "blackhole", "dst": "203.0.113.10", "protocol": "75"}, False),
    ({"dst": "10.20.1.0/24", "dev": "lan0", "protocol": "75"}, False),
    ({"dst": "172.20.0.0/24", "dev": "lan0", "protocol": "kernel"}, False),
    ({"dst": "default", "dev": "wan0", "protocol": "ra"}, False),
    ({"type": "local", "dst": "172.20.0.1", "table": "local", "protocol": "kernel"}, False),
    ({"type": "multicast", "dst": "ff00::/8", "dev": "lan0", "table": "local"}, False),
    ({"dst": "ff00::/8", "dev": "lan0", "table": "local"}, False),
    ({"dst": "fe80::/64", "dev": "lan0"}, False),
    ({"dst": "169.254.0.0/16", "dev": "lan0"}, False),
]


@pytest.mark.parametrize(("route", "told"), ROUTES)
def test_a_route_by_hand_in_the_offices_way_is_told(route: dict[str, Any], told: bool) -> None:
    found = list(routes_of([route], ("wan0", "lan0")))
    assert len(found) == told
    assert not any(one.drift for one in found)


def test_a_route_is_told_in_the_words_of_ip() -> None:
    ways = [{"gateway": "172.20.0.2", "dev": "lan0"}, {"gateway": "172.20.0.3", "dev": "lan0"}]
    shown = [ROUTES[0][0], ROUTES[1][0], ROUTES[4][0], {"dst": "10.4.0.0/24", "nexthops": ways}]
    assert [one.found for one in routes_of(shown, ("wan0", "lan0"))] == [
        "192.0.2.0/25 via 198.51.100.1 dev wan0",
        "192.0.2.0/25 via fe80::5 dev wan0",
        "blackhole 10.8.0.0/24 table local",
        "10.4.0.0/24 nexthop via 172.20.0.2 dev lan0 nexthop via 172.20.0.3 dev lan0",
    ]


def test_the_guard_of_every_machine_is_ours() -> None:
    ruleset = (
        "table inet komando_base {\n\tchain forward {\n\t\ttype filter hook forward priority "
        "filter; policy drop;\n\t}\n}\n"
    )
    assert list(tables_of(ruleset)) == []
