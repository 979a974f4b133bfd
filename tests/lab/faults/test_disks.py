"""A disk that is full or read-only, from the start or in the window: nobody is cut off."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.lab.conftest import LAB
from tests.lab.scene import CUTS_SSH, GUARD, STATE, WINDOW, Scene, leave_files, small_disk

pytestmark = LAB


def test_a_full_disk_at_stage_changes_nothing(scene: Scene) -> None:
    was = scene.each(scene.running)
    scene.edit("router-1", 20)
    with small_disk(scene.routers["router-1"], 4096) as fill:
        fill()
        done = scene.apply()
        assert "No space left" in done.all
        assert scene.truthful(done, was)["router-1"] == "refused"


@contextmanager
def both_staged(scene: Scene) -> Iterator[Callable[[], None]]:
    """On a small disk router-1 has what is asked for already: nothing has to be staged."""
    with small_disk(scene.routers["router-1"], 4096) as fill:
        for rate in (20, 11):
            scene.edit("router-1", rate)
            scene.apply_well()
        scene.edit("router-1", 20)
        yield fill


def test_a_full_disk_at_arming_changes_nothing(scene: Scene) -> None:
    was = scene.each(scene.running)
    with both_staged(scene) as fill:
        lines = scene.record("router-1")
        fill()
        done = scene.apply()
        assert "nothing was changed: [Errno 28] No space left" in done.all
        assert scene.truthful(done, was)["router-1"] == "refused"
        assert scene.record("router-1") == lines


def test_a_full_disk_at_the_flip_takes_the_change_back(scene: Scene) -> None:
    """Room for one file more: the note of the window takes it, and `current` cannot be led on."""
    was = scene.each(scene.running)
    machine = scene.routers["router-1"]
    with both_staged(scene):
        lines = scene.record("router-1")
        leave_files(machine, 1)
        done = scene.apply()
        assert "No space left on device: 'generations/" in done.all
        assert scene.truthful(done, was)["router-1"] == "reverted"
        armed, reverted = scene.record("router-1")[len(lines) :]
        assert (armed["event"], reverted["event"]) == ("armed", "reverted")
        assert "No space left on device" in reverted["reason"]
        assert armed["generation"] == reverted["generation"] == scene.digests()["router-1"]
        leave_files(machine, None)
        again = scene.apply()
        assert scene.truthful(again, was)["router-1"] == "carried"


def test_a_disk_that_fills_up_in_the_window_does_not_bar_the_way_back(scene: Scene) -> None:
    was = scene.each(scene.running)
    machine = scene.routers["router-1"]
    scene.edit("router-1", 20)
    with small_disk(machine, 4096) as fill:
        running = scene.start("apply", "--no-verify", spoil={"router-1": {GUARD: CUTS_SSH}})
        machine.behind(f"until test -e {STATE}/pending; do sleep 0.02; done")
        fill()
        time.sleep(WINDOW + 2)
        machine.run("true")  # reached: the kernel is as it was
        machine.behind(f"rm {STATE}/ballast")
        machine.behind("systemctl start komando-hours.service", check=False)
        assert scene.truthful(running.end(), was)["router-1"] == "reverted"


def test_a_read_only_file_system_changes_nothing(scene: Scene) -> None:
    was = scene.each(scene.running)
    machine = scene.routers["router-1"]
    scene.edit("router-1", 20)
    with small_disk(machine, 4096):
        machine.behind(f"mount -o remount,ro {STATE}")
        done = scene.apply()
        assert "Read-only file system" in done.all
        states = scene.truthful(done, was)
        machine.behind(f"mount -o remount,rw {STATE}")
        assert states["router-1"] == "refused"


def test_a_file_system_that_turns_read_only_in_the_window_does_not_cut_anybody_off(
    scene: Scene,
) -> None:
    was = scene.each(scene.running)
    machine = scene.routers["router-1"]
    scene.edit("router-1", 20)
    with small_disk(machine, 4096):
        running = scene.start("apply", "--no-verify", spoil={"router-1": {GUARD: CUTS_SSH}})
        running.until("router-1: activating")
        machine.behind(
            f"until test -e {STATE}/pending && ! nft list table inet komando_guard | "
            f"grep -q management; do sleep 0.02; done; mount -o remount,ro {STATE}"
        )
        time.sleep(WINDOW + 2)
        machine.run("true")  # reached, although nothing could be written
        machine.behind(f"mount -o remount,rw {STATE}")
        machine.behind("systemctl start komando-hours.service", check=False)
        assert scene.truthful(running.end(), was)["router-1"] == "reverted"
