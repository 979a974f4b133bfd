"""Kernel settings below `net.`: the only ones that a bundle may touch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from .errors import HostError
from .layout import SYSCTL

_NAME = r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*"
_LINE = re.compile(rf"(net(?:\.{_NAME})+)\s*=\s*([A-Za-z0-9_. \t-]+)")


NO_FORWARDING = (
    "net.ipv4.ip_forward=0",
    "net.ipv6.conf.all.forwarding=0",
    "net.ipv4.conf.all.accept_redirects=0",
)
"""What a machine has before its first generation. The last is roles/base's, and the first turns it
on (the kernel's Documentation/networking/ip-sysctl.rst)."""


def parse_settings(text: str) -> Mapping[str, str]:
    """Reads a sysctl file; raises HostError for a key outside `net.`.

    Other keys (`kernel.core_pattern`, `kernel.modprobe`) would run programs as root.
    """
    settings: dict[str, str] = {}
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        found = _LINE.fullmatch(line)
        if not found:
            raise HostError(f"{SYSCTL}:{number}: no setting below net.: {line[:120]}")
        settings[found[1]] = found[2].strip()
    return settings


def sent_settings(settings: Mapping[str, str]) -> str:
    """As `sysctl -p -` reads them."""
    return "".join(f"{key} = {value}\n" for key, value in settings.items())


def live_settings(keys: Mapping[str, str]) -> dict[str, str]:
    """What the kernel has for these keys; a key that is not there is left out."""
    live: dict[str, str] = {}
    for key in keys:
        # sysctl's spelling: a slash in a key stands for a dot in an interface's name
        path = Path("/proc/sys") / key.translate(str.maketrans("./", "/."))
        try:
            live[key] = " ".join(path.read_text().split())
        except OSError:
            continue
    return live
