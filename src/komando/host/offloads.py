"""Offloads that make one packet of many, which a shaper must not see: they are kept off.

A frame of 64 kB counts as one packet: offices then get 0.71 to 1.88 times what they were promised
(measured with fq_codel).
"""

from __future__ import annotations

import fcntl
import struct
from _socket import AF_INET, SOCK_DGRAM, socket  # as in kernel.py
from array import array
from collections.abc import Iterable, Mapping

from .kernel import CommandError, run

SWITCHES = {
    "tso": (
        "tx-tcp-segmentation",
        "tx-tcp-accecn-segmentation",
        "tx-tcp-ecn-segmentation",
        "tx-tcp-mangleid-segmentation",
        "tx-tcp6-segmentation",
    ),
    "gso": ("tx-generic-segmentation",),
    "gro": ("rx-gro",),
    "lro": ("rx-lro",),
    "rx-gro-hw": ("rx-gro-hw",),
}
"""As `ethtool -K` takes them, each with the kernel's features that it stands for (`off_flag_def` in
ethtool's sources, `netdev_features_strings` in the kernel's)."""

# linux/sockios.h and linux/ethtool.h
_SIOCETHTOOL = 0x8946
_GSTRINGS, _GSSET_INFO, _GFEATURES = 0x1B, 0x37, 0x3A
_SS_FEATURES = 4
_BLOCKS = 4
"""More than any kernel has features for (two); it fills those that it has."""

_BLOCK = struct.Struct("=4I")
"""available, requested, active, never changed: a bit for each of 32 features."""


def live_offloads(devices: Iterable[str]) -> dict[str, list[str]]:
    """By device, the switches that are on and can be off; none where there is no ethtool.

    Raises CommandError for a device that does not tell.
    """
    masks: dict[str, int] = {}
    found: dict[str, list[str]] = {}
    asked = socket(AF_INET, SOCK_DGRAM)
    try:
        for device in sorted(devices):
            try:
                masks = masks or _masks(asked.fileno(), device)
                on = _on(asked.fileno(), device, masks)
            except OSError as error:
                raise CommandError(f"offloads of {device}: {error}") from None
            if on:
                found[device] = on
    finally:
        asked.close()
    if found:
        from shutil import which  # seldom is any on

        found = found if which("ethtool") else {}
    return found


def _ask(descriptor: int, device: str, request: bytes, answer: int) -> bytes:
    """What ethtool's ioctl answers (netdevice(7)); `answer` bytes follow the request."""
    block = array("B", request + bytes(answer))
    address, _ = block.buffer_info()
    fcntl.ioctl(descriptor, _SIOCETHTOOL, struct.pack("16sP16x", device.encode(), address))
    return block.tobytes()[len(request) :]


def _masks(descriptor: int, device: str) -> dict[str, int]:
    """By switch, the bits of its features, which are the same for each device."""
    counted = _ask(descriptor, device, struct.pack("=2IQ", _GSSET_INFO, 0, 1 << _SS_FEATURES), 4)
    (count,) = struct.unpack("=I", counted)
    told = _ask(descriptor, device, struct.pack("=3I", _GSTRINGS, _SS_FEATURES, count), count * 32)
    names = [one.partition(b"\0")[0].decode() for (one,) in struct.iter_unpack("32s", told)]
    return {
        switch: sum(1 << names.index(feature) for feature in features if feature in names)
        for switch, features in SWITCHES.items()
    }


def _on(descriptor: int, device: str, masks: Mapping[str, int]) -> list[str]:
    """The switches of which a feature is active and one can be changed."""
    request = struct.pack("=2I", _GFEATURES, _BLOCKS)
    told = _ask(descriptor, device, request, _BLOCKS * _BLOCK.size)
    available = active = fixed = 0
    for number, block in enumerate(_BLOCK.iter_unpack(told)):
        available |= block[0] << 32 * number
        active |= block[2] << 32 * number
        fixed |= block[3] << 32 * number
    return [switch for switch, mask in masks.items() if active & mask and available & ~fixed & mask]


def turn_off(device: str, switches: Iterable[str]) -> None:
    """Turns these off; raises CommandError."""
    words = [word for switch in switches for word in (switch, "off")]
    run(["ethtool", "-K", device, *words])
