"""A paced stream that counts every packet: does a change of the router lose one?"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise

from komando.lab.city import City
from komando.lab.measure.crossing import Crossing
from komando.lab.measure.namespaces import within
from komando.lab.measure.results import ProbeResult
from komando.lab.place import NAMESPACES, LabError
from komando.units import DIRECTIONS, Direction

PORT = 19999
PACKETS_A_SECOND = 200
"""Often enough that an interruption of 5 ms is seen."""

_STAMP = struct.Struct("!Qd")  # number, time of sending
_HEADERS = 42  # Ethernet, IPv4, UDP
_HELLO = b"hello"
DRAIN = 2.0
"""Seconds to wait for packets that are still on their way."""


@dataclass
class _Arrivals:
    """What one end has received: when each number came, and how long it was on its way."""

    at: list[float] = field(default_factory=list)
    delay: list[float] = field(default_factory=list)
    numbers: set[int] = field(default_factory=set)


class Probe:
    """A running probe between one office and the internet, the same rate in both directions."""

    def __init__(self, city: City, office: str, rate: int) -> None:
        """`rate` is bit/s of frames in each direction; at most 200 packets a second carry it."""
        self.office, self.rate = office, rate
        size = rate / 8 / PACKETS_A_SECOND
        self._payload = min(1472, max(_STAMP.size, round(size) - _HEADERS))
        self._interval = 8 * (self._payload + _HEADERS) / rate
        self._here = within(NAMESPACES / city.netns(office), _udp)
        self._there = within(NAMESPACES / city.netns("internet"), _udp)
        self._there.bind((city.internet_v4, PORT))
        self._here.connect((city.internet_v4, PORT))
        self._crossing = Crossing(NAMESPACES / city.netns("isp"), "city", PORT, _number)
        self._stop = threading.Event()
        self._sent: dict[Direction, int] = dict.fromkeys(DIRECTIONS, 0)
        self._got = {way: _Arrivals() for way in DIRECTIONS}
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin. Raises LabError when nothing comes through at all."""
        self._there.connect(self._meet())
        ways: list[tuple[Direction, socket.socket, socket.socket]] = [
            ("up", self._here, self._there),
            ("down", self._there, self._here),
        ]
        for direction, sender, receiver in ways:
            self._threads += [
                threading.Thread(target=self._receive, args=(direction, receiver), daemon=True),
                threading.Thread(target=self._send, args=(direction, sender), daemon=True),
            ]
        for thread in self._threads:
            thread.start()

    def finish(self) -> ProbeResult:
        """Stop sending, wait for what is on its way, and count."""
        self._stop.set()
        until = time.monotonic() + DRAIN
        while time.monotonic() < until and any(
            self._sent[one] > len(self._got[one].numbers) for one in self._sent
        ):
            time.sleep(0.05)
        lost = {way: self._lost(way) for way in DIRECTIONS}
        result = ProbeResult(
            office=self.office,
            rate=self.rate,
            sent={way: self._sent[way] for way in DIRECTIONS},
            lost={way: router for way, (router, _) in lost.items()},
            lost_by_provider={way: provider for way, (_, provider) in lost.items()},
            longest_gap={one: _longest_gap(self._got[one].at) for one in self._got},
            delay_p99={one: percentile(self._got[one].delay, 0.99) for one in self._got},
        )
        self.close()
        return result

    def close(self) -> None:
        """Let go of the sockets; the threads end by themselves."""
        self._stop.set()
        for one in (self._here, self._there):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join()
        self._crossing.close()

    def _lost(self, direction: Direction) -> tuple[int, int]:
        """How many the router lost, and how many the provider."""
        missing = set(range(self._sent[direction])) - self._got[direction].numbers
        crossed = len(missing & self._crossing.seen(direction))
        other = len(missing) - crossed
        return (other, crossed) if direction == "up" else (crossed, other)

    def _meet(self) -> tuple[str, int]:
        """Under which address the internet sees this office."""
        self._there.settimeout(0.5)
        for _ in range(10):
            self._here.send(_HELLO)
            with suppress(TimeoutError):
                _, address = self._there.recvfrom(2048)
                return str(address[0]), int(address[1])
        raise LabError(f"nothing that {self.office} sends reaches the internet")

    def _send(self, direction: Direction, sender: socket.socket) -> None:
        due = time.monotonic()
        rest = bytes(self._payload - _STAMP.size)
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            with suppress(ConnectionRefusedError, BrokenPipeError):
                sender.send(_STAMP.pack(self._sent[direction], time.monotonic()) + rest)
            self._sent[direction] += 1
            # after a pause of this machine it goes on at its pace: never a burst
            due = max(due + self._interval, time.monotonic() + self._interval / 2)

    def _receive(self, direction: Direction, receiver: socket.socket) -> None:
        receiver.settimeout(0.5)
        got = self._got[direction]
        while True:
            try:
                packet = receiver.recv(2048)
            except TimeoutError:
                continue
            except OSError:
                return
            now = time.monotonic()
            if not packet:
                return
            if len(packet) < _STAMP.size:
                continue
            number, sent = _STAMP.unpack_from(packet)
            got.numbers.add(number)
            got.at.append(now)
            got.delay.append((now - sent) * 1000)


def _number(payload: bytes) -> int | None:
    if len(payload) < _STAMP.size:
        return None
    number, _ = _STAMP.unpack_from(payload)
    return int(number)


def _udp() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    return made


def _longest_gap(times: list[float]) -> float:
    gaps = (after - before for before, after in pairwise(times))
    return round(max(gaps, default=0.0) * 1000, 2)


def percentile(values: list[float], part: float) -> float:
    """The value below which this part of them lies, 0 for none."""
    if not values:
        return 0.0
    return round(sorted(values)[min(len(values) - 1, int(len(values) * part))], 2)


@contextmanager
def probe(city: City, office: str, rate: int) -> Iterator[Probe]:
    """A probe that runs; `finish` counts it, and leaving the block ends it in any case.

    `rate` is bit/s of frames, to be taken below what the office is promised all the time. Raises
    LabError when the office does not reach the internet.
    """
    running = Probe(city, office, rate)
    try:
        running.start()
        yield running
    finally:
        running.close()
