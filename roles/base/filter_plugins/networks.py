"""Filters for lists of networks, which Ansible's core has none for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import ip_address, ip_network


def of_family(networks: Iterable[str], version: int) -> list[str]:
    """Those of IPv4 (4) or IPv6 (6), in their order."""
    return [one for one in networks if ip_network(one).version == version]


def has_address(networks: Iterable[str], address: str) -> bool:
    """Whether an address, which may bear its interface (fe80::1%eth0), lies in one of them."""
    sought = ip_address(address.partition("%")[0])
    return any(sought in ip_network(one) for one in networks)


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., object]]:
        """Each filter by its name."""
        return {"of_family": of_family, "has_address": has_address}
