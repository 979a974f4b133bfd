"""Whether a cable is in and something is at its other end."""

from __future__ import annotations

import fcntl
import struct
from _socket import AF_INET, SOCK_DGRAM, socket  # as in kernel.py
from collections.abc import Iterable

_SIOCGIFFLAGS = 0x8913
_RUNNING = 0x40
_REQUEST = struct.Struct("=16sH22x")
"""struct ifreq of netdevice(7): a name, and flags."""


def carriers(devices: Iterable[str]) -> dict[str, bool]:
    """By device, whether it carries frames now: one that is down, or away, does not."""
    asked = socket(AF_INET, SOCK_DGRAM)
    try:
        return {device: _runs(asked.fileno(), device) for device in devices}
    finally:
        asked.close()


def _runs(descriptor: int, device: str) -> bool:
    try:
        told = fcntl.ioctl(descriptor, _SIOCGIFFLAGS, _REQUEST.pack(device.encode(), 0))
    except OSError:
        return False
    return bool(_REQUEST.unpack(told)[1] & _RUNNING)
