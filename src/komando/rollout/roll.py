"""Carries changes out in waves: each wave is armed, probed, and confirmed whole or taken back."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from komando.bundle import NO_SECRETS, Bundle, Plaintexts
from komando.inventory import Host
from komando.plan import Plan
from komando.rollout.outcome import Outcome, Rollout
from komando.rollout.session import Session
from komando.rollout.wave import Target, Told, Wave
from komando.rollout.waves import Waves

OVER = "its turn was over before it was reached: plan and apply again"
"""Why a wave did not begin that came too late."""

Verify = Callable[[tuple[str, ...]], bool]
"""Looks at hosts that were confirmed, from outside; whether they do what was intended."""


def targets_of(
    plan: Plan,
    hosts: Mapping[str, Host],
    wanted: Mapping[str, Bundle],
    opened: Mapping[str, Plaintexts],
) -> dict[str, Target]:
    """The changes that a plan asks for, with the secrets of the hosts that have some.

    A repair sends the files, too: those on the host may be what is damaged.
    """
    return {
        one.host: Target.of(
            hosts[one.host], one.before, wanted[one.host], opened.get(one.host, NO_SECRETS)
        )
        for one in plan.changing()
    }


def roll(
    session: Session,
    targets: Mapping[str, Target],
    waves: Waves,
    sequence: int,
    told: Told,
    verify: Verify | None,
    over: Callable[[], bool] = lambda: False,
) -> Rollout:
    """Wave after wave until one fails; every target has an outcome.

    A wave that fails is taken back whole, and one that `verify` finds wrong goes back the way it
    came. A first Ctrl-C takes the wave back that is under way and ends the rollout; after a second
    one the hosts do so by themselves, when their windows close. None begins once the turn is
    `over`: whoever was stopped for so long (Ctrl-Z, a machine asleep) is not alone any more.
    """
    done: dict[str, Outcome] = {}
    doubt = why = ""
    with session.counting():
        for number, names in enumerate(waves, 1):
            why = why or (OVER if over() else "")
            if why:
                done |= {name: targets[name].outcome("untouched", why) for name in names}
                continue
            wave = Wave(session, {name: targets[name] for name in names}, sequence, told)
            wave.carry()
            if verify and wave.carried and not session.interrupts:
                doubt = _doubt(session, verify, names)
                if doubt:
                    wave.go_back(doubt)
            done |= wave.outcomes
            if session.interrupts:
                why = "interrupted"
            elif doubt or not wave.carried:
                why = doubt or f"wave {number} failed"
    outcomes = tuple(done[name] for name in sorted(done))
    return Rollout(outcomes, interrupted=session.interrupts > 0, doubted=bool(doubt))


def _doubt(session: Session, verify: Verify, names: tuple[str, ...]) -> str:
    """Why hosts cannot be left as they are; "" when they were seen to obey.

    A Ctrl-C counts as one that came while they changed.
    """
    try:
        with session.heeding():
            return "" if verify(names) else "it was not seen to do what was intended"
    except KeyboardInterrupt:
        session.interrupts += 1
        return "interrupted"
    except Exception as error:  # noqa: BLE001 - whatever kept it from looking: nothing was seen
        return f"it was not seen to do what was intended: {type(error).__name__}: {error}"
