"""Offloads that make one packet of many, which a shaper must not see: they are kept off.

A frame of 64 kB counts as one packet: offices then get 0.71 to 1.88 times what they were promised
(measured with fq_codel).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from shutil import which

from .kernel import run

SWITCHES = {
    "generic-receive-offload": "gro",
    "generic-segmentation-offload": "gso",
    "large-receive-offload": "lro",
    "rx-gro-hw": "rx-gro-hw",
    "tcp-segmentation-offload": "tso",
}
"""As `ethtool -k` tells them, and as `ethtool -K` takes them."""

_ON = re.compile(r"(\S+): on")  # "[fixed]" behind it: the driver has no choice


def live_offloads(devices: Iterable[str]) -> dict[str, list[str]]:
    """By device, the switches that are on and can be off; none where there is no ethtool."""
    if not which("ethtool"):
        return {}
    found = {
        device: [
            SWITCHES[match[1]]
            for line in run(["ethtool", "-k", device]).splitlines()
            if (match := _ON.fullmatch(line.strip())) and match[1] in SWITCHES
        ]
        for device in sorted(devices)
    }
    return {device: switches for device, switches in found.items() if switches}


def turn_off(device: str, switches: Iterable[str]) -> None:
    """Turns these off; raises CommandError."""
    words = [word for switch in switches for word in (switch, "off")]
    run(["ethtool", "-K", device, *words])
