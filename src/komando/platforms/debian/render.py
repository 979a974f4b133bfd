"""The files of a Debian router: pure, the same bytes from the same intent on any machine."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from komando import generation
from komando.bundle import Bundle
from komando.intent import HtbClass, Intent, Profile, RouterIntent, intent_text, tree
from komando.intent.model import CONTROL_MINOR, UNMATCHED_MINOR, Leaf
from komando.inventory import Host
from komando.units import DIRECTION_WORDS, DIRECTIONS, Direction

IFB = "ifb0"
"""All LAN interfaces' downloads pass this device, so that one tree can hold them all."""

UPLINK = "uplink"
"""The name under which a host's inventory gives the interface of the uplink."""

MARKED = "5,32 0 0 4294963220,84 0 0 1,21 0 1 1,6 0 0 4294967295,6 0 0 0"
"""Classic BPF, five instructions: load the mark (0xfffff014, SKF_AD_OFF + SKF_AD_MARK of
linux/filter.h), and it with 1, compare with 1, return all or nothing."""

ROUTE_PROTOCOL = 75
"""The number in the kernel's routing table that marks our routes; rt_protos leaves it free."""

TREE_FILES = {"down": generation.DOWNLOAD, "up": generation.UPLOAD}

LEAF_QDISCS = {
    "fq_codel": {"down": "fq_codel", "up": "fq_codel"},
    "cake": {
        "down": "cake unlimited besteffort dual-dsthost",
        "up": "cake unlimited besteffort dual-srchost",
    },
    "pfifo": {"down": "pfifo limit 100", "up": "pfifo limit 100"},
}
"""What queues inside a class, by what the host's kernel has. Measured with one office
saturated: p99 of a ping in the same office 23.7 ms with fq_codel, 333 ms with pfifo 100."""


@dataclass(frozen=True)
class ClassLine:
    """One class as tc reads it."""

    id: str
    parent: str
    handle: str
    parameters: str
    qdisc: str | None


class MissingInterfaceError(ValueError):
    """The inventory names no interface for a segment or the uplink of a router."""


def render(intent: Intent, host: Host, ciphertexts: Mapping[str, str] | None = None) -> Bundle:
    """The bundle of one router.

    `ciphertexts` maps each of its secrets to the SHA-256 (hex) of the encrypted file: of a secret,
    that and its name and owner are all that a bundle says.

    Raises KeyError for a router that the policy does not know, and MissingInterfaceError.
    """
    router = intent.routers[host.name]
    files = {
        generation.MANIFEST: _json({"format": 1, "host": host.name, "kind": host.kind}),
        generation.ROUTER: _json(
            {"uplink": _interface(host, UPLINK), "lans": _lans(router, host), "ifb": IFB}
        ),
        generation.INTENT: intent_text(router),
        generation.NETWORK: _fill(generation.NETWORK, router, lines=_network(router, host)),
        generation.CALENDAR: _calendar(intent, router),
        generation.STEER: _fill(
            generation.STEER, router, ifb=IFB, lans=_lans(router, host), marked=MARKED
        ),
        generation.SYSCTL: _fill(generation.SYSCTL, router),
    }
    files |= _nft(router, host)
    files[generation.GUARD] = _guard(router, host)
    for direction in DIRECTIONS:
        files |= _tc(router, host, direction)
    if host.secrets:
        files[generation.SECRETS] = _secrets(host, ciphertexts or {})
    return Bundle(host.name, {path: text.encode() for path, text in files.items()})


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("komando.platforms.debian", "templates/router"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  (configuration files, not HTML)
        keep_trailing_newline=True,
        trim_blocks=False,
    )


def _fill(template: str, router: RouterIntent, **values: Any) -> str:
    header = f"Made by komando from policies/ for {router.router}; changed by hand, it drifts."
    text = _templates().get_template(f"{template}.j2")
    return text.render(header=header, router=router.router, **values).rstrip("\n") + "\n"


def _json(data: dict[str, Any]) -> str:
    return json.dumps(data, indent=1) + "\n"


def _secrets(host: Host, ciphertexts: Mapping[str, str]) -> str:
    stated = [
        {"name": one.name, "owner": one.owner, "sha256": ciphertexts[one.name]}
        for one in sorted(host.secrets, key=lambda one: one.name)
    ]
    return _json({"secrets": stated})


def _interface(host: Host, name: str) -> str:
    try:
        return host.interfaces[name]
    except KeyError:
        raise MissingInterfaceError(
            f"{host.name} has no interface for {name!r}: "
            f"add it to `interfaces` in the inventory (it has {', '.join(host.interfaces)})"
        ) from None


def _lans(router: RouterIntent, host: Host) -> list[str]:
    return [_interface(host, segment.slug) for segment in router.segments]


def _calendar(intent: Intent, router: RouterIntent) -> str:
    return _fill(
        generation.CALENDAR,
        router,
        until=f"{intent.covered_until.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        transitions=[
            f"{item.instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} {item.profile}"
            for item in intent.transitions
        ],
    )


def _network(router: RouterIntent, host: Host) -> list[str]:
    """Addresses before the routes that need them; both families, for `ip -batch`."""
    wan = _interface(host, UPLINK)
    places = [(wan, router.uplink.addresses)]
    places += [(_interface(host, item.slug), item.addresses) for item in router.segments]
    lines = []
    for device, addresses in places:
        lines += [
            f"address replace {address} dev {device}{' nodad' if ':' in address else ''}"
            for address in addresses
        ]
        lines.append(f"link set {device} up")
    for gateway in router.uplink.gateways:
        default = "::/0" if ":" in gateway else "0.0.0.0/0"
        lines.append(f"route replace {default} via {gateway} dev {wan} proto {ROUTE_PROTOCOL}")
    # the provider sends us what is addressed to them; what asked for nothing must not go back
    lines += [
        f"route replace blackhole {address}/32 proto {ROUTE_PROTOCOL}"
        for address in sorted({router.uplink.nat_offices, router.uplink.nat_public})
        if address not in {own.partition("/")[0] for own in router.uplink.addresses}
    ]
    for leaf in router.leaves:
        device = _interface(host, leaf.segment)
        lines += [
            f"route replace {network} via {gateway} dev {device} proto {ROUTE_PROTOCOL}"
            for network in leaf.networks
            for gateway in leaf.gateways
            if (":" in gateway) == (network.version == 6)
        ]
    return lines


def _nft(router: RouterIntent, host: Host) -> dict[str, str]:
    uplink = _interface(host, UPLINK)
    values = {
        "uplink": uplink,
        "lans": ", ".join(f'"{lan}"' for lan in _lans(router, host)),
        "four": _entries(router.leaves, 4),
        "six": _entries(router.leaves, 6),
        "unmatched": f"1:{UNMATCHED_MINOR:x}",
        "control": f"1:{CONTROL_MINOR:x}",
    }
    files = {path: _fill(path, router, **values) for path in (generation.SHAPER, generation.RELOAD)}
    files[generation.NAT] = _fill(
        generation.NAT,
        router,
        uplink=uplink,
        offices=_sources(router, "opd"),
        public=_sources(router, "hotspot"),
        nat_offices=router.uplink.nat_offices,
        nat_public=router.uplink.nat_public,
    )
    return files


def _guard(router: RouterIntent, host: Host) -> str:
    four, six = (
        ", ".join(str(network) for network in host.management if network.version == version)
        for version in (4, 6)
    )
    return _fill(generation.GUARD, router, port=host.port, four=four, six=six)


def _entries(leaves: Iterable[Leaf], version: int) -> list[dict[str, str]]:
    return [
        {"network": str(network), "id": leaf.class_id, "slug": leaf.slug}
        for leaf in leaves
        for network in leaf.networks
        if network.version == version
    ]


def _sources(router: RouterIntent, kind: str) -> str:
    return ", ".join(
        entry["network"]
        for entry in _entries((leaf for leaf in router.leaves if leaf.kind == kind), 4)
    )


def _tc(router: RouterIntent, host: Host, direction: Direction) -> dict[str, str]:
    """The whole tree of the quietest profile, and what each profile changes in it.

    A profile's file states every pool whose size ever changes, and each office that differs.
    """
    device = IFB if direction == "down" else _interface(host, UPLINK)
    trees = {profile.name: tree(router, profile, direction) for profile in router.profiles}
    quiet = min(router.profiles, key=lambda item: (len(item.exceptions), len(item.open), item.name))
    base = trees[quiet.name]
    qdisc = LEAF_QDISCS[host.leaf][direction]
    named = {
        "word": DIRECTION_WORDS[direction].capitalize(),
        "device": device,
        "default": f"{CONTROL_MINOR:x}",
        "classes": [_line(item, qdisc) for item in base],
    }
    files = {TREE_FILES[direction]: _fill("etc/komando/tc/tree.tc", router, tree=named)}
    moving = _moving(router.profiles, trees)
    before = {item.minor: item for item in base}
    for profile in router.profiles:
        changes = [
            _line(item, qdisc)
            for item in trees[profile.name]
            if item.minor in moving or item != before[item.minor]
        ]
        files[f"{generation.PROFILES}/{profile.name}.{direction}.tc"] = _fill(
            "etc/komando/tc/profiles/profile.tc",
            router,
            tree=named,
            profile=profile.name,
            changes=changes,
        )
    return files


def _moving(profiles: Sequence[Profile], trees: dict[str, tuple[HtbClass, ...]]) -> set[int]:
    """The pools whose size is not the same in every profile."""
    sizes: dict[int, set[int]] = {}
    for profile in profiles:
        for item in trees[profile.name]:
            if not item.leaf:
                sizes.setdefault(item.minor, set()).add(item.rate)
    return {minor for minor, rates in sizes.items() if len(rates) > 1}


def _line(item: HtbClass, qdisc: str) -> ClassLine:
    parent = f"1:{item.parent:x}" if item.parent else "1:"
    return ClassLine(
        id=f"1:{item.minor:x}",
        parent=parent,
        handle=f"{item.minor:x}:",
        parameters=(
            f"htb rate {item.rate}bit ceil {item.ceil}bit burst {item.burst}b "
            f"cburst {item.burst}b prio {item.prio} quantum {item.quantum}"
        ),
        qdisc=qdisc if item.leaf else None,
    )
