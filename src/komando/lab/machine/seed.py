"""What a technician would have left on the machine beyond its name and a way in: its cables."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path

from komando.inventory import Host
from komando.lab.topology import MANAGEMENT

DISK = "/dev/nvme0n1"
"""The disk as the machine sees it: NVMe, which Debian's cloud kernel knows without an initramfs."""

# What costs seconds at boot where every instruction is translated, and does nothing for a router.
# The timers would all fire at once when the clock is stepped.
MASKED = (
    *(f"modprobe@{one}.service" for one in ("configfs", "dm_mod", "drm", "efi_pstore", "fuse")),
    *("modprobe@loop.service", "kmod-static-nodes.service", "systemd-update-utmp.service"),
    *("systemd-update-utmp-runlevel.service", "systemd-sysusers.service", "systemd-logind.service"),
    *("dev-hugepages.mount", "dev-mqueue.mount", "sys-fs-fuse-connections.mount"),
    *("sys-kernel-config.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount"),
    *("proc-sys-fs-binfmt_misc.automount", "systemd-binfmt.service"),
    *("getty@tty1.service", "serial-getty@ttyS0.service"),
    *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer"),
    *("e2scrub_all.timer", "fstrim.timer", "systemd-tmpfiles-clean.timer"),
    # waits for every device there is; networking.service waits for its own below
    "ifupdown-pre.service",
)


_SUBSYSTEMS = " ".join(f"--subsystem-match={one}" for one in ("pci", "virtio", "net", "block"))


def mac(number: int) -> str:
    """The address of the machine's network card of that number: the range that qemu may use."""
    return f"52:54:00:6b:6c:{number:02x}"


def _files(host: Host, interfaces: Sequence[str]) -> dict[str, str]:
    devices = " ".join(f"sys-subsystem-net-devices-{one}.device" for one in interfaces)
    files = {
        # one that was prepared has booted before
        "etc/machine-id": f"{uuid.uuid4().hex}\n",
        "etc/fstab": f"{DISK} / ext4 errors=remount-ro 0 1\n",
        "etc/network/interfaces": (
            "auto lo\niface lo inet loopback\n"
            f"auto {MANAGEMENT}\niface {MANAGEMENT} inet static\n  address {host.address}/24\n"
        ),
        "etc/systemd/system/networking.service.d/cards.conf": (
            f"[Unit]\nWants={devices}\nAfter={devices}\n"
        ),
        # udev looks at what drives cards and disk, and not at a hundred terminals
        "etc/systemd/system/systemd-udev-trigger.service.d/cards.conf": (
            "[Service]\nExecStart=\nExecStart=-udevadm trigger --type=devices --action=add"
            f" {_SUBSYSTEMS}\n"
        ),
        # what was said before a reboot can be read after it
        "etc/systemd/journald.conf.d/persistent.conf": "[Journal]\nStorage=persistent\n",
    }
    for number, interface in enumerate(interfaces):
        # the shaper must see the frames that a real wire carries
        files[f"etc/systemd/network/10-{interface}.link"] = (
            f"[Match]\nMACAddress={mac(number)}\n[Link]\nName={interface}\n"
            "TCPSegmentationOffload=no\nTCP6SegmentationOffload=no\n"
            "GenericSegmentationOffload=no\nGenericReceiveOffload=no\n"
        )
    return files


def lay_hardware(seed: Path, host: Host, interfaces: Sequence[str]) -> None:
    """Lay what its hardware needs into a seed: the first interface is on the first card."""
    for path, text in _files(host, interfaces).items():
        target = seed / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    units = seed / "etc/systemd/system"
    for unit in MASKED:
        (units / unit).symlink_to("/dev/null")
