"""`hours.switch.500`: the hour switch of a router with 500 offices, beside loading its tree anew.

Both go through `tc -batch` into the same device of a throw-away network namespace, with the files
that the product renders. Ours is one change of profile (the lines of `profiles/*.down.tc`), the
peer one rebuild of `download.tc`, which is what a shaper without profiles does. The start of tc
itself is measured apart and taken off both. Needs root.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.offices import write_policy
from benchmarks.rows import Contest, Unmeasured
from komando.intent import compile_intent
from komando.inventory import load_inventory
from komando.platforms.debian import render
from komando.policy import load_policy

ROOT = Path(__file__).parent.parent
SWITCHES = 100
REBUILDS = 5
TODAY = date(2040, 1, 1)


@contextmanager
def hours_switch(count: int) -> Iterator[Contest]:
    """A namespace with the tree of `count` offices on an ifb device, and two ways to change it."""
    if os.geteuid() != 0:
        raise Unmeasured("needs root: a network namespace, and tc in it")
    tree, day, night = _rendered(count)
    name = f"kb-{os.getpid()}"
    _ip("netns", "add", name)
    try:
        _ip("-n", name, "link", "add", "ifb0", "type", "ifb")
        _ip("-n", name, "link", "set", "ifb0", "up")
        _batch(name, tree)
        rebuild = "qdisc del dev ifb0 root\n" + tree
        yield Contest(
            unit="us",
            peer="the whole tree anew",
            ours=partial(_each, name, (night + day) * (SWITCHES // 2), SWITCHES),
            theirs=partial(_each, name, rebuild * REBUILDS, REBUILDS),
        )
    finally:
        _ip("netns", "del", name)


def _rendered(count: int) -> tuple[str, str, str]:
    """The download tree, and the lines that open and that close the office hours."""
    with TemporaryDirectory(prefix="komando-benchmark-") as folder:
        write_policy(Path(folder) / "policies", count)
        policy = load_policy(Path(folder) / "policies", TODAY).policy
    intent = compile_intent(policy).intent if policy else None
    if intent is None:
        raise Unmeasured("the generated offices do not compile")
    host = load_inventory(ROOT / "inventories" / "lab").hosts["core-1"]
    files = render(intent, host).files
    texts = (
        files[f"etc/komando/tc/{name}"].decode()
        for name in (
            "download.tc",
            "profiles/working-week.down.tc",
            "profiles/closed.down.tc",
        )
    )
    tree, day, night = texts
    return tree, day, night


def _each(name: str, lines: str, times: int) -> float:
    """Microseconds of each of `times` repetitions, without the start of tc."""
    idle = min(_batch(name, "") for _ in range(3))
    return max(0.1, (_batch(name, lines) - idle) / times * 1e6)


def _batch(name: str, lines: str) -> float:
    argv = ["ip", "netns", "exec", name, "tc", "-batch", "-"]
    start = time.perf_counter()
    done = subprocess.run(argv, input=lines, capture_output=True, text=True, check=False)
    took = time.perf_counter() - start
    if done.returncode != 0:
        raise Unmeasured(f"tc refuses: {done.stderr[:500]}")
    return took


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unmeasured(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
