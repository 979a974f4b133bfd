"""The same policies give the same bytes: no clock, zone, locale or hash seed has a say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

RENDER = """
import sys
import time
from datetime import date
from hashlib import sha256
from pathlib import Path

from komando.intent import compile_intent
from komando.inventory import load_inventory
from komando.platforms.debian import render
from komando.policy import load_policy

CLOCKS = {"now", "today", "utcnow"}
TIMES = {time.time, time.time_ns, time.localtime, time.gmtime, time.strftime}

def no_clock(frame, event, called):
    if event == "c_call" and (called.__name__ in CLOCKS or called in TIMES):
        sys.exit(f"{frame.f_code.co_filename}:{frame.f_lineno} asks for the time")

policy = load_policy(Path("policies"), date.fromisoformat(sys.argv[1])).policy
machines = load_inventory(Path("inventories/production"))
sys.setprofile(no_clock)
intent = compile_intent(policy, machines.divisor).intent
for name in sorted(intent.routers):
    bundle = render(intent, machines.hosts[name])
    print(name, bundle.digest, sha256(bundle.archive()).hexdigest())
"""


def rendered(day: str, **environment: str) -> str:
    """What another process makes of the policies on some day."""
    done = subprocess.run(
        [sys.executable, "-c", RENDER, day],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_another_day_and_another_machine_change_no_byte() -> None:
    here = rendered("2026-01-01", PYTHONHASHSEED="0", TZ="UTC", LC_ALL="C")
    there = rendered("2031-07-01", PYTHONHASHSEED="4711", TZ="Asia/Pontianak", LC_ALL="C.UTF-8")
    assert here == there
    assert here.startswith("core-1 ")
