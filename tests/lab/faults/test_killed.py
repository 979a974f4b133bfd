"""Kill -9 of the command line, or of the process that speaks with the hosts, at each stage.

What a host keeps is what it confirmed; what it did not confirm does not stay.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from tests.lab.conftest import LAB
from tests.lab.desk import Running, Whom
from tests.lab.scene import GUARD, STATE, Scene, cuts_off

pytestmark = LAB


def whole(scene: Scene, was: Mapping[str, str | None], known: int) -> dict[str, str | None]:
    """What all run at rest: by their own records what they confirmed, else what they ran before.

    The turn, which began behind so many entries of the ledger, stands open.
    """
    wanted = scene.digests()
    runs = scene.each(scene.comes_to_rest)
    [began] = scene.entries()[known:]
    assert began["entry"] == "started"
    for router, record in scene.each(scene.record).items():
        ours = [line for line in record if line["sequence"] == began["sequence"]]
        assert not ours or ours[-1]["event"] in ("confirmed", "reverted"), ours
        confirmed = [line["generation"] for line in ours if line["event"] == "confirmed"]
        assert set(confirmed) <= {wanted[router], was[router]}
        assert runs[router] == (confirmed[-1] if confirmed else was[router]), (router, ours)
    return runs


def next_one_takes_over(scene: Scene, known: int) -> None:
    """The next apply, which changes all, says that it closes the turn that was left open."""
    scene.edit_all(21)
    before = scene.each(scene.running)
    again = scene.apply("--at-once")
    assert set(scene.truthful(again, before).values()) == {"carried"}
    began, abandoned, *own = scene.entries()[known:]
    assert abandoned["entry"] == "abandoned"
    assert abandoned["turn"] == began["turn"]
    words = f"process {began['holder']['process']} on {began['holder']['machine']} is no more"
    assert abandoned["why"] == words
    assert f"ledger: took over sequence {began['sequence']}: {words}" in again.all
    assert [one["entry"] for one in own] == ["started", "finished"]


@pytest.mark.parametrize(
    ("stage", "whom", "stays"),
    [
        pytest.param("router-1: activating", "both", (), marks=pytest.mark.nightly),
        ("router-1: armed", "both", ()),
        pytest.param("router-1: reached", "controller", None, marks=pytest.mark.nightly),
        pytest.param("router-1: confirmed", "both", ("router-1",), marks=pytest.mark.nightly),
        ("router-2: armed", "controller", ("router-1",)),
    ],
)
def test_a_controller_that_is_killed_leaves_every_host_whole(
    scene: Scene, stage: str, whom: Whom, stays: tuple[str, ...] | None
) -> None:
    """Its process that speaks with the hosts ends by itself, where it is not killed as well.

    `stays`: who had confirmed; None where the confirmation is on its way.
    """
    was = scene.each(scene.running)
    known = len(scene.entries())
    scene.edit_all(20)
    running = scene.start("apply", "--no-verify")
    running.until(stage)
    assert running.kill(whom).code == -9
    runs = whole(scene, was, known)
    if stays is not None:
        wanted = scene.digests()
        assert runs == {name: wanted[name] if name in stays else was[name] for name in runs}
    next_one_takes_over(scene, known)


def test_a_controller_that_is_killed_while_it_takes_a_wave_back(scene: Scene) -> None:
    was = scene.each(scene.running)
    known = len(scene.entries())
    scene.edit_all(20)
    neighbour = scene.fleet.routers["router-3"]
    spoil = {"router-2": {GUARD: cuts_off(neighbour.address)}}
    running = scene.start("apply", "--no-verify", spoil=spoil)
    running.until("router-2: taking back")
    assert running.kill().code == -9
    runs = whole(scene, was, known)
    assert runs == was | {"router-1": scene.digests()["router-1"]}
    next_one_takes_over(scene, known)


def test_a_controller_that_is_killed_while_a_confirmed_host_goes_back(scene: Scene) -> None:
    """Of the second wave one host is confirmed; the other is not, as somebody was at its kernel."""
    was = scene.each(scene.running)
    known = len(scene.entries())
    scene.edit_all(20)
    running = scene.start("apply", "--no-verify")
    running.until("router-3: activating")
    scene.routers["router-3"].behind(
        f"until test -e {STATE}/pending && ! pgrep -f 'komando-hos[t] activate' >/dev/null; do :; "
        "done; nft delete table inet komando_guard"
    )
    running.until("router-2: going back")
    assert running.kill().code == -9
    runs = whole(scene, was, known)
    assert runs["router-1"] == scene.digests()["router-1"]
    assert runs["router-3"] == was["router-3"]
    next_one_takes_over(scene, known)


@contextmanager
def pen_taken(scene: Scene, running: Running) -> Iterator[None]:
    """Another process of the clone keeps its ledger, once an apply has begun its turn."""
    running.until("router-1: activating")
    lock = scene.fleet.place.folder / "clone.git" / "komando-ledger-lab.lock"
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def test_a_controller_that_is_killed_before_it_could_write_down_what_it_did(scene: Scene) -> None:
    was = scene.each(scene.running)
    known = len(scene.entries())
    scene.edit_all(20)
    running = scene.start("apply", "--no-verify")
    with pen_taken(scene, running):
        running.until("router-3: confirmed")
        assert running.kill().code == -9
    assert whole(scene, was, known) == scene.digests()
    next_one_takes_over(scene, known)


@pytest.mark.nightly
def test_an_apply_whose_process_for_the_hosts_is_killed_says_that_it_does_not_know(
    scene: Scene,
) -> None:
    was = scene.each(scene.running)
    known = len(scene.entries())
    scene.edit_all(20)
    running = scene.start("apply", "--no-verify")
    running.until("router-1: armed")
    done = running.kill("worker")
    states = scene.truthful(done, was, unknown={"router-1"})
    assert states == {"router-1": "unknown", "router-2": "untouched", "router-3": "untouched"}
    assert "the rollout process ended with -9" in done.all
    [(began, _)] = scene.turns(known)
    assert scene.record("router-1")[-1]["sequence"] == began["sequence"]
    assert scene.record("router-1")[-1]["event"] == "reverted"
    assert scene.each(scene.running) == was
