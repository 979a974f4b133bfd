"""Traffic between offices: it never meets the uplink's trees, so it runs at its own pace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from komando.intent import Leaf, Profile
from komando.lab.measure.counters import rate_between
from komando.lab.measure.load import wait_listening, wait_until
from komando.lab.measure.moments import NotShown
from komando.lab.measure.results import Row, Total
from komando.lab.measure.stage import Stage, Window, promised_to

PORT = 19900
SECONDS = 5.0

_DATAGRAM = 1448
_HEADERS = 42


def measure_local(stage: Stage, scenario: str, profile: Profile) -> None:
    """Let some offices send to others at the pace of their last mile, under full load.

    Those that receive are silent toward the internet meanwhile, so that all that their interface
    receives is local; those that send saturate the uplink all the same.
    """
    pairs = pairs_of([stage.running.intent.leaf(slug) for slug in stage.slugs])
    stage.load.stop([to for _, to, _ in pairs])
    others = list(stage.load.slugs)
    stage.settle(promised_to(stage.running, profile, others))
    with _sending(stage, pairs):
        everyone = [*others, *(to for _, to, _ in pairs)]

        def judged(window: Window) -> list[Row | Total]:
            counts = {to: window.offices[to, "down"] for _, to, _ in pairs}
            rows = [
                Row(
                    scenario=scenario,
                    office=to,
                    direction="down",
                    promised=rate,
                    measured=counts[to].rate,
                    frame_bytes=counts[to].frame_bytes,
                    seconds=round(counts[to].seconds, 4),
                    peer=sender,
                )
                for sender, to, rate in pairs
            ]
            return [*rows, *stage.totals(scenario, window, others)]

        stage.count(scenario, everyone, SECONDS, judged)


@contextmanager
def _sending(stage: Stage, pairs: list[tuple[str, str, int]]) -> Iterator[None]:
    """Traffic for each pair, which arrives when the block begins and ends with it."""
    stage.told("sending between offices", ", ".join(f"{a} to {b}" for a, b, _ in pairs))
    enter, spawn = stage.city.place.enter, stage.crew.spawn
    children = [spawn([*enter(to), "iperf3", "-s", "-1", "-p", str(PORT)]) for _, to, _ in pairs]
    try:
        for child in children:
            wait_listening(child.pid, {PORT})
        for sender, to, rate in pairs:
            payload = rate * _DATAGRAM // (_DATAGRAM + _HEADERS)
            call = [*enter(sender), "iperf3", "-c", stage.city.endpoints[to].v4, "-p", str(PORT)]
            pace = ["-u", "-l", str(_DATAGRAM), "-b", str(payload), "-t", "86400"]
            children.append(spawn([*call, *pace, "--pacing-timer", "2000"]))
        _wait_for_flow(stage, {to: rate for _, to, rate in pairs})
        yield
    finally:
        stage.crew.dismiss(children)


def _wait_for_flow(stage: Stage, rates: dict[str, int]) -> None:
    """Wait until each receives at nearly its rate; what is wrong after that is measured."""
    last = stage.taps.read(rates)

    def flows() -> bool:
        nonlocal last
        before, last = last, stage.taps.read(rates)
        return all(rate_between(before[one], last[one]) > 0.9 * rates[one] for one in rates)

    wait_until(flows, 10.0, every=0.5)


def pairs_of(leaves: list[Leaf]) -> list[tuple[str, str, int]]:
    """(sender, receiver, bit/s): two offices of one segment, two of different ones.

    The rate is what the slower of the two last miles carries.
    """
    offices = [leaf for leaf in leaves if leaf.kind == "opd"]
    found: list[tuple[str, str, int]] = []
    used: set[str] = set()
    for near in (True, False):
        for sender in offices:
            fits = [
                to
                for to in offices
                if to is not sender
                and not {sender.slug, to.slug} & used
                and (to.segment == sender.segment) is near
            ]
            if sender.slug not in used and fits:
                to = fits[0]
                rate = min(sender.link.up.bits, to.link.down.bits)
                found.append((sender.slug, to.slug, rate))
                used |= {sender.slug, to.slug}
                break
    if not found:
        raise NotShown("this lab has no two offices")
    return found
