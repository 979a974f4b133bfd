"""Load by iperf3 between offices and the internet, in both directions at once.

What keeps a first-in first-out leaf always full, found by trial on two cores with 53 offices:

- Downward TCP, four streams an office; with eight the handshakes of a slow line's upload no longer
  get through. Cubic by name: BBR, some kernels' default, does not yield to loss, overflows the
  provider's queue and gives the sharing out of hand to it.
- Upward UDP, a tenth more than the office can be given. TCP in both directions does not fill
  both: each one's acknowledgements wait behind the other's data.
- UDP in bursts of twenty frames: what does not fit is then the burst's end. Frame by frame, each
  would take the place that the queue has just made, and half of the acknowledgements would be lost.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from komando.lab.city import City
from komando.lab.measure.crew import Crew
from komando.lab.measure.goodput import has_flowed
from komando.lab.place import LabError
from komando.units import DIRECTIONS, Direction

STREAMS = 4
EXCESS = 1.1
"""Upward, what an office offers over the most that it can be given."""

ALIKE = 0.02
"""Two offers that differ by less are one: a fifth of what `EXCESS` leaves over."""

BURST = 20
LONGEST_INTERVAL = 100_000

FIRST_PORT = 20000
PATIENCE = 10.0
"""Seconds that servers have to listen, and that a flow has to begin."""

ATTEMPTS = 5

V6_EVERY = 4
"""Each so-manieth office that has IPv6 talks over it."""

_DATAGRAM = 1448
_HEADERS = {4: 42, 6: 62}
"""Octets of Ethernet, IP and UDP headers by version."""

_TELLING = ["-i", "1", "-f", "k", "--forceflush"]

Child = subprocess.Popen[bytes]
Flow = tuple[str, Direction]


@dataclass(frozen=True)
class Offer:
    """What an office asks for: downloads (as much as it gets), and uploads of so many bit/s.

    `up` counts whole frames.
    """

    down: bool = True
    up: int | None = None

    @property
    def directions(self) -> list[Direction]:
        """The directions in which something is asked for."""
        found: list[Direction] = [] if self.up is None else ["up"]
        return [*found, "down"] if self.down else found

    def does_for(self, other: Offer) -> bool:
        """Whether who asks for this fills as much as who asks for the other, and no more."""
        if self.up is None or other.up is None:
            return self == other
        return self.down == other.down and abs(self.up - other.up) <= ALIKE * other.up


class Load:
    """The load of some offices of a city. Its processes belong to `crew`.

    `ports` maps each office to the ports of the internet that it talks to: first downloads', then
    uploads'. `folder` takes what iperf3 prints, a second at a time.
    """

    def __init__(self, city: City, crew: Crew, folder: Path) -> None:
        self.city = city
        self.offers: dict[str, Offer] = {}
        self._crew = crew
        self._folder = folder
        self.ports = ports_of(city)
        self._running: dict[tuple[str, Direction], list[Child]] = {}

    def ask(self, offers: Mapping[str, Offer]) -> None:
        """Let exactly these offices ask for exactly this; a load that stays what it is runs on.

        Raises LabError for one that does not flow after so many attempts.
        """
        kept = {
            slug: self.offers[slug]
            for slug in self.slugs
            if slug in offers and self.offers[slug].does_for(offers[slug])
        }
        self.stop(slug for slug in self.slugs if slug not in kept)
        self.offers = {**offers, **kept}
        self._start([slug for slug in offers if slug not in kept])

    def _start(self, slugs: list[str]) -> None:
        if not slugs:
            return
        silent: list[Flow] = []
        for _ in range(ATTEMPTS):
            # an office's upload first: its queue takes longer to fill, and handshakes want empty
            # ones; so both begin again where one did not get through
            flows = [(slug, one) for slug in slugs for one in self.offers[slug].directions]
            self._end(flows)
            self._begin(flows)
            silent = self._silent(flows)
            if not silent:
                return
            slugs = list(dict.fromkeys(slug for slug, _ in silent))
        words = "; ".join(self._words(*flow) for flow in silent[:3])
        raise LabError(f"the load of {len(silent)} does not flow: {words}")

    def stop(self, slugs: Iterable[str]) -> None:
        """End these offices' load."""
        slugs = set(slugs)
        self._end([flow for flow in self._running if flow[0] in slugs])

    @property
    def slugs(self) -> list[str]:
        """The offices whose load runs."""
        return list(dict.fromkeys(slug for slug, _ in self._running))

    def output(self, slug: str, direction: Direction) -> Path:
        """Where iperf3 tells what arrives for an office, or from it."""
        return self._folder / f"{slug}.{direction}"

    def check(self) -> None:
        """Raise LabError, with its last words, for a load that ended by itself."""
        for flow, children in self._running.items():
            if any(child.poll() is not None for child in children):
                raise LabError(f"a load ended by itself: {self._words(*flow)}")

    def _begin(self, flows: list[Flow]) -> None:
        for slug, direction in flows:
            self._running[slug, direction] = [self._server(slug, direction)]
        wait_listening(
            self._running[flows[0]][0].pid,
            {self.ports[slug][DIRECTIONS.index(direction)] for slug, direction in flows},
        )
        for slug, direction in flows:
            self._running[slug, direction].append(self._client(slug, direction))

    def _silent(self, flows: list[Flow]) -> list[Flow]:
        """Those of which no data has arrived when time is up."""
        until = time.monotonic() + PATIENCE
        while flows and time.monotonic() < until:
            time.sleep(0.2)
            flows = [flow for flow in flows if not has_flowed(self.output(*flow).read_text())]
        return flows

    def _end(self, flows: list[Flow]) -> None:
        self._crew.dismiss([child for flow in flows for child in self._running.pop(flow, ())])

    def _words(self, slug: str, direction: Direction) -> str:
        """What iperf3 said last about a flow, at either end."""
        lines: list[str] = []
        for path in self._folder.glob(f"{slug}.{direction}*"):
            lines += path.read_text(errors="replace").splitlines()[-2:]
        words = "; ".join(line.strip() for line in lines if line.strip())
        return f"{slug} {direction}: {words or 'iperf3 said nothing'}"

    def _server(self, slug: str, direction: Direction) -> Child:
        port = self.ports[slug][DIRECTIONS.index(direction)]
        command = [*self.city.place.enter("internet"), "iperf3", "-s", "-1", *_TELLING]
        receiving = self.output(slug, "up") if direction == "up" else None
        return self._crew.spawn([*command, "-p", str(port)], receiving)

    def _client(self, slug: str, direction: Direction) -> Child:
        version = version_of(self.city, slug)
        address = self.city.internet_v6 if version == 6 else self.city.internet_v4
        port = self.ports[slug][DIRECTIONS.index(direction)]
        command = [*self.city.place.enter(slug), "iperf3", "-c", address, "-p", str(port)]
        command += ["-t", "86400", *_TELLING]
        if direction == "down":
            pull = ["-R", "-P", str(STREAMS), "-C", "cubic"]
            return self._crew.spawn([*command, *pull], self.output(slug, "down"))
        rate = (self.offers[slug].up or 0) * _DATAGRAM // (_DATAGRAM + _HEADERS[version])
        pace = ["-u", "-l", str(_DATAGRAM), "-b", str(rate)]
        pace += ["--pacing-timer", str(burst_interval(rate))]
        return self._crew.spawn([*command, *pace], self._folder / f"{slug}.up-sent")


def burst_interval(rate: int) -> int:
    """Microseconds from burst to burst at so many bit/s: a fifth of a leaf's 100 frames at once."""
    return min(LONGEST_INTERVAL, BURST * _DATAGRAM * 8 * 1_000_000 // rate)


def ports_of(city: City) -> dict[str, tuple[int, int]]:
    """Two ports of the internet for each office and point of a city."""
    slugs = sorted(city.endpoints)
    return {slug: (FIRST_PORT + 2 * n, FIRST_PORT + 2 * n + 1) for n, slug in enumerate(slugs)}


def version_of(city: City, slug: str) -> int:
    """The version of IP that an office's load uses: some use 6, so that both are seen."""
    number = sorted(city.endpoints).index(slug)
    return 6 if number % V6_EVERY == 0 and city.endpoints[slug].v6 else 4


def offered(rates: Iterable[int]) -> int:
    """What to offer where an office is given one of these rates: more than any of them."""
    return int(max(rates) * EXCESS)


def wait_listening(pid: int, ports: set[int]) -> None:
    """Wait until all these TCP ports are listened on where a process lives.

    Raises LabError when one is not in time.
    """
    until = time.monotonic() + PATIENCE
    while not ports <= _listening(pid):
        if time.monotonic() > until:
            raise LabError("iperf3's servers do not listen; is another measurement running?")
        time.sleep(0.05)


def _listening(pid: int) -> set[int]:
    found: set[int] = set()
    for name in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == "0A":  # TCP_LISTEN
                found.add(int(fields[1].rpartition(":")[2], 16))
    return found


def wait_until(
    holds: Callable[[], bool], seconds: float, every: float = 1.0, times: int = 2
) -> bool:
    """Ask again and again; whether it held so many times in a row before time was up."""
    until = time.monotonic() + seconds
    row = 0
    while time.monotonic() < until:
        time.sleep(every)
        row = row + 1 if holds() else 0
        if row == times:
            return True
    return False
