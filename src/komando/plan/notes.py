"""What a person should know of a host beside what changes there."""

from __future__ import annotations

from collections.abc import Iterator

from komando.bundle import Bundle
from komando.generation import RunningGeneration
from komando.intent import RouterIntent
from komando.plan.model import State
from komando.plan.traffic import leaf_kinds


def running_notes(running: RunningGeneration, state: State, wanted: str) -> Iterator[str]:
    """What the host says of itself, and the plan's summary does not; `wanted` is a digest."""
    if running.clock is not None:
        yield (
            f"{running.host} lives at a rehearsed moment, {running.clock}, and this plan is of "
            "that moment; `komando-host clock off` there ends it"
        )
    if not running.healthy and state != "repair":
        yield f"{running.host} says of what it runs now: {running.kernel}"
    if (last := running.taken_back) is not None:
        again = "; it is asked for again" if last.generation == wanted else ""
        yield f"{running.host}: {last.words}{again}"


def bundle_notes(bundle: Bundle, intent: RouterIntent) -> Iterator[str]:
    """What holds for the bundle whatever ran before."""
    if leaf_kinds(bundle) == {"pfifo"}:
        yield (
            f"{bundle.host} queues with pfifo, as its kernel has neither fq_codel nor cake: rates "
            "hold, but an office that fills its own line waits behind itself"
        )
    if intent.divisor != 1:
        yield f"rates are the policy's; here each is divided by {intent.divisor}"
