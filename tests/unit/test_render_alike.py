"""The same policies give the same bytes: no clock, zone, locale or hash seed has a say."""

from __future__ import annotations

import os
import shutil
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


def rendered(day: str, folder: Path = ROOT, **environment: str) -> str:
    """What another process makes of the policies on some day."""
    done = subprocess.run(
        [sys.executable, "-c", RENDER, day],
        cwd=folder, env={"PYTHONPATH": str(ROOT / "src")} | environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_another_day_and_another_machine_change_no_byte() -> None:
    here = rendered("2026-01-01", PYTHONHASHSEED="0", TZ="UTC", LC_ALL="C")
    there = rendered("2031-07-01", PYTHONHASHSEED="4711", TZ="Asia/Pontianak", LC_ALL="C.UTF-8")
    assert here == there
    assert here.startswith("core-1 ")


def git(folder: Path, *arguments: str) -> str:
    """Git in a folder, whatever the machine's own configuration."""
    identity = {"NAME": "Somebody", "EMAIL": "somebody@example.org"}
    names = {
        f"GIT_{who}_{key}": identity[key] for who in ("AUTHOR", "COMMITTER") for key in identity
    }
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder, capture_output=True, text=True, check=True,
        env={"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "HOME": str(folder),
             **names},
    )  # fmt: skip
    return done.stdout.strip()


def test_a_squash_changes_no_digest(tmp_path: Path) -> None:
    for name in ("policies", "inventories"):
        shutil.copytree(ROOT / name, tmp_path / name)
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message=region: as it was found")
    base = git(tmp_path, "rev-parse", "HEAD")
    office = tmp_path / "policies/opd/dinas-kesehatan.yaml"
    for rate in (25, 30):
        old = "guarantee: 20 Mbit/s" if rate == 25 else "guarantee: 25 Mbit/s"
        text = office.read_text()
        assert text.count(old) == 1
        office.write_text(text.replace(old, f"guarantee: {rate} Mbit/s"))
        git(tmp_path, "commit", "--quiet", "--all", f"--message=dinas-kesehatan: {rate} Mbit/s")
    branch, digests = (
        git(tmp_path, "rev-parse", "HEAD"),
        rendered("2026-06-01", tmp_path),
    )
    git(tmp_path, "reset", "--quiet", "--soft", base)
    git(tmp_path, "commit", "--quiet", "--message=dinas-kesehatan: 30 Mbit/s (squashed)")
    squash = git(tmp_path, "rev-parse", "HEAD")
    assert branch != squash
    assert git(tmp_path, "diff", "--stat", branch, squash) == ""
    assert rendered("2026-06-01", tmp_path) == digests
    office.write_text(office.read_text().replace("guarantee: 30", "guarantee: 31"))
    assert rendered("2026-06-01", tmp_path) != digests, "so it can tell"


def test_an_acknowledgement_changes_no_digest(tmp_path: Path) -> None:
    for name in ("policies", "inventories"):
        shutil.copytree(ROOT / name, tmp_path / name)
    before = rendered("2026-06-01", tmp_path)
    (tmp_path / "policies/acknowledgements/merged.yaml").write_text(
        "finding: offices-removed\nhost: core-1\nbefore: 48 offices\nafter: without dlh\n"
        "reason: It was merged into another by regulation.\n"
        "requested: {by: Head of networks, date: 2026-06-01}\nuntil: 2026-06-05\n"
    )
    assert rendered("2026-06-01", tmp_path) == before
