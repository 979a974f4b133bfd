"""How the controller comes to a host, and which addresses and routes could take that way."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface, ip_network

from komando import generation
from komando.bundle import Bundle
from komando.diagnostics import Location
from komando.generation import RunningGeneration
from komando.host.errors import HostError
from komando.host.network import Address, Route, parse_network
from komando.intent import read_intent
from komando.inventory import Host
from komando.plan.around import entry_words
from komando.plan.model import Reach
from komando.plan.wording import Where, Wording, policy_folder

Ip = IPv4Address | IPv6Address


def reach_of(host: Host, running: RunningGeneration, wanted: Bundle, where: Where) -> Reach:
    """The way to a host now, and with the wanted bundle.

    Raises HostError for lines of the wanted bundle that the host would refuse.
    """
    watched = [ip for ip in (address_of(host.address), address_of(running.asked_from)) if ip]
    after = _over(wanted, watched)
    same = running.digest == wanted.digest  # its files are not fetched then
    words = Wording(read_intent(wanted.text(generation.INTENT)), where)
    behind = list(_behind(words, watched))
    return Reach(
        address=host.address,
        management=tuple(str(network) for network in host.management),
        asked_from=running.asked_from,
        before=after if same else _before(running.bundle, watched),
        after=after,
        behind=tuple(name for name, _ in behind),
        location=next((place for _, place in behind), None),
    )


def _behind(words: Wording, watched: list[Ip]) -> Iterator[tuple[str, Location | None]]:
    """The offices, points and segments whose networks hold one of these addresses."""
    for leaf in words.intent.leaves:
        for index, network in enumerate(leaf.networks):
            if any(ip in network for ip in watched):
                place = words.place(policy_folder(leaf), leaf.slug, "networks", index)
                yield f"{leaf.name} ({leaf.slug}): {network}", place
    for segment in words.intent.segments:
        for address in segment.addresses:
            if any(ip in ip_interface(address).network for ip in watched):
                place = words.place("region", "", "segments", segment.slug, "addresses")
                yield f"segment {segment.slug}: {address}", place


def address_of(text: str | None) -> Ip | None:
    """An address as sshd tells it; IPv4 that is mapped into IPv6 is IPv4. None for no address."""
    if text is None:
        return None
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def _before(bundle: Bundle | None, watched: list[Ip]) -> tuple[str, ...] | None:
    """As `_over`; None for what is not there, or was made by another version."""
    try:
        return None if bundle is None else _over(bundle, watched)
    except (HostError, KeyError, ValueError):
        return None


def _over(bundle: Bundle, watched: list[Ip]) -> tuple[str, ...]:
    """The addresses (with their networks) and routes that hold one of these; no default route."""
    found = []
    for item in parse_network(bundle.text(generation.NETWORK)):
        entry = item.entry
        if isinstance(entry, Address):
            network = ip_interface(entry.address).network
        elif isinstance(entry, Route):
            network = ip_network(entry.destination)
        else:
            continue
        if network.prefixlen and any(ip in network for ip in watched):
            found.append(entry_words(entry))
    return tuple(sorted(found))
