"""Which rule holds for an office, and what explains its numbers besides."""

from __future__ import annotations

from collections.abc import Iterator

from komando.status.answer import Office, RouterStatus
from komando.status.rules import RULES, Verdict

NAT_LENGTH = 29
"""An IPv4 network as long as this, or longer, is one between two routers, and not of an office."""


def judge(router: RouterStatus, office: Office) -> Verdict:
    """Why an office is slow, or that the network is not the reason."""
    for rule in RULES:
        if (found := rule(router, office)) is not None:
            return found
    return Verdict(
        "all-it-asks-for",
        "it gets all that it asks for",
        "all it asks for",
        "The network is not the reason: look at the server that is slow, or at the office's own "
        "Wi-Fi and cables.",
    )


def office_notes(office: Office) -> Iterator[str]:
    """What explains the numbers of one office."""
    for key in office.exceptions:
        yield f"the exception {key} is in force"
    if _hidden(office):
        yield "it is behind a NAT of its own: of its hosts only that router is seen"


def router_notes(router: RouterStatus) -> Iterator[str]:
    """What has to be known with the numbers of all offices of a router."""
    if router.profile != router.due and router.bypass is None:
        yield f"profile {router.due} should be in force: docs/runbooks/hours-did-not-switch.md"
    if router.waits is not None:
        yield f"a change waits for its confirmation, and reverts in {router.waits:.0f} s"
    if router.clock is not None:
        yield f"the router's clock is rehearsed: it lives at {router.clock}"
    if router.divisor > 1:
        yield f"a lab: every rate is divided by {router.divisor}"


def _hidden(office: Office) -> bool:
    lengths = [network.prefixlen for network in office.networks if network.version == 4]
    return bool(lengths) and min(lengths) >= NAT_LENGTH
