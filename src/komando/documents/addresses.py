"""Addresses, networks and interfaces' addresses as people write them."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from typing import Annotated, Any

from komando.units import Spelling, Unfit
from komando.units.misspelt import fits

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address
Interface = IPv4Interface | IPv6Interface

SPECIAL = {
    "0.0.0.0/8": "this network (RFC 791)",
    "127.0.0.0/8": "loopback (RFC 1122)",
    "169.254.0.0/16": "link-local (RFC 3927)",
    "224.0.0.0/3": "multicast and reserved (RFC 5771, RFC 1112)",
    "::/8": "loopback and reserved (RFC 4291)",
    "2001::/32": "Teredo (RFC 4380)",
    "2002::/16": "6to4 (RFC 3056)",
    "fc00::/7": "unique local (RFC 4193), which is not routed to the internet",
    "fe80::/9": "link-local (RFC 4291)",
    "ff00::/8": "multicast (RFC 4291)",
}
"""Networks that nobody can be reached in from the internet, and why."""

_LENGTHS = tuple(f"/{length}" for length in range(129))


def _network(value: Any) -> Network:
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    text = value if isinstance(value, str) else ""
    if "/" in text and "%" not in text:
        try:
            found = IPv6Network(text) if ":" in text else IPv4Network(text)
        except ValueError:
            pass
        else:
            if text.endswith(_LENGTHS[found.prefixlen]):
                return found
    raise _refused_network(text)


def _refused_network(text: str) -> Unfit:
    if "%" in text:
        return Unfit(
            "network",
            "a network with a scope",
            expected="an IPv4 or IPv6 network, as `10.20.5.0/24` or `2001:db8:1005::/48`",
            remedy="leave out the `%` and what follows it up to the slash",
        )
    try:
        found = ip_network(text, strict=False)
    except ValueError:
        return Unfit(
            "network",
            "not a network",
            expected="an IPv4 or IPv6 network, as `10.20.5.0/24` or `2001:db8:1005::/48`",
            remedy=_broken_address(text, _network),
        )
    if "/" not in text:
        return Unfit(
            "network",
            "a network without its length",
            expected="an address, a slash and a prefix length",
            remedy=f"write `{found}` for this one address, or the length that is meant",
        )
    if not text.endswith(_LENGTHS[found.prefixlen]):
        return Unfit(
            "network",
            "a network whose length is spelt in another way",
            expected="the number of its leading bits after the slash, as `10.20.5.0/24`",
            remedy=f"write `{found}`",
        )
    return Unfit(
        "network-host-bits",
        "a network with host bits set",
        expected=f"the first address of the network, here `{found}`",
        remedy=f"write `{found}`, or the longer prefix that is meant",
    )


def _broken_address(text: str, accepted: Callable[[str], object]) -> str:
    """What is wrong with the letters and digits of an address or a network."""
    neat = "".join(text.split()).replace("\\", "/")
    if neat != text and fits(accepted, neat):
        why = "the length stands behind a slash" if "\\" in text else "no spaces belong in it"
        return f"{why}: write `{neat}`"
    if any(part[:2].lower() == "0x" for part in neat.split(".")):
        return "write the numbers in decimal"
    return _wrong_number(neat) or (
        "no spaces belong in it"
        if neat != text
        else "look for a missing number, a letter too many, or a comma in place of a point"
    )


def _wrong_number(text: str) -> str:
    """Which number of an address or of its length cannot stand; "" where all can."""
    address, slash, length = text.partition("/")
    parts = address.split(".")
    if len(parts) == 4 and all(part.isdecimal() for part in parts):
        if any(len(part) > 1 and part.startswith("0") for part in parts):
            return "write the numbers without leading zeros"
        if any(len(part) > 3 or int(part) > 255 for part in parts):
            return "each number is 0 to 255"
    if slash and fits(_address, address):
        most = 128 if ":" in address else 32
        if not re.fullmatch("[0-9]{1,3}", length) or int(length) > most:
            return f"the prefix length is a number from 0 to {most}"
    return ""


def _address(value: Any) -> Address:
    if isinstance(value, IPv4Address | IPv6Address):
        return value
    text = value if isinstance(value, str) else ""
    try:
        if "%" not in text:
            return ip_address(text)
    except ValueError:
        pass
    if "%" in text:
        remedy = "leave out the `%` and what follows it"
    elif "/" in text:
        remedy = "leave out the slash and the length"
    else:
        remedy = _broken_address(text, _address)
    raise Unfit(
        "address",
        "an address with a scope" if "%" in text else "not an address",
        expected="one IPv4 or IPv6 address, as `172.20.1.5` or `2001:db8:f000::1:5`",
        remedy=remedy,
    )


def _source4(value: Any) -> IPv4Address:
    """An address that the internet can answer to."""
    found = _address(value)
    if isinstance(found, IPv6Address):
        raise Unfit(
            "address",
            "not an IPv4 address",
            expected="one IPv4 address, as `203.0.113.10`",
            remedy="IPv6 is not translated: it needs no address here",
        )
    for network, what in SPECIAL.items():
        if found in ip_network(network):
            raise Unfit(
                "address",
                f"an address that nobody can answer to: {what}",
                expected="one IPv4 address that the provider routes to us, as `203.0.113.10`",
                remedy="write the address that stands in the provider's papers",
            )
    return found


def _interface(value: Any) -> Interface:
    if isinstance(value, IPv4Interface | IPv6Interface):
        return value
    try:
        if not isinstance(value, str) or "/" not in value or "%" in value:
            raise ValueError
        found = ip_interface(value)
        if not value.endswith(_LENGTHS[found.network.prefixlen]):
            raise ValueError
    except ValueError:
        raise Unfit(
            "address",
            "not an interface's address",
            expected="an address with the length of its network, as `172.20.0.1/22`",
            remedy="write the router's own address, a slash and the prefix length",
        ) from None
    if found.ip == found.network.network_address and found.network.num_addresses > 2:
        raise Unfit(
            "address",
            "a network in place of an interface's address",
            expected="the router's own address in that network, as `172.20.0.1/22`",
            remedy=f"`{found.network[1]}/{found.network.prefixlen}` is its first address",
        )
    if (
        found.version == 4
        and found.ip == found.network.broadcast_address
        and found.network.num_addresses > 2
    ):
        raise Unfit(
            "address",
            "the broadcast address of its network in place of an interface's address",
            expected="the router's own address in that network, as `172.20.0.1/22`",
            remedy=f"`{found.network[-2]}/{found.network.prefixlen}` is its last address",
        )
    return found


NetworkField = Annotated[
    Network,
    Spelling(_network, "An IPv4 or IPv6 network.", ("10.20.5.0/24", "2001:db8:1005::/48")),
]
AddressField = Annotated[
    Address, Spelling(_address, "An IPv4 or IPv6 address.", ("172.20.1.5", "2001:db8:f000::1:5"))
]
Address4Field = Annotated[IPv4Address, Spelling(_source4, "An IPv4 address.", ("203.0.113.10",))]
InterfaceField = Annotated[
    Interface,
    Spelling(
        _interface,
        "An interface's own address with the length of its network.",
        ("172.20.0.1/22", "2001:db8:f000::1/64"),
    ),
]
