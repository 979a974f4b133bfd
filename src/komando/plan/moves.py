"""Segments and uplinks that get another interface: it stands in the inventory, not in a policy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from komando import generation
from komando.bundle import Bundle
from komando.host.network import Address, Route, parse_network
from komando.intent import RouterIntent
from komando.plan.model import Move


def compare_interfaces(
    old: tuple[RouterIntent, Bundle], new: tuple[RouterIntent, Bundle]
) -> Iterator[Move]:
    """Each that moves, with the addresses and routes that stand on both sides.

    Raises HostError, KeyError, TypeError or ValueError for files of another version.
    """
    was, now = _interfaces(*old), _interfaces(*new)
    stood, stands = _entries(old[1]), _entries(new[1])
    for name, after in now.items():
        before = was.get(name, after)
        if before != after:
            moved = [
                item
                for item in stands
                if item.device == after and replace(item, device=before) in stood
            ]
            addresses = sum(isinstance(item, Address) for item in moved)
            yield Move(name, before, after, addresses, len(moved) - addresses)


def _interfaces(intent: RouterIntent, bundle: Bundle) -> dict[str, str]:
    """The interface of the uplink, and of each segment, which stand in the intent's order."""
    devices = json.loads(bundle.text(generation.ROUTER))
    segments = (f"segment {item.slug}" for item in intent.segments)
    return {"uplink": devices["uplink"], **dict(zip(segments, devices["lans"], strict=True))}


def _entries(bundle: Bundle) -> set[Address | Route]:
    entries = (item.entry for item in parse_network(bundle.text(generation.NETWORK)))
    return {entry for entry in entries if isinstance(entry, Address | Route)}
