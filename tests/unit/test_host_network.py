"""Addresses, links and routes: read strictly, compared with what stands."""

from __future__ import annotations

import pytest

from komando.host.errors import HostError
from komando.host.network import (
    Address,
    Link,
    Live,
    Route,
    parse_network,
    plan_network,
)


def entries(text: str) -> list[object]:
    return [item.entry for item in parse_network(text)]


def test_the_lines_of_the_network() -> None:
    assert entries(
        "# comment\n"
        "link set lan0 up\n"
        "address replace 172.20.0.1/22 dev lan0\n"
        "-6 address replace 2001:db8:0::1/64 dev lan0 nodad\n"
        "route replace default via 198.51.100.1 dev wan0 proto 75\n"
        "route replace 2001:db8:1::/48 via 2001:db8::2 dev lan0 proto 75\n"
        "route replace blackhole 203.0.113.10 proto 75\n"
    ) == [
        Link("lan0"),
        Address("lan0", "172.20.0.1/22"),
        Address("lan0", "2001:db8::1/64"),
        Route(4, "0.0.0.0/0", 0, "unicast", "198.51.100.1", "wan0"),
        Route(6, "2001:db8:1::/48", 1024, "unicast", "2001:db8::2", "lan0"),
        Route(4, "203.0.113.10/32", 0, "blackhole", "", ""),
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("link set lan0 down", "network:1: not understood"),
        ("link delete lan0", "network:1: not understood"),
        ("netns exec x sh", "network:1: not understood"),
        ("-batch /etc/shadow", "network:1: not understood"),
        ("route replace 10.0.0.0/8 via 10.1.1.1 dev lan0", "network:1: not understood"),
        ("route replace 10.0.0.0/8 via 10.1.1.1 dev lan0 proto 4", "network:1: not understood"),
        ("route replace 10.0.0.1/8 via 10.1.1.1 dev lan0 proto 75", "network:1: 10.0.0.1/8 has"),
        (
            "-6 route replace 10.0.0.0/8 via ::1 dev lan0 proto 75",
            "network:1: 10.0.0.0/8 is not of",
        ),
        ("address replace 10.0.0.300/8 dev lan0", "network:1: '10.0.0.300/8'"),
        ("address replace 10.0.0.3/8 dev ../x", "network:1: not understood"),
    ],
)
def test_a_line_that_is_not_understood_is_an_error(line: str, words: str) -> None:
    with pytest.raises(HostError) as error:
        parse_network(line + "\n")
    assert words in str(error.value)


def test_two_routes_to_one_place_are_an_error() -> None:
    with pytest.raises(HostError, match="two routes to one destination"):
        parse_network(
            "route replace 10.0.0.0/8 via 10.1.1.1 dev lan0 proto 75\n"
            "route replace 10.0.0.0/8 via 10.1.1.2 dev lan0 proto 75\n"
        )


def test_only_what_is_missing_is_made_and_only_ours_is_removed() -> None:
    wanted = parse_network(
        "link set lan0 up\n"
        "address replace 172.20.0.1/22 dev lan0\n"
        "route replace 10.20.1.0/24 via 172.20.1.1 dev lan0 proto 75\n"
        "route replace 10.20.2.0/24 via 172.20.1.9 dev lan0 proto 75\n"
    )
    stays = Route(4, "10.20.1.0/24", 0, "unicast", "172.20.1.1", "lan0")
    moves = Route(4, "10.20.2.0/24", 0, "unicast", "172.20.1.2", "lan0")
    leaves = Route(6, "2001:db8:5::/48", 1024, "unicast", "2001:db8::5", "lan0")
    old = Address("lan0", "172.20.9.1/24")
    foreign = Address("mgmt0", "10.255.0.2/24")
    live = Live(
        up=frozenset({"lan0"}),
        addresses=frozenset({Address("lan0", "172.20.0.1/22"), old, foreign}),
        routes=frozenset({stays, moves, leaves}),
    )
    steps = plan_network(wanted, live, ours={old, Address("lan0", "172.20.8.1/24")})
    assert [item.line for item in steps.make] == [
        "route replace 10.20.2.0/24 via 172.20.1.9 dev lan0 proto 75"
    ]
    assert [item.line for item in steps.remove] == [
        "route del 2001:db8:5::/48 proto 75 metric 1024",
        "address del 172.20.9.1/24 dev lan0",
    ]
