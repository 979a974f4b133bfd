"""`rollout.torn`: a reader on a router, while its generation goes back and forth.

The reader (`reader.py`) looks at two files that change together. It resolves `current` once
for each look, as every program of the bundle's readers does; the comparison resolves it twice. The
changes are those of the host's protocol, each armed and confirmed, as fast as the router can. A run
in which the comparison saw nothing torn shows nothing, and is none. Needs root.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from benchmarks.fleets import standing_fleet
from benchmarks.rows import Row, Settings, Unmeasured
from komando.lab.fleet.machine import Machine
from tests.lab.scene import Scene

Way = Literal["once", "twice"]
READER = Path(__file__).with_name("reader.py")
PATIENCE = 3600.0
WINDOW = 60
RATES = (20, 21)

# Ends with the file. A change that the minute's look at the hours keeps waiting is no fault.
_TURNS = """\
: >/run/turning
while test -e /run/turning; do
  for digest in {digests}; do
    komando-host activate "$digest" --within 60 --sequence {sequence} --protocol 2 </dev/null >&2 &&
      komando-host confirm "$digest" >&2
  done
done
"""


@contextmanager
def turning(machine: Machine, digests: Sequence[str], sequence: int) -> Iterator[None]:
    """The router goes from one generation to the other and back, as long as this lasts."""
    script = _TURNS.format(digests=" ".join(digests), sequence=sequence)
    with ThreadPoolExecutor(1) as pool:
        turns = pool.submit(machine.behind, script, check=False, patience=PATIENCE)
        try:
            yield
        finally:
            machine.behind("rm -f /run/turning")
            turns.result()


def read(machine: Machine, reads: int, way: Way, digests: Sequence[str]) -> dict[str, int]:
    """What the reader saw: `reads`, `torn`, and how often the generation `turned` under it."""
    text = base64.b64encode(READER.read_bytes()).decode()
    words = f"{reads} {way} {' '.join(digests)}"
    said = machine.run(
        f"echo {text} | base64 -d >/run/reader.py && python3 /run/reader.py {words}",
        patience=PATIENCE,
    )
    found: dict[str, int] = json.loads(said)
    return found


def two_generations(scene: Scene, router: str) -> tuple[list[str], int]:
    """Two generations that lie on a router, the one before first, and the last sequence there."""
    for rate in RATES:
        scene.edit_all(rate)
        done = scene.apply("--at-once")
        if done.code:
            raise Unmeasured(f"an apply ends with {done.code}:\n{done.all}")
    observed = scene.observed(router)
    return [observed["previous"], observed["generation"]], observed["sequence"]


def torn(settings: Settings) -> Row:
    """The row; the fleet is gone afterwards, whatever happens."""
    with (
        standing_fleet("torn", 1, WINDOW, settings.progress) as fleet,
        TemporaryDirectory(prefix="komando-torn-") as folder,
    ):
        scene = Scene.of(fleet, Path(folder))
        router = next(iter(fleet.routers))
        machine = scene.routers[router]
        digests, sequence = two_generations(scene, router)
        with turning(machine, digests, sequence):
            settings.progress(f"rollout.torn: {settings.reads} reads, resolving the link twice")
            theirs = read(machine, settings.reads, "twice", digests)
            settings.progress(f"rollout.torn: torn {theirs['torn']}; now once, as it should be")
            ours = read(machine, settings.reads, "once", digests)
        settings.progress(f"rollout.torn: torn {ours['torn']}, {ours['turned']} turns were seen")
    if not theirs["torn"] or ours["turned"] < 2:
        raise Unmeasured(f"nothing turned under the readers: {theirs}, {ours}")
    return Row(
        id="rollout.torn",
        value=ours["torn"],
        unit="torn",
        peer=f"of {settings.reads} reads, by a reader that resolves the link twice",
        peer_value=theirs["torn"],
        ratio=ours["torn"] / theirs["torn"],
        target=settings.targets["rollout.torn"],
        met=ours["torn"] == 0,
    )
