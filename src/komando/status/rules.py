"""The rules by which an office's numbers come to one sentence, and to what is to be done next.

The order is that of causes: what is broken stands before what is full, and what is full before what
is merely busy. Every verdict has its paragraph in the runbook, under its id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from komando.status.answer import Flow, Line, Office, RouterStatus
from komando.units import DIRECTION_WORDS, DIRECTIONS, Direction, Pair, about, spelt

PAGE = "docs/runbooks/an-office-is-slow.md"

FULL = 0.95
"""Of a ceiling: whoever has so much of it has all of it, within one second's grain."""

KEPT = 0.9
"""Of a promise: less than that is less. TCP that has just begun is not yet at its share."""

BRIMMING = 0.97
"""Of what was bought from the provider. Our own trees stop at its usable part, below that: more
comes in only if somebody sends without heed of losses."""

STANDING = 0.6
"""Of the looks at a queue: one in which something waits so often is one that never drains."""

LOSS = 0.005
"""Of the packets: so many are dropped from a queue that is full, and not by an odd burst."""

NOTHING = 1000
"""Bit/s: below it there are neighbour discovery and the like, and no people."""


@dataclass(frozen=True)
class Verdict:
    """An id (an anchor in `PAGE`), a sentence without its full stop, a few words, what is next."""

    id: str
    sentence: str
    short: str
    next: str

    @property
    def page(self) -> str:
        """Where the runbook says more."""
        return f"{PAGE}#{self.id}"


# --- the rules: the first that holds is the verdict -----------------------------------------------


def _out_of_force(router: RouterStatus, _: Office) -> Verdict | None:
    if router.bypass is None:
        return None
    return Verdict(
        "bypassed",
        f"the policy is bypassed since {router.bypass}: nobody is limited, and nobody is guarded",
        "bypassed",
        "A person at the router's console did it. Ask who; `komando-host bypass off` "
        "there ends it.",
    )


def _cables(router: RouterStatus, office: Office) -> Verdict | None:
    uplink = router.uplink
    if uplink and not uplink.line.carrier:
        return Verdict(
            "provider-cable-out",
            f"the cable to the provider is out: {uplink.line.device} has no signal",
            "provider's cable out",
            "Nobody has the internet. Look at the cable and the provider's device; call the "
            "provider.",
        )
    if not office.line.carrier:
        where = f"the cable of segment {office.segment} is out"
        device = office.line.device or "its interface"
        return Verdict(
            "cable-out",
            f"{where}: {device} has no signal",
            "cable out",
            f"All offices of segment {office.segment} are cut off. Look at the cable and at the "
            "switch behind it.",
        )
    return None


def _gateways(router: RouterStatus, office: Office) -> Verdict | None:
    uplink = router.uplink
    if uplink and (silent := _none_answers(uplink.line)):
        return Verdict(
            "provider-silent",
            f"the provider's {silent}",
            "provider silent",
            "Nobody has the internet, though the cable is in. Call the provider.",
        )
    if silent := _none_answers(office.line):
        return Verdict(
            "gateway-silent",
            f"nothing comes from it: the {silent}",
            "gateway silent",
            "Its router is off, or its line is cut. Call somebody there: is there power, are its "
            "lamps lit?",
        )
    return None


def _unshaped(_: RouterStatus, office: Office) -> Verdict | None:
    if len(office.flows) == len(DIRECTIONS):
        return None
    return Verdict(
        "no-class",
        "the router has no class for it: its tree is gone, or is being built",
        "no class",
        "The router mends that within a minute. If it does not: `komando drift`.",
    )


def _at_ceiling(_: RouterStatus, office: Office) -> Verdict | None:
    full = [] if office.mode == "observe" else list(_ways(office, _fills_ceiling))
    if not full:
        return None
    return Verdict(
        "at-its-ceiling",
        f"it uses all of its ceiling: {_rates(office.ceiling, full)}",
        "at its ceiling",
        "Look at the hosts: one that takes most of it is for the office to talk to. If all "
        "of it is work, the ceiling is policy (docs/runbooks/change-a-rate.md).",
    )


def _line_full(router: RouterStatus, office: Office) -> Verdict | None:
    uplink = router.uplink
    if not uplink or not _wants_more(office):
        return None
    full = [
        way for way in DIRECTIONS if uplink.rate[way] >= BRIMMING * uplink.capacity.of(way).bits
    ]
    if not full:
        return None
    return Verdict(
        "provider-full",
        f"the provider's line itself is full: {_rates(uplink.capacity, full)}",
        "provider's line full",
        "More arrives than was bought, and the provider drops it before our router sees it: a "
        "flood, or a load that heeds no loss (docs/runbooks/emergency-change.md).",
    )


def _observed(_: RouterStatus, office: Office) -> Verdict | None:
    if office.mode == "enforce":
        return None
    return Verdict(
        "observed",
        "it is only observed, not limited",
        "observed",
        "No limit of ours is the reason. If packets wait all the same, the whole line is full.",
    )


def _below_promise(_: RouterStatus, office: Office) -> Verdict | None:
    short = list(_ways(office, _lacks))
    if not short:
        return None
    flows = ", ".join(
        f"{spelt_rate(office.flows[way].rate)} of {about(office.promised.of(way))} "
        f"({DIRECTION_WORDS[way]})"
        for way in short
    )
    return Verdict(
        "below-its-promise",
        f"it wants more, and gets less than it is promised: {flows}",
        "below its promise",
        "That should not be. Ask once more with `--seconds 10`; if it stays so, `komando verify` "
        "and `komando drift`, and tell the network's team.",
    )


def _shared(router: RouterStatus, office: Office) -> Verdict | None:
    if not _wants_more(office):
        return None
    if _outside_its_hours(router, office):
        return Verdict(
            "outside-its-hours",
            "it is outside of its hours, and wants more than is left to it then: everyone shares",
            "outside its hours",
            "Outside of its hours an office has its floor, and its part of what is left. If people "
            "are at work there, its hours are policy: its calendar, or an exception.",
        )
    what = "guarantee" if office.kind == "opd" else "least share"
    return Verdict(
        "pool-full",
        f"it wants more than its {what} and the pool is full: everyone shares",
        "pool full",
        "It has what it was promised. `komando status` shows who has how much; a greater guarantee "
        "is policy (docs/runbooks/change-a-rate.md).",
    )


def _nothing(_: RouterStatus, office: Office) -> Verdict | None:
    if any(flow.rate >= NOTHING for flow in office.flows.values()):
        return None
    answering = office.line.answering
    but = f", though its gateway {answering[0]} answers" if answering else ""
    return Verdict(
        "nothing-comes",
        f"nothing comes from it{but}",
        "nothing comes",
        "Its line is up as far as its gateway. Have somebody there open a page and ask again; if "
        "still nothing comes, the trouble is inside the office.",
    )


def _half_silent(_: RouterStatus, office: Office) -> Verdict | None:
    silent = office.line.silent
    if not silent:
        return None
    family = "IPv6" if ":" in silent[0] else "IPv4"
    return Verdict(
        "half-silent",
        f"it gets all that it asks for, and its {family} gateway {silent[0]} does not answer",
        f"{family} silent",
        f"What is reached over {family} alone does not work there: look at the office's router.",
    )


RULES: tuple[Callable[[RouterStatus, Office], Verdict | None], ...] = (
    _out_of_force,
    _cables,
    _gateways,
    _unshaped,
    _at_ceiling,
    _line_full,
    _observed,
    _below_promise,
    _shared,
    _nothing,
    _half_silent,
)


# --- what they look at ----------------------------------------------------------------------------


def _ways(office: Office, holds: Callable[[Office, Direction, Flow], bool]) -> Iterator[Direction]:
    return (way for way, flow in office.flows.items() if holds(office, way, flow))


def _fills_ceiling(office: Office, way: Direction, flow: Flow) -> bool:
    return flow.rate >= FULL * office.ceiling.of(way).bits


def _lacks(office: Office, way: Direction, flow: Flow) -> bool:
    return _queues(flow) and flow.rate < KEPT * office.promised.of(way).bits


def _wants_more(office: Office) -> bool:
    return any(map(_queues, office.flows.values()))


def _outside_its_hours(router: RouterStatus, office: Office) -> bool:
    """An exception in effect while its own calendar is closed lends it the hours of another."""
    closed = office.calendar is not None and office.calendar not in router.open
    return closed and not office.exceptions


def _queues(flow: Flow) -> bool:
    """Whether packets wait that nothing sends on."""
    return flow.queued >= STANDING or flow.lost >= LOSS


def _none_answers(line: Line) -> str:
    """In words that no gateway answers; "" where one does, or is not known not to."""
    if not line.all_silent:
        return ""
    words = "gateway {} does not answer" if len(line.silent) == 1 else "gateways {} do not answer"
    return words.format(" and ".join(line.silent))


def _rates(pair: Pair, ways: Iterable[Direction]) -> str:
    """`50 Mbit/s (download)`; both directions where both are meant."""
    ways = list(ways)
    if len(ways) == len(DIRECTIONS) and pair.down == pair.up:
        return f"{pair.down} (download and upload)"
    return " and ".join(f"{pair.of(way)} ({DIRECTION_WORDS[way]})" for way in ways)


def spelt_rate(bits: int) -> str:
    """A measured rate to three digits; `0` where there is none."""
    digits = max(0, len(str(bits)) - 3)
    return spelt(round(bits, -digits)) if bits else "0"
