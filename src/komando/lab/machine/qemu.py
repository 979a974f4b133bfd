"""qemu: start a machine inside the lab's network and groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from komando.lab.commands import run
from komando.lab.groups import make_groups
from komando.lab.machine.seed import DISK, mac
from komando.lab.place import Place

PROGRAMS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "mke2fs": "e2fsprogs",
}
"""What a machine needs beyond a lab, and the Debian package that brings it."""

BOOT = Path(__file__).parents[1] / "data" / "boot-machine.sh"

PROCESSORS = 2
MEMORY = 512
"""Processors, and memory in MiB; a prepared router uses some 60. One processor boots in 19 s
where two do in 13; where the cores are shared there is no difference."""

KERNEL = (
    f"root={DISK} rw console=ttyS0 quiet audit=0 mitigations=off"
    " tsc=reliable no5lvl modprobe.blacklist=kvm_amd,powernow_k8"
)


@dataclass(frozen=True)
class Hardware:
    """What the machine is made of: the files that it runs from and writes to."""

    kernel: Path
    disk: Path
    console: Path
    cards: int


def lay_cables(place: Place, interfaces: Sequence[str]) -> None:
    """Join each cable that ends in the router's namespace with a card of the machine.

    The namespace itself has no address any more: it only passes frames on.
    """
    lines = []
    for number, interface in enumerate(interfaces):
        bridge, tap = f"kl-br{number}", _tap(number)
        lines += [
            f"link add {bridge} type bridge mcast_snooping 0",
            f"tuntap add dev {tap} mode tap",
            f"address flush dev {interface}",
            f"link set {bridge} addrgenmode none",
        ]
        for port in (tap, interface):
            lines += [f"link set {port} addrgenmode none", f"link set {port} master {bridge}"]
        lines += [f"link set {one} up" for one in (bridge, tap, interface)]
    run([*place.enter("router"), "ip", "-batch", "-"], "\n".join(lines))


def make_overlay(disk: Path, below: Path) -> None:
    """A disk that holds what differs from the raw one below, which is never written to."""
    run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(below), "-F", "raw", str(disk)])


def start(place: Place, hardware: Hardware) -> None:
    """Give it power; it goes on when this process ends, until the lab does.

    Raises LabError, with qemu's words, when qemu refuses.
    """
    groups = [str(group) for group in make_groups(place)]
    command = _command(hardware)
    run(["sh", str(BOOT), *groups, "--", *place.enter("router"), *command])


def _command(hardware: Hardware) -> list[str]:
    # TCG: /dev/kvm is on many machines where no guest gets through its boot
    command = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none"]
    # no feature taken away: with svm=off fsync and mounts failed inside, in both boots (qemu 7.2)
    command += ["-machine", "q35", "-accel", "tcg", "-cpu", "max"]
    command += ["-smp", str(PROCESSORS), "-m", str(MEMORY)]
    command += ["-kernel", str(hardware.kernel), "-append", KERNEL]
    command += ["-chardev", f"file,id=console,path={hardware.console},append=on"]
    command += ["-serial", "chardev:console"]
    # the machine's flushes reach the file, and what it has not flushed may be lost with the power
    command += ["-drive", f"id=disk,if=none,format=qcow2,file={hardware.disk},cache=writeback"]
    command += ["-device", "nvme,drive=disk,serial=disk"]
    for number in range(hardware.cards):
        command += ["-netdev", f"tap,id=n{number},ifname={_tap(number)},script=no,downscript=no"]
        card = f"virtio-net-pci,netdev=n{number},mac={mac(number)},romfile="
        command += ["-device", card]
    return [*command, "-daemonize"]


def _tap(number: int) -> str:
    return f"kl-tap{number}"
