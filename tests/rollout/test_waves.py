"""Waves: who goes ahead, and what a failure leaves of the others."""

from __future__ import annotations

import errno
import os
import signal
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from komando.inventory import Access, Host
from komando.rollout.outcome import now
from komando.rollout.waves import Waves, arrange
from tests.rollout.played import PlayedHost
from tests.rollout.rolled import NEW, OLD, Play, bundle, outcome, rolled, states

HOSTS = {
    name: Host(name, "router", "192.0.2.1", {}, "pfifo") for name in ("core-1", "core-2", "core-3")
}


@pytest.mark.parametrize(
    ("names", "canaries", "at_once", "waves"),
    [
        ((), (), False, ()),
        ((), (), True, ()),
        (("core-2",), (), False, (("core-2",),)),
        (("core-2",), ("core-2",), False, (("core-2",),)),
        # none is marked: the first by name
        (("core-3", "core-1", "core-2"), (), False, (("core-1",), ("core-2", "core-3"))),
        (("core-3", "core-1", "core-2"), ("core-2",), False, (("core-2",), ("core-1", "core-3"))),
        (("core-1", "core-2"), ("core-1", "core-2"), False, (("core-1", "core-2"),)),
        # the marked one does not change
        (("core-3", "core-2"), ("core-1",), False, (("core-2",), ("core-3",))),
        (("core-3", "core-1"), ("core-3",), True, (("core-1", "core-3"),)),
    ],
)
def test_canaries_go_ahead_and_all_others_follow(
    names: tuple[str, ...], canaries: tuple[str, ...], at_once: bool, waves: Waves
) -> None:
    hosts = {name: replace(host, canary=name in canaries) for name, host in HOSTS.items()}
    assert arrange(names, hosts, at_once=at_once) == waves


@pytest.fixture
def three(play: Play) -> list[PlayedHost]:
    """Three hosts that run the old generation; the second is the canary."""
    hosts = [play(name) for name in ("core-1", "core-2", "core-3")]
    for host in hosts:
        host.run(bundle(host.name, "old"))
    hosts[1].canary = True
    return hosts


def test_the_others_begin_when_the_canary_is_confirmed_and_verified(
    three: list[PlayedHost], access: Access
) -> None:
    said: list[str] = []

    def verify(names: tuple[str, ...]) -> bool:
        said.append(f"verify {', '.join(names)}")
        return True

    rollout = rolled(three, access, told=lambda *one: said.append(": ".join(one)), verify=verify)
    assert rollout.holds
    assert set(states(rollout).values()) == {"carried"}
    stages = ("activating", "armed", "reached", "confirmed")
    assert said == [
        *(f"core-2: {stage}" for stage in stages),
        "verify core-2",
        *(f"{name}: {stage}" for stage in stages for name in ("core-1", "core-3")),
        "verify core-1, core-3",
    ]
    for host in three:
        assert host.digest == NEW
        assert host.events == ["activated", "armed", "confirmed"]
        assert outcome(rollout, host.name).head == host.program().record.head()


@pytest.mark.parametrize("well", [True, False])
def test_it_is_told_when_the_outcome_of_each_host_became_known(
    three: list[PlayedHost], access: Access, *, well: bool
) -> None:
    def verify(names: tuple[str, ...]) -> bool:
        del names
        time.sleep(1.1)
        return well

    begun = now()
    times = {one.host: one.time for one in rolled(three, access, verify=verify).outcomes}
    first, canary, third = (times[host.name] for host in three)
    assert canary is not None
    assert first is not None
    assert begun <= min(canary, first) <= max(canary, first) <= now()
    assert (canary < first) == well, "one that was doubted is known when it has gone back"
    assert third == first or well
    assert (canary.microsecond, canary.utcoffset()) == (0, timedelta(0))


@pytest.mark.parametrize("failure", ["refused", "lacking", "verify"])
def test_a_canary_that_fails_leaves_the_others_untouched(
    three: list[PlayedHost], access: Access, failure: str
) -> None:
    canary, others = three[1], (three[0], three[2])
    if failure != "verify":
        getattr(canary, failure)[NEW] = "table inet shaper is missing"
    rollout = rolled(three, access, verify=lambda _: failure != "verify")
    assert not rollout.holds
    state = "reverted"
    assert states(rollout) == {"core-1": "untouched", "core-2": state, "core-3": "untouched"}
    assert canary.digest == OLD
    assert canary.events[-1] in ("reverted", "confirmed")
    assert not canary.armed
    told = outcome(rollout, "core-2")
    words = "not seen to do what" if failure == "verify" else "table inet shaper is missing"
    assert words in told.reason
    assert told.runs == OLD
    if failure != "refused":
        assert told.head == canary.program().record.head()
    for host in others:
        assert (host.digest, host.verbs) == (OLD, [])
        assert outcome(rollout, host.name).runs == OLD


def test_a_look_from_outside_that_breaks_off_has_seen_nothing_hold(
    three: list[PlayedHost], access: Access
) -> None:
    def verify(_: tuple[str, ...]) -> bool:
        raise OSError(errno.ENOSPC, "No space left on device", "/tmp")  # noqa: S108

    rollout = rolled(three, access, verify=verify)
    assert not rollout.holds
    assert states(rollout) == {"core-1": "untouched", "core-2": "reverted", "core-3": "untouched"}
    assert three[1].digest == OLD
    assert "OSError: [Errno 28] No space left on device" in outcome(rollout, "core-2").reason


def test_no_wave_begins_once_the_turn_is_over(three: list[PlayedHost], access: Access) -> None:
    confirmed: list[str] = []

    def told(host: str, stage: str) -> None:
        confirmed.extend([host] if stage == "confirmed" else [])

    rollout = rolled(three, access, told=told, over=lambda: bool(confirmed))
    assert confirmed == ["core-2"]
    assert states(rollout) == {"core-1": "untouched", "core-2": "carried", "core-3": "untouched"}
    assert "its turn was over" in outcome(rollout, "core-1").reason
    assert not rollout.holds
    assert [host.digest for host in three] == [OLD, NEW, OLD]


@pytest.mark.parametrize("trouble", ["ctrl-c", "nobody hears"])
def test_what_comes_between_two_steps_leaves_no_wave_half_confirmed(
    three: list[PlayedHost], access: Access, trouble: str
) -> None:
    three[2].lacking[NEW] = "table inet shaper is missing"

    def told(host: str, stage: str) -> None:
        if (host, stage) != ("core-1", "confirmed"):
            return
        if trouble == "ctrl-c":
            os.kill(os.getpid(), signal.SIGINT)
        else:
            raise OSError(errno.ENOSPC, "No space left on device")

    rollout = rolled(three, access, at_once=True, told=told)
    assert not rollout.holds
    assert set(states(rollout).values()) == {"reverted"}
    assert [host.digest for host in three] == [OLD, OLD, OLD]


def test_a_host_of_the_second_wave_takes_its_wave_back_and_the_canary_stays(
    three: list[PlayedHost], access: Access
) -> None:
    core_1, canary, core_3 = three
    core_3.refused[NEW] = "tc: no such device"
    rollout = rolled(three, access)
    assert not rollout.holds
    assert states(rollout) == {"core-1": "reverted", "core-2": "carried", "core-3": "reverted"}
    assert [host.digest for host in three] == [OLD, NEW, OLD]
    assert outcome(rollout, "core-1").reason == f"core-3: {outcome(rollout, 'core-3').reason}"
    assert outcome(rollout, "core-3").reason.startswith("tc: no such device; generation ")
    assert core_1.events == ["activated", "armed", "reverted"]
    assert "confirm" not in core_1.verbs + core_3.verbs
    assert not any(host.armed for host in three)
    assert canary.verbs == ["activate", "confirm"]


def test_a_host_that_was_confirmed_goes_back_when_another_one_of_its_wave_fails(
    three: list[PlayedHost], access: Access
) -> None:
    core_1, _, core_3 = three
    core_3.lacking[NEW] = "class 1:404 on ifb0 is missing"
    said: list[str] = []
    rollout = rolled(three, access, told=lambda *one: said.append(": ".join(one)), sequence=4)
    assert states(rollout) == {"core-1": "reverted", "core-2": "carried", "core-3": "reverted"}
    assert [host.digest for host in three] == [OLD, NEW, OLD]
    assert core_1.events == ["activated", *("armed", "confirmed") * 2]
    assert core_1.verbs == ["activate", "confirm"] * 2
    back = core_1.words[2]
    assert back[:4] == ["activate", OLD, "--before", NEW]
    assert "class 1:404 on ifb0 is missing" in outcome(rollout, "core-1").reason
    assert outcome(rollout, "core-1").runs == OLD
    assert said[-1] == "core-1: taken back", "nobody shall read `confirmed` last"


def test_at_once_one_host_that_fails_takes_all_back(
    three: list[PlayedHost], access: Access
) -> None:
    three[0].refused[NEW] = "no space left on device"
    rollout = rolled(three, access, at_once=True)
    assert states(rollout) == {"core-1": "reverted", "core-2": "reverted", "core-3": "reverted"}
    assert [host.digest for host in three] == [OLD] * 3


def test_a_first_change_that_fails_has_no_generation_to_go_back_to(
    play: Play, access: Access
) -> None:
    host = play("core-1")
    host.refused[NEW] = "no space left on device"
    rollout = rolled([host], access)
    assert states(rollout) == {"core-1": "reverted"}
    assert outcome(rollout, "core-1").reason == (
        "no space left on device; no generation is in force, as before"
    )
    assert host.digest is None


@pytest.mark.parametrize("way_back", ["none", "repair", "refused"])
def test_a_canary_that_cannot_go_back_ends_the_rollout_all_the_same(
    play: Play, access: Access, way_back: str
) -> None:
    canary, other = play("core-1"), play("core-2")
    canary.canary = True
    other.run(bundle("core-2", "old"))
    if way_back == "repair":
        canary.run(bundle("core-1"))
    if way_back == "refused":
        canary.run(bundle("core-1", "old"))
        canary.refused[OLD] = "no space left on device"
    rollout = rolled([canary, other], access, verify=lambda _: False)
    assert states(rollout) == {"core-1": "carried", "core-2": "untouched"}
    assert not rollout.holds
    assert canary.digest == NEW
    assert other.digest == OLD
    assert (
        outcome(rollout, "core-1").reason
        == "it was not seen to do what was intended; "
        + {
            "none": "it ran nothing else before",
            "repair": "it ran nothing else before",
            "refused": "it could not be taken back: no space left on device; "
            f"generation {NEW} is in force again",
        }[way_back]
    )


def test_a_repair_sends_the_files_again_and_waits_for_no_confirmation(
    play: Play, access: Access
) -> None:
    host = play("core-1")
    host.run(bundle("core-1"))
    host.damage()
    host.kernel = "table inet shaper is missing"
    rollout = rolled([host], access)
    assert states(rollout) == {"core-1": "carried"}
    assert host.verbs == ["activate"]
    assert host.kernel == ""
    assert host.program().standing.observe()["kernel"] == "ok"
