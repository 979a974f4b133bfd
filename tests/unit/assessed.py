"""Plans made by hand or of two generations, and what is found in them."""

from __future__ import annotations

from komando.bundle import Bundle
from komando.diagnostics import Location
from komando.generation import RunningGeneration
from komando.inventory import Host
from komando.plan import Cut, Finding, HostPlan, Plan, assess, make_plan
from komando.policy import Limits
from tests.cases.plan.cases import HOST, MOMENT, TODAY

LIMITS = Limits()


def nowhere(kind: str, slug: str, *path: str | int) -> Location:
    """Nothing that a plan names stands in a file."""
    raise KeyError(kind, slug, path)


def cuts(number: int, what: str = "connection", left: int = 0) -> tuple[Cut, ...]:
    """So many offices lose the same; `left` of it in basis points."""
    return tuple(
        Cut(what, "opd", f"office-{index}", f"Office {index}", "10 Mbit/s", "1 Mbit/s", left)  # type: ignore[arg-type]
        for index in range(number)
    )


def plan_with(offices: int, *lost: Cut, points: int = 0) -> Plan:
    """One router with so many offices and points, and what they lose."""
    host = HostPlan(
        "core-1", "change", "0" * 64, "1" * 64, "", offices=offices, points=points, cuts=lost
    )
    return Plan((host,))


def ids(plan: Plan, limits: Limits = LIMITS) -> list[str]:
    """What is found in a plan."""
    return [finding.id for finding in assess(plan, limits, {}, TODAY)]


def reached(
    wanted: Bundle, running: RunningGeneration, machine: Host = HOST
) -> tuple[Finding, ...]:
    """What is found where one bundle is wanted and another generation runs."""
    plan = make_plan(
        {"core-1": wanted}, {"core-1": running}, nowhere, MOMENT, (), {}, {"core-1": machine}
    )
    return assess(plan, LIMITS, {}, TODAY)
