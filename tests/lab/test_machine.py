"""A router that is a virtual machine: what befalls a change when power, boot or clock go wrong.

Three boots and seven applies serve all tests: each plight is brought about once, by a fixture, and
each thing that has to hold afterwards is a test of its own.
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from komando.lab.commands import run
from komando.lab.life import raze_city
from komando.lab.machine.disk import lay_on_disk
from komando.lab.machine.life import MachineOrder, raise_machine
from komando.lab.machine.machine import Machine
from komando.lab.place import NAMESPACES, LabError, Place
from tests.lab.conftest import LAB, own_name, traces
from tests.lab.desk import REPOSITORY, Done
from tests.lab.hamlet import CLOSED, OPEN, ROUTER, ZONE, moment_of, profile_at, write_hamlet
from tests.lab.rig import AMPLE, CUT_OFF, MADE, Look, Plot, Rig
from tests.lab.scene import GRACE, STATE

pytestmark = [*LAB, pytest.mark.nightly]

YEAR = timedelta(days=365)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine with nothing applied; nothing is left of it afterwards."""
    place = Place(own_name("v"))
    inventory, policies = write_hamlet(tmp_path_factory.mktemp("order"), AMPLE)
    try:
        yield raise_machine(
            place,
            MachineOrder(policies, inventory, REPOSITORY / "roles"),
            lambda _, __: None,
        )
    finally:
        raze_city(place)
    assert traces(place.name) == []


@pytest.fixture(scope="module")
def rig(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Rig:
    """The machine once the policies are in force for the first time."""
    rig = Rig(machine, tmp_path_factory.mktemp("rig"))
    write_hamlet(rig.folder, AMPLE)
    begun = time.monotonic()
    done = rig.apply_well()
    assert done.code == 0, done.all
    return replace(rig, pace=time.monotonic() - begun)


@dataclass(frozen=True)
class Plight:
    """How the machine stood before, what the apply said, how it stood after; and the next apply.

    `words` are those of BOOT_WORDS; `plot` is that of the next apply, or of the plight itself.
    """

    before: Look
    done: Done
    after: Look
    words: str = ""
    next: Done | None = None
    plot: Plot | None = None


# --- restarts ------------------------------------------------------------------------------------

BOOT_WORDS = f"""\
ls {STATE}/pending {STATE}/reverting /run/left 2>/dev/null; cat /root/kept
nft list tables | grep left
systemctl show ssh.service -p ActiveEnterTimestampMonotonic
systemctl show komando-boot.service -p InactiveEnterTimestampMonotonic -p Before
journalctl -b -u komando-boot -o cat --no-pager | grep '^{{' | sed 's/^/boot /'
systemctl show network-pre.target -p ActiveEnterTimestampMonotonic
systemctl show networking.service -p InactiveExitTimestampMonotonic
journalctl -b -o short-monotonic --no-pager -t sshd | grep -m1 -i connection | sed 's/^/first /'
journalctl -b -1 -k --no-pager -n 1000 | grep -m1 -o 'Linux version'
true
"""


@pytest.fixture(scope="module")
def cut(rig: Rig) -> Plight:
    """The power goes when a change has cut ssh, and comes back."""
    before = rig.look()
    rig.edit(11)
    leave = "nft add table inet left; touch /run/left; echo kept >/root/kept; sync"
    plot = rig.plot(CUT_OFF, leave)
    apply = rig.cut_off()
    plot.until("begun")
    rig.machine.power_cut()
    assert not rig.machine.is_on
    with pytest.raises(LabError, match="has no power"):
        rig.machine.wait_for_ssh()
    rig.machine.power_on(wait=False)
    rig.knock()
    after = rig.comes_to_rest()
    words, done = rig.machine.run(BOOT_WORDS), apply.end()
    # in the window of the next one, somebody sets the clock
    step = rig.plot(MADE, f"date --set=@{(datetime.now(UTC) + YEAR).timestamp():.0f}")
    return Plight(before, done, after, words, rig.apply_well(), step)


@pytest.fixture(scope="module")
def rebooted(rig: Rig, cut: Plight) -> Plight:
    """Somebody reboots it when a change has cut ssh; its clock is a year ahead."""
    assert cut.next
    before = rig.look()
    rig.edit(12)
    plot = rig.plot(CUT_OFF, "say begun 0; systemctl reboot")
    apply = rig.cut_off()
    plot.until("begun")
    rig.knock()
    rig.machine.wait_for_ssh(after=before.boot)
    after = rig.comes_to_rest()
    words = rig.machine.run(BOOT_WORDS)
    return Plight(before, apply.end(), after, words, rig.apply_well())


@pytest.fixture(params=["cut", "rebooted"])
def restarted(request: pytest.FixtureRequest) -> Plight:
    plight: Plight = request.getfixturevalue(request.param)
    return plight


def seconds(words: str, unit: str, event: str) -> float:
    """When something happened to a unit of BOOT_WORDS, since the machine's boot."""
    index = {"ssh": 0, "boot": 0, "pre": 1, "networking": 0}[unit]
    return int(re.findall(rf"{event}Monotonic=(\d+)", words)[index]) / 1e6


def test_an_apply_is_in_force_on_a_stock_kernel(rig: Rig) -> None:
    look = rig.comes_to_rest()
    assert look.observed["profile"] == profile_at(datetime.fromtimestamp(look.clock, UTC))
    said = rig.machine.run(
        "tc qdisc show dev ifb0; uname -r; ethtool -k lan0 | grep -v fixed;"
        " systemctl is-active systemd-timesyncd",
        check=False,
    )
    assert "fq_codel" in said
    assert "6.1" in said
    assert "segmentation-offload: on" not in said
    assert "\nactive\n" not in said
    assert reaches_the_internet(rig.machine)


def reaches_the_internet(machine: Machine) -> bool:
    slug = min(machine.city.endpoints)
    enter = ("nsenter", f"--net={NAMESPACES / machine.city.netns(slug)}")
    ping = ("ping", "-c", "1", "-W", "5", machine.city.internet_v4)
    done = subprocess.run([*enter, *ping], capture_output=True, check=False)
    return done.returncode == 0


def test_a_restart_in_the_window_brings_the_generation_before_back(restarted: Plight) -> None:
    assert restarted.after.boot != restarted.before.boot
    assert restarted.after.generation == restarted.before.generation
    assert f"{STATE}/" not in restarted.words, "neither pending nor reverting"


def test_it_is_reached_as_soon_as_ssh_is_up(rig: Rig, restarted: Plight) -> None:
    up = seconds(restarted.words, "ssh", "ActiveEnterTimestamp")
    first = re.search(r"first \[ *([\d.]+)\]", restarted.words)
    assert first, restarted.words
    assert float(first[1]) - up <= GRACE * rig.slowness


def test_its_record_says_that_the_machine_restarted(restarted: Plight) -> None:
    armed, last = restarted.after.record[-2:]
    assert (armed["event"], last["event"]) == ("armed", "reverted")
    assert last["reason"] == "the machine restarted before it was confirmed"
    assert last["generation"] == armed["generation"] != restarted.before.generation
    assert last["previous"] == restarted.before.generation
    assert restarted.after.record[:-2] == restarted.before.record


def test_the_apply_says_that_it_was_taken_back(restarted: Plight) -> None:
    assert restarted.done.code == 1, restarted.done.all
    assert restarted.done.state(ROUTER) == "reverted", restarted.done.all
    assert "the machine restarted before it was confirmed" in restarted.done.all


def test_the_next_apply_succeeds(restarted: Plight) -> None:
    assert restarted.next is not None
    assert restarted.next.code == 0, restarted.next.all
    assert restarted.next.state(ROUTER) == "carried", restarted.next.all


def test_it_was_taken_back_before_any_network_was_up(restarted: Plight) -> None:
    words = restarted.words
    assert f'boot {{"generation": "{restarted.before.generation}"' in words
    assert re.search(r"^Before=.*\bnetwork-pre\.target\b", words, re.MULTILINE)
    taken_back = seconds(words, "boot", "InactiveEnterTimestamp")
    assert 0 < taken_back <= seconds(words, "pre", "ActiveEnterTimestamp")
    assert taken_back <= seconds(words, "networking", "InactiveExitTimestamp")


def test_a_power_cut_loses_the_kernel_and_keeps_the_disk(cut: Plight) -> None:
    assert "kept\n" in cut.words
    assert "left" not in cut.words
    assert "Linux version" in cut.words, "what was said before the cut can be read after it"


def test_a_reboot_brings_the_true_time_back(rebooted: Plight) -> None:
    assert rebooted.before.clock - datetime.now(UTC).timestamp() > 300 * 24 * 3600
    assert abs(rebooted.after.clock - datetime.now(UTC).timestamp()) < 600


# --- clocks --------------------------------------------------------------------------------------


def stepped(rig: Rig, rate: int, moment: datetime) -> Plight:
    """The clock is stepped to a moment when a change has cut ssh, and the window runs out."""
    before = rig.look()
    rig.edit(rate)
    plot = rig.plot(CUT_OFF, f"date --set=@{moment.timestamp():.0f}")
    apply = rig.cut_off(rig.window)
    plot.until("closed")
    rig.knock()
    return Plight(before, apply.end(), rig.comes_to_rest(), plot=plot)


@pytest.fixture(scope="module")
def forward(rig: Rig) -> Plight:
    """A year forward, to the other part of the day."""
    other = CLOSED if profile_at(datetime.now(UTC)) == OPEN else OPEN
    return stepped(rig, 13, moment_of(other, 1))


@pytest.fixture(scope="module")
def back(rig: Rig, forward: Plight) -> Plight:
    """From there to a year ago, at the part of the day that it is in truth."""
    assert forward.after.rests
    return stepped(rig, 14, moment_of(profile_at(datetime.now(UTC)), -1))


@pytest.fixture(params=["forward", "back"])
def timeless(request: pytest.FixtureRequest) -> Plight:
    plight: Plight = request.getfixturevalue(request.param)
    return plight


def test_a_stepped_clock_neither_closes_the_window_nor_keeps_it_open(
    rig: Rig, timeless: Plight
) -> None:
    assert abs(timeless.after.clock - datetime.now(UTC).timestamp()) > 300 * 24 * 3600
    assert timeless.plot
    lasted = timeless.plot.until("closed") - timeless.plot.until("armed")
    # the plot looks a few times a second; and the alarm's program has to start
    assert rig.window - GRACE * rig.slowness <= lasted <= rig.window + GRACE + rig.pace


def test_what_a_window_closed_under_a_stepped_clock_is_as_it_was(timeless: Plight) -> None:
    assert timeless.after.boot == timeless.before.boot
    assert timeless.after.generation == timeless.before.generation
    armed, last = timeless.after.record[-2:]
    assert (armed["event"], last["event"]) == ("armed", "reverted")
    assert last["reason"] == "nobody confirmed it in time"
    assert timeless.after.record[:-2] == timeless.before.record


def test_the_apply_says_so_under_a_stepped_clock(timeless: Plight) -> None:
    assert timeless.done.code == 1, timeless.done.all
    assert timeless.done.state(ROUTER) == "reverted", timeless.done.all


def test_the_hours_go_by_the_stepped_clock(forward: Plight, back: Plight) -> None:
    profiles = []
    for plight in (forward, back):
        there = datetime.fromtimestamp(plight.after.clock, ZONE)
        assert plight.after.observed["profile"] == profile_at(there)
        profiles.append(profile_at(there))
    assert set(profiles) == {OPEN, CLOSED}


def test_a_change_is_confirmed_though_the_clock_is_stepped_in_its_window(
    cut: Plight, rebooted: Plight
) -> None:
    assert cut.plot
    assert cut.plot.until("closed") - cut.plot.until("armed") < AMPLE / 2
    confirmed = rebooted.before.record[len(cut.after.record) :]
    assert [one["event"] for one in confirmed] == ["armed", "confirmed"]
    assert rebooted.before.generation == confirmed[-1]["generation"] != cut.after.generation
    then, now = (datetime.fromisoformat(one["time"]) for one in confirmed)
    assert YEAR / 2 < now - then < YEAR * 2


# --- the machine itself --------------------------------------------------------------------------


def test_a_machine_with_power_is_not_switched_on_twice(machine: Machine) -> None:
    with pytest.raises(LabError, match="has power already"):
        machine.power_on()


def test_a_machine_that_does_not_come_to_stand_leaves_nothing(spare: str, tmp_path: Path) -> None:
    order = MachineOrder(tmp_path, REPOSITORY / "inventories/lab", REPOSITORY / "roles")
    with pytest.raises(LabError, match="komando check"):
        raise_machine(Place(spare), order, lambda _, __: None)
    assert traces(spare) == []


def test_what_a_layer_took_away_is_not_on_the_disk(tmp_path: Path) -> None:
    tree, layer, disk = (tmp_path / one for one in ("tree", "layer", "disk"))
    for folder in (tree / "etc/kept", tree / "etc/emptied", layer / "etc/emptied"):
        folder.mkdir(parents=True)
    for file in ("etc/kept/one", "etc/emptied/two", "etc/gone"):
        (tree / file).touch()
    # as overlayfs notes it: a device 0/0 in the place of a file, an attribute on a folder
    os.mknod(layer / "etc/gone", stat.S_IFCHR, os.makedev(0, 0))
    os.setxattr(layer / "etc/emptied", "trusted.overlay.opaque", b"y")
    lay_on_disk((layer, tree), tmp_path / "empty", disk)
    listed = {
        folder: run(["debugfs", "-R", f"ls -p {folder}", str(disk)])
        for folder in ("/etc", "/etc/kept", "/etc/emptied")
    }
    assert "/gone/" not in listed["/etc"]
    assert "/one/" in listed["/etc/kept"]
    assert "/two/" not in listed["/etc/emptied"]
