"""`check.cold.10000`: `komando check` on 10,000 offices, as a whole process.

Ours is the wall time of one `komando check`, from its start to its exit: interpreter,
imports, loading with positions, models, checks across files, the sums at every moment. The peer
(`benchmarks/events.py`) is only the time in its event loop and in pydantic. The page cache is
warm for both, and both run under the interpreter that runs this.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.offices import write_policy
from benchmarks.rows import Contest, Unmeasured

ROOT = Path(__file__).parent.parent


@contextmanager
def check_cold(count: int) -> Iterator[Contest]:
    """Offices in a temporary folder, and the two ways to read them."""
    with TemporaryDirectory(prefix="komando-benchmark-") as folder:
        policies = Path(folder) / "policies"
        write_policy(policies, count)
        yield Contest(
            unit="s",
            peer="libyaml events + pydantic validation",
            ours=lambda: _check(policies),
            theirs=lambda: _peer(policies),
        )


def _check(policies: Path) -> float:
    start = time.perf_counter()
    _run(str(Path(sys.executable).with_name("komando")), "check", "--policies", str(policies))
    return time.perf_counter() - start


def _peer(policies: Path) -> float:
    parts = json.loads(_run("-m", "benchmarks.events", str(policies)))
    return float(parts["events"]) + float(parts["validation"])


def _run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = done.stderr or done.stdout
        raise Unmeasured(f"{' '.join(arguments)} exits {done.returncode}:\n{said}")
    return done.stdout
