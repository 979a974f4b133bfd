"""The network of a fleet: everyone on one switch, and cables that can be cut. The plan is pure.

controller ---+
router-1 -----+--- switch        each router's uplink and LAN end in `elsewhere`
router-2 -----+
"""

from __future__ import annotations

from collections.abc import Iterable

from komando.inventory import Host
from komando.lab.commands import run
from komando.lab.place import Place
from komando.lab.topology import (
    BRIDGE,
    CONTROLLER,
    MANAGEMENT,
    Cable,
    Part,
    Topology,
    addressed,
    bridged,
)

SWITCH = "switch"
ELSEWHERE = "elsewhere"
CONTROLLERS_PORT = "controller"
SHARED = ("ctl", SWITCH, ELSEWHERE)
"""The parts of a fleet that are no router."""

# One direction of a conversation is dropped as soon as the pair of its addresses stands here.
_CUTS = """\
table bridge cuts {
  set pairs { type ipv4_addr . ipv4_addr; }
  chain forward {
    type filter hook forward priority 0;
    ip saddr . ip daddr @pairs drop
  }
}
"""


def draw_network(routers: Iterable[Host]) -> Topology:
    """Plan the switch, the controller and every router's ends; no interface but mgmt0 is up."""
    routers = list(routers)
    cables = [Cable(("ctl", "eth0"), (SWITCH, CONTROLLERS_PORT))]
    far: list[str] = []
    for number, host in enumerate(routers, 1):
        cables.append(Cable((host.name, MANAGEMENT), (SWITCH, host.name)))
        for interface in host.interfaces.values():
            cables.append(Cable((host.name, interface), (ELSEWHERE, f"{interface}-{number}")))
            far += addressed(f"{interface}-{number}", [])
    ports = [line for host in routers for line in bridged(host.name)]
    parts = (
        Part("ctl", network=addressed("eth0", [CONTROLLER])),
        Part(SWITCH, network=(*BRIDGE, *bridged(CONTROLLERS_PORT), *ports)),
        Part(ELSEWHERE, network=tuple(far)),
        *(
            Part(host.name, network=addressed(MANAGEMENT, [f"{host.address}/24"]))
            for host in routers
        ),
    )
    return Topology(parts, tuple(cables), {})


def allow_cuts(place: Place) -> None:
    """Let the switch drop what goes between two addresses."""
    run([*place.enter(SWITCH), "nft", "-f", "-"], _CUTS)


def set_link(place: Place, part: str, interface: str, state: str) -> None:
    """Pull a cable out at one of its ends (`down`) or put it in again (`up`)."""
    run([*place.enter(part), "ip", "link", "set", interface, state])


def cut_between(place: Place, one: str, other: str) -> None:
    """Drop what goes between two addresses, in both directions; twice is no error."""
    elements = _pairs(one, [other])
    run([*place.enter(SWITCH), "nft", f"add element bridge cuts pairs {elements}"])


def mend_between(place: Place, one: str, others: Iterable[str]) -> None:
    """Let pass again what goes between an address and others; what was not cut is no error."""
    elements = _pairs(one, others)
    words = "".join(f"{verb} element bridge cuts pairs {elements}\n" for verb in ("add", "delete"))
    run([*place.enter(SWITCH), "nft", "-f", "-"], words)


def _pairs(one: str, others: Iterable[str]) -> str:
    return f"{{ {', '.join(f'{one} . {other}, {other} . {one}' for other in others)} }}"
