"""What befalls a rollout in `rollout.hostile`: each fault is done for real, at a moment by chance.

A fault starts one apply or two, strikes meanwhile, lifts what it did, and returns what the applies
said. The rulesets go wrong in the bundle itself, and may come together with any of the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from benchmarks.rounds import Round, Try
from komando.lab.fleet.machine import CONTROLLER_SIDE
from komando.lab.place import LabError
from tests.lab.desk import Running
from tests.lab.scene import (
    CUTS_SSH,
    GUARD,
    LETS_OLD_ONES_LIVE,
    STATE,
    UPLOAD,
    Scene,
    cuts_off,
)

Fault = Callable[[Round], list[Try]]


def none(now: Round) -> list[Try]:
    """Nothing but the apply."""
    return [now.ended(now.start())]


def frozen(now: Round) -> list[Try]:
    """A router's processes stand still for a while."""
    running = now.start()
    now.wait(running)
    now.tell(f"{now.victim} is frozen")
    now.machine.freeze()
    now.pause(2.5 * now.window)
    now.machine.thaw()
    now.tell(f"{now.victim} goes on")
    return [now.ended(running)]


def power_off(now: Round) -> list[Try]:
    """A router loses its power, and has it again after a while."""
    running = now.start()
    now.wait(running)
    now.tell(f"{now.victim} loses its power")
    now.machine.power_off()
    now.pause(2 * now.window)
    now.machine.power_on()
    now.tell(f"{now.victim} has booted")
    return [now.ended(running)]


def cable_cut(now: Round) -> list[Try]:
    """A cable is pulled out, or the way to the controller or to one other router is barred."""
    others = [name for name in now.scene.fleet.routers if name != now.victim]
    towards = now.random.choice([None, CONTROLLER_SIDE, now.random.choice(others)])
    running = now.start()
    now.wait(running)
    now.tell(f"{now.victim} is cut off from {towards or 'everybody'}")
    now.machine.cut(towards)
    now.pause(2.5 * now.window)
    now.machine.mend()
    now.tell(f"{now.victim} has its cable again")
    return [now.ended(running)]


def disk_full(now: Round) -> list[Try]:
    """A disk has no room any more, or a little: before the apply, or in its middle."""
    spare = now.random.choice([0, 0, 4, 16, 64])
    return _disk(now, f"has {spare} KiB left", lambda: now.machine.fill_disk(spare), _free)


def read_only(now: Round) -> list[Try]:
    """The state cannot be written any more: before the apply, or in its middle."""
    remount = f"mount --bind {STATE} {STATE} && mount -o remount,bind,ro {STATE}"
    return _disk(now, "is read-only", lambda: now.machine.behind(remount), _writable)


def _disk(
    now: Round, words: str, strike: Callable[[], object], lift: Callable[[Round], None]
) -> list[Try]:
    before, while_it_runs = now.random.random() < 0.3, now.random.random() < 0.5
    if before:
        now.tell(f"the disk of {now.victim} {words}")
        strike()
    running = now.start()
    if not before:
        now.wait(running)
        now.tell(f"the disk of {now.victim} {words}")
        strike()
    if while_it_runs:
        now.pause(2.5 * now.window)
        lift(now)
        return [now.ended(running)]
    done = now.ended(running)
    lift(now)
    return [done]


def _free(now: Round) -> None:
    now.machine.free_disk()
    _next_minute(now)


def _writable(now: Round) -> None:
    now.machine.behind(f"umount -l {STATE}")
    _next_minute(now)


def _next_minute(now: Round) -> None:
    """The look at the hours that comes each minute: what a disk did not take is written then."""
    now.tell(f"the disk of {now.victim} is as it was")
    now.machine.behind("systemctl start komando-hours.service", check=False)


def controller_killed(now: Round) -> list[Try]:
    """Kill -9 of the command line; of the process that speaks with the routers, too, or not."""
    running = now.start()
    now.wait(running)
    if now.random.random() < 0.5:
        now.tell("the controller is killed, and its worker")
        done = running.kill()
    else:
        now.tell("the controller is killed")
        done = running.kill("controller")
    return [Try(now.wanted(), done, killed=done.code == -9)]


def program_killed(now: Round) -> list[Try]:
    """Kill -9 of the host program in the middle of a verb."""
    verb, pause = now.random.choice(["activate", "activate", "confirm"]), now.random.random() * 0.6
    running = now.start()
    now.tell(f"{now.victim}: komando-host {verb} is killed after {pause:.2f} s")
    # the brackets keep it from finding itself
    with suppress(LabError):
        now.machine.behind(
            f'timeout 15 sh -c \'until pgrep -f "komando-hos[t] {verb}" >/dev/null; do'
            f' sleep 0.02; done; sleep {pause:.3f}; pkill -KILL -f "komando-hos[t] {verb}"\'',
            check=False,
        )
    return [now.ended(running)]


def interrupted(now: Round) -> list[Try]:
    """Ctrl-C, once or twice."""
    times = now.random.choice([1, 2])
    running = now.start()
    for _ in range(times):
        now.wait(running)
        now.tell("Ctrl-C")
        running.interrupt()
    return [now.ended(running, interrupted=times)]


def two_at_once(now: Round) -> list[Try]:
    """A second clone applies other policies at the same time; in the order of their ends."""
    running = now.start()
    time.sleep(now.random.uniform(0, now.pace) if now.random.random() < 0.7 else 0)
    now.tell("the other clone's apply starts")
    second = now.other.start("apply", "--no-verify", clone="clone")
    now.runs.append(second)
    wanted = {name: bundle.digest for name, bundle in now.other.wanted().items()}
    first_ended = _which_ends_first(running, second)
    theirs = Try(wanted, second.end()) if first_ended is second else None
    ours = now.ended(running)
    if theirs is not None:
        return [theirs, ours]
    return [ours, Try(wanted, second.end())]


def _which_ends_first(one: Running, other: Running) -> Running:
    while True:
        for running in (one, other):
            if running.process.poll() is not None:
                return running
        time.sleep(0.01)


FAULTS: Mapping[str, Fault] = {
    "none": none,
    "frozen": frozen,
    "power off": power_off,
    "cable cut": cable_cut,
    "disk full": disk_full,
    "read-only": read_only,
    "controller killed": controller_killed,
    "host program killed": program_killed,
    "Ctrl-C": interrupted,
    "two at once": two_at_once,
}


def bad_bundles(scene: Scene, victim: str) -> dict[str, dict[str, str]]:
    """The files of a router's bundle that go wrong, by the name of what they do."""
    neighbour = scene.fleet.routers[victim].neighbour
    head, _, tail = scene.wanted()[victim].text(UPLOAD).rpartition("pfifo limit 100")
    return {
        "cuts ssh": {GUARD: CUTS_SSH},
        "cuts new connections": {GUARD: LETS_OLD_ONES_LIVE},
        "cuts the neighbour": {GUARD: cuts_off(scene.fleet.routers[neighbour or victim].address)},
        "tc refuses": {UPLOAD: f"{head}cake besteffort{tail}"},
    }
