"""Each rendered file goes through the program that will read it, before it leaves.

A throw-away network namespace gets devices of the router's names, and nft, tc and ip load the
bundle there for real: every profile on top of every tree.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from shutil import which
from threading import Lock

from komando import generation
from komando.bundle import Bundle
from komando.diagnostics import Diagnostic, Location

PROGRAMS = ("unshare", "ip", "tc", "nft")

STAND_IN = "pfifo"
"""The queue that every kernel with traffic control has."""

_ONE_ASKS = Lock()
"""Bundles are checked side by side; what is asked of the kernel once would be asked by all."""

_LEAF = re.compile(r"(?m)^qdisc add .* parent .* handle \S+ (\w+)")
_LINE = re.compile(r"(?:Command failed \S+?:|\S+?:)(\d+)(?::(\d+))?")


def check(bundle: Bundle) -> list[Diagnostic]:
    """What the real parsers refuse. Without root, or without them, one warning says so."""
    missing = [name for name in PROGRAMS if which(name) is None]
    if os.geteuid() != 0 or missing:
        why = f"not installed: {', '.join(missing)}" if missing else "it needs root"
        return [_skipped(bundle, why)]
    kinds = sorted(set(_LEAF.findall(_trees(bundle))))
    lacking = [kind for kind in kinds if not _kernel_has(kind)]
    with tempfile.TemporaryDirectory(prefix="komando-check-") as folder:
        _readable_here(bundle, lacking).write(Path(folder))
        found = _load(bundle, Path(folder))
    return [*found, _queues_skipped(bundle, lacking)] if lacking else found


def _trees(bundle: Bundle) -> str:
    return bundle.text(generation.DOWNLOAD) + bundle.text(generation.UPLOAD)


def _kernel_has(kind: str) -> bool:
    """Whether this machine's kernel has a kind of queue; the router's may have it all the same."""
    with _ONE_ASKS:
        return _answered(kind)


@cache
def _answered(kind: str) -> bool:
    script = f"ip link add q0 type ifb && tc qdisc add dev q0 root {kind}"
    return _alone(script).returncode == 0


def _alone(script: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script in a network namespace of its own."""
    return subprocess.run(
        ["unshare", "--net", "sh", "-c", script],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def _readable_here(bundle: Bundle, lacking: Iterable[str]) -> Bundle:
    """The bundle with `STAND_IN` for the queues that this kernel lacks."""
    files = dict(bundle.files)
    for path in (generation.DOWNLOAD, generation.UPLOAD):
        text = bundle.text(path)
        for kind in lacking:
            text = re.sub(rf"(?m)^(qdisc add .* handle \S+) {kind}\b.*$", rf"\1 {STAND_IN}", text)
        files[path] = text.encode()
    return Bundle(bundle.host, files)


def _queues_skipped(bundle: Bundle, lacking: Iterable[str]) -> Diagnostic:
    kinds = " and ".join(lacking)
    return Diagnostic(
        id="queue-check-skipped",
        severity="warning",
        message=f"the queues of {bundle.host} ({kinds}) were not read by tc here",
        found=f"this machine's kernel has no {kinds}",
        expected=f"a kernel with {kinds}, as the router's",
        remedy=f"all else was read, with {STAND_IN} in their place; the host itself checks too",
        location=Location(f"{bundle.host}", 1, 1),
    )


def _skipped(bundle: Bundle, why: str) -> Diagnostic:
    return Diagnostic(
        id="syntax-check-skipped",
        severity="warning",
        message=f"the files of {bundle.host} were not read by nft, tc and ip here: {why}",
        found="no check by the real parsers",
        expected="each file loaded in a throw-away network namespace",
        remedy="run as root on a machine with nftables and iproute2; the host itself checks too",
        location=Location(f"{bundle.host}", 1, 1),
    )


def _steps(folder: Path) -> list[tuple[list[str], str]]:
    komando = folder / "etc/komando"
    names = json.loads((komando / "router.json").read_text())
    devices = folder / "devices"
    devices.write_text(
        "".join(
            f"link add {device} type ifb\nlink set {device} up\n"
            for device in (names["uplink"], *names["lans"], names["ifb"])
        )
    )
    steps = [(["ip", "-batch", str(devices)], "")]
    files = [f"nft/{name}.nft" for name in ("shaper", "reload", "nat", "guard")]
    steps += [(["nft", "-f", f"{komando}/{file}"], file) for file in files]
    files = ["tc/download.tc", "tc/upload.tc", "tc/steer.tc"]
    files += sorted(f"tc/profiles/{path.name}" for path in (komando / "tc/profiles").iterdir())
    steps += [(["tc", "-batch", f"{komando}/{file}"], file) for file in files]
    steps.append((["ip", "-batch", f"{komando}/network"], "network"))
    return steps


def _load(bundle: Bundle, folder: Path) -> list[Diagnostic]:
    script = "\n".join(
        f"{' '.join(command)} >/dev/null 2>{folder}/error || "
        f"{{ echo '{file}'; cat {folder}/error; exit 3; }}"
        for command, file in _steps(folder)
    )
    done = _alone(script)
    if done.returncode == 0:
        return []
    file, _, words = done.stdout.partition("\n")
    return [_refused(bundle, file, (words + done.stderr).strip().splitlines())]


def _refused(bundle: Bundle, file: str, words: Iterable[str]) -> Diagnostic:
    text = "; ".join(words)
    place = _LINE.search(text)
    line = int(place.group(1)) if place else 1
    column = int(place.group(2) or 1) if place else 1
    return Diagnostic(
        id="syntax-check",
        severity="error",
        message=f"the rendered file {file or 'device list'} of {bundle.host} is refused",
        found=text,
        expected="a file that nft, tc or ip loads",
        remedy="this is a fault of the renderer, not of a policy: please report it",
        location=Location(f"{bundle.host}/etc/komando/{file}", line, column),
    )
