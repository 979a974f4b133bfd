"""`komando-host status` short of the kernel: what comes of two looks, and of what is in force."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from komando.host.counters import Counter
from komando.host.errors import HostError
from komando.host.layout import INTENT, Paths
from komando.host.look import Seen
from komando.host.neighbours import Neighbours
from komando.host.sites import Pool
from komando.host.status import _pool, in_force
from tests.host_bundle import City
from tests.platforms.stated import stated

NOON = datetime(2026, 11, 24, 5, tzinfo=UTC)
FILES = stated(City()).files


def seen(first: Counter, last: Counter, *drops: Mapping[str, int]) -> Seen:
    """One class, 1:404 of ifb0, at both looks."""
    looks = [{"ifb0": {"1:404": one}} for one in (first, last)]
    return Seen(1.0, looks, [{"ifb0": one} for one in drops], {}, {}, Neighbours({}), None)


def test_what_is_lost_between_two_looks_is_told_by_the_queue() -> None:
    found = seen(Counter(0, 8, refused=7), Counter(0, 8, refused=9), {"1:404": 30}, {"1:404": 70})
    flow = found.flow("ifb0", "1:404")
    assert flow is not None
    assert flow["dropped"] == 40


def test_where_the_queue_says_nothing_it_is_what_the_class_did_not_take() -> None:
    flow = seen(Counter(0, 8, refused=7), Counter(0, 8, refused=9), {}, {}).flow("ifb0", "1:404")
    assert flow is not None
    assert flow["dropped"] == 2


def test_what_is_in_force_is_read_under_the_profile_that_the_kernel_has() -> None:
    night = in_force(FILES, "night", NOON)
    assert (night.due, night.region.open) == ("day", ("around-the-clock",))
    assert night.region.sites[0].promise == {"down": 1_000_000, "up": 1_000_000}
    assert night.ways["172.20.0.2"] == "lan0"
    day = in_force(FILES, None, NOON)
    assert day.region.sites[0].promise == {"down": 10_000_000, "up": 10_000_000}


@pytest.mark.parametrize(
    "intent",
    [{"text": "new"}, {**json.loads(FILES[INTENT]), "leaves": [{"slug": "office-1"}]}],
)
def test_an_intent_of_another_release_is_refused_in_words(intent: dict[str, Any]) -> None:
    files = {**FILES, INTENT: json.dumps(intent).encode()}
    with pytest.raises(HostError, match="does not say what profile day promises, or not"):
        in_force(files, "day", NOON)


def test_a_profile_that_the_intent_does_not_know_is_refused_in_words() -> None:
    with pytest.raises(HostError, match="what profile weekend promises"):
        in_force(FILES, "weekend", NOON)


def test_a_pool_has_what_its_class_passed_on_whoever_of_its_offices_is_new() -> None:
    force = in_force(FILES, "day", NOON)
    looks = [
        {"ifb0": {"1:10": Counter(0, 8)}, "wan0": {}},
        {"ifb0": {"1:10": Counter(1000, 8), "1:404": Counter(1000, 8)}, "wan0": {}},
    ]
    nothing: dict[str, dict[str, int]] = {"ifb0": {}, "wan0": {}}
    found = Seen(1.0, looks, [nothing, nothing], {}, {}, Neighbours({}), None)
    pool = Pool("working-week", "1:10", {"down": 1, "up": 1})
    assert _pool(force, found, pool)["rate"] == {"down": 8000, "up": None}


PROGRAM = """\
import sys
from pathlib import Path
from komando.host.__main__ import main
from komando.host.layout import Paths
main(["status"], Paths(Path(sys.argv[1])))
"""


def test_who_waits_for_the_lock_is_as_important_as_any(tmp_path: Path) -> None:
    """With the lock in its hand it must not be slow: all others wait for it."""
    paths = Paths(tmp_path)
    paths.run.mkdir(parents=True)
    with paths.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path)]) as asked:
            opened = Path(f"/proc/{asked.pid}/fd")
            while not any(one.resolve() == paths.lock for one in opened.iterdir()):
                assert asked.poll() is None
                time.sleep(0.01)
            nice = os.getpriority(os.PRIO_PROCESS, asked.pid)
            asked.kill()
    assert nice == os.getpriority(os.PRIO_PROCESS, 0)
