"""Frames, counted by the kernel: at every office's interface, and where its uploads arrive."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from komando.lab.city import City
from komando.lab.commands import run
from komando.lab.measure.namespaces import within
from komando.lab.place import LabError

HEADER = 14
"""Octets of an Ethernet header, which netfilter does not count and an interface does."""

PROMPT = 0.01
"""Seconds that nft may take, as a reading's moment lies somewhere in them; it takes about 0.005."""

READINGS = 5

_TABLE = "komando_gauge"


@dataclass(frozen=True)
class Reading:
    """Octets of frames at a monotonic time, since the interface was made."""

    at: float
    received: int
    sent: int


def rate_between(before: Reading, after: Reading) -> int:
    """bit/s received between two readings."""
    return round((after.received - before.received) * 8 / (after.at - before.at))


def parse_devices(text: str, interface: str) -> tuple[int, int]:
    """Octets received and sent by one interface, from /proc/net/dev. Raises LabError without it."""
    for line in text.splitlines():
        name, colon, rest = line.partition(":")
        if colon and name.strip() == interface:
            numbers = rest.split()  # man 5 proc: eight columns received, then eight sent
            return int(numbers[0]), int(numbers[8])
    raise LabError(f"{interface} has no counters")


class Taps:
    """The counters of one interface in each of many namespaces; a context manager.

    A file under /proc/net belongs to the namespace in which it was opened, and reading it again
    from its beginning counts anew: no process, and 20 microseconds a reading.
    """

    def __init__(self, where: Mapping[str, tuple[Path, str]]) -> None:
        """`where` maps a name to its namespace's path and the interface in it."""
        self._interfaces = {name: interface for name, (_, interface) in where.items()}
        self._files: dict[str, int] = {}
        try:
            for name, (namespace, _) in where.items():
                self._files[name] = within(namespace, _open)
        except OSError as error:
            self.close()
            raise LabError(f"the counters of the lab cannot be read: {error}") from error

    def read(self, names: Iterable[str] | None = None) -> dict[str, Reading]:
        """A reading of each."""
        return {name: self._read(name) for name in (self._files if names is None else names)}

    def _read(self, name: str) -> Reading:
        before = time.monotonic()
        text = os.pread(self._files[name], 65536, 0).decode()
        at = (before + time.monotonic()) / 2
        return Reading(at, *parse_devices(text, self._interfaces[name]))

    def close(self) -> None:
        """Let go of the files."""
        while self._files:
            os.close(self._files.popitem()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _open() -> int:
    return os.open("/proc/thread-self/net/dev", os.O_RDONLY)


class Gauge:
    """Counts what arrives from each office in the internet's namespace, by the ports it talks to.

    Behind address translation the ports are all that tells the offices apart. A context manager:
    its nft table is gone afterwards.
    """

    def __init__(self, enter: tuple[str, ...], ports: Mapping[str, Iterable[int]]) -> None:
        self._enter = enter
        self._names = {f"c{number}": name for number, name in enumerate(ports)}
        self._rules = gauge_rules(ports)

    def read(self) -> dict[str, Reading]:
        """What has arrived from each, as `received`: of some readings, the one taken fastest."""
        readings = [self._list()]
        while readings[-1][0] > PROMPT and len(readings) < READINGS:
            readings.append(self._list())
        _, at, said = min(readings)
        counters = [one["counter"] for one in json.loads(said)["nftables"] if "counter" in one]
        return {
            self._names[one["name"]]: Reading(at, one["bytes"] + HEADER * one["packets"], 0)
            for one in counters
        }

    def _list(self) -> tuple[float, float, str]:
        """Seconds that it took, the middle of them, and what nft said."""
        before = time.monotonic()
        said = run([*self._enter, "nft", "-j", "list", "counters", "table", "inet", _TABLE])
        after = time.monotonic()
        return after - before, (before + after) / 2, said

    def __enter__(self) -> Self:
        run([*self._enter, "nft", "-f", "-"], self._rules)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        run([*self._enter, "nft", "-f", "-"], f"table inet {_TABLE}\ndelete table inet {_TABLE}\n")


def gauge_rules(ports: Mapping[str, Iterable[int]]) -> str:
    """The nft file that counts for each name what arrives at its ports."""
    numbered = list(enumerate(ports.values()))
    counters = "\n".join(f"  counter c{number} {{ }}" for number, _ in numbered)
    elements = ", ".join(f'{port} : "c{number}"' for number, own in numbered for port in own)
    return (
        f"table inet {_TABLE}\ndelete table inet {_TABLE}\n"
        f"table inet {_TABLE} {{\n{counters}\n"
        "  chain arriving {\n"
        "    type filter hook prerouting priority raw; policy accept;\n"
        f"    meta l4proto {{ tcp, udp }} counter name th dport map {{ {elements} }}\n"
        "  }\n}\n"
    )


@dataclass(frozen=True)
class Ticks:
    """Processor time since boot, of all cores together, in seconds."""

    total: float
    idle: float
    softirq: float
    stolen: float

    @classmethod
    def now(cls) -> Ticks:
        """From /proc/stat (man 5 proc: user nice system idle iowait irq softirq steal)."""
        with Path("/proc/stat").open() as file:
            numbers = [int(one) for one in file.readline().split()[1:9]]
        tick = os.sysconf("SC_CLK_TCK")
        idle = numbers[3] + numbers[4]
        return cls(sum(numbers) / tick, idle / tick, numbers[6] / tick, numbers[7] / tick)


def processor_seconds(pids: Iterable[int]) -> float:
    """Processor time of these processes so far; one that has ended counts nothing."""
    total = 0
    for pid in pids:
        try:
            line = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            continue
        fields = line.rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def provider_drops(city: City) -> int:
    """Packets that the provider's own queues have dropped so far, in both directions."""
    said = run([*city.place.enter("isp"), "tc", "-s", "-j", "qdisc", "show"])
    return sum(int(one["drops"]) for one in json.loads(said) if one["kind"] == "tbf")
