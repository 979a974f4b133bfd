"""Throw-away namespaces around one router, and a paced probe through it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from komando.bundle import Bundle
from tests.host_bundle import cargo_of

SOURCES = Path(__file__).resolve().parents[1] / "src"

_MAIN = """\
import sys
from pathlib import Path
sys.path.insert(0, {sources!r})
from komando.host.__main__ import main
from komando.host.layout import Paths
sys.exit(main(sys.argv[2:], Paths(Path(sys.argv[1]))))
"""

_SEND = """\
import socket, struct, sys, time
to, port, pace, count = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
one = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM)
start = time.monotonic()
for number in range(count):
    while (left := start + number * pace - time.monotonic()) > 0:
        time.sleep(left)
    one.sendto(struct.pack("!I", number) + bytes(200), (to, port))
"""

_RECEIVE = """\
import socket, struct, sys
one = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
one.bind((sys.argv[1], int(sys.argv[2])))
one.settimeout(float(sys.argv[3]))
print("ready", flush=True)
seen = set()
try:
    while True:
        seen.add(struct.unpack("!I", one.recv(2048)[:4])[0])
        one.settimeout(1.0)
except TimeoutError:
    print(len(seen), flush=True)
"""


@dataclass(frozen=True)
class Answer:
    """What one run of the program gave."""

    code: int
    said: Any
    words: str


def sh(script: str) -> str:
    return subprocess.run(
        ["bash", "-euc", script], check=True, capture_output=True, text=True
    ).stdout


@dataclass(frozen=True)
class Router:
    """The router's namespace with a root folder of its own, and its neighbours' namespaces."""

    name: str
    root: Path

    @property
    def namespace(self) -> str:
        return f"{self.name}-router"

    def argv(self, *verb: str) -> list[str]:
        program = _MAIN.format(sources=str(SOURCES))
        inside = ["nsenter", f"--net=/run/netns/{self.namespace}", "--"]
        return [*inside, sys.executable, "-I", "-c", program, str(self.root), *verb]

    def komando(self, *verb: str, stdin: bytes = b"") -> Answer:
        done = subprocess.run(self.argv(*verb), input=stdin, capture_output=True, check=False)
        text = done.stdout.decode()
        try:
            said = json.loads(text)
        except ValueError:
            said = text
        return Answer(done.returncode, said, done.stderr.decode())

    def activate(self, bundle: Bundle) -> Answer:
        return self.komando("activate", bundle.digest, stdin=cargo_of(bundle))

    def sh(self, script: str) -> str:
        return sh(f"nsenter --net=/run/netns/{self.namespace} -- bash -euc '{script}'")

    def classes(self, device: str) -> str:
        return self.sh(f"tc class show dev {device} | sort")

    def state(self) -> str:
        """All that the program looks after, without counters."""
        return self.sh(
            "for d in ifb0 wan0; do tc -d class show dev $d | sort; tc qdisc show dev $d | sort; "
            "done; for d in lan0 lan1; do tc qdisc show dev $d; tc filter show dev $d egress; "
            "done; nft -s list ruleset; ip route; ip -6 route show proto 75; ip -br addr"
        )

    @contextmanager
    def monitored(self) -> Iterator[list[str]]:
        """Collects what `tc monitor` says in the meantime."""
        said: list[str] = []
        log = self.root / "monitor"
        inside = ["nsenter", f"--net=/run/netns/{self.namespace}", "--"]
        with log.open("w") as out, subprocess.Popen([*inside, "tc", "monitor"], stdout=out) as one:
            self._mark(log, "f1:")
            yield said
            self._mark(log, "f2:")
            one.kill()
        said += [line for line in log.read_text().splitlines() if " dev lo " not in line]

    def _mark(self, log: Path, handle: str) -> None:
        """Makes a change of our own until the monitor has said so."""
        deadline = time.monotonic() + 10
        while handle not in log.read_text():
            assert time.monotonic() < deadline, "tc monitor says nothing"
            self.sh(f"tc qdisc add dev lo root handle {handle} pfifo; tc qdisc del dev lo root")
            time.sleep(0.02)


class Probe:
    """A paced UDP flow from one namespace to another; `lost` waits for its end."""

    def __init__(
        self, router: Router, sender: str, receiver: str, to: str, *, seconds: float, port: int
    ) -> None:
        self.count = int(seconds * 500)
        self.receiver = self._start(router, receiver, _RECEIVE, to, str(port), "5")
        assert self.receiver.stdout is not None
        assert self.receiver.stdout.readline() == "ready\n"
        self.sender = self._start(router, sender, _SEND, to, str(port), "0.002", str(self.count))

    def _start(
        self, router: Router, where: str, program: str, *arguments: str
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [
                *("nsenter", f"--net=/run/netns/{router.name}-{where}", "--"),
                *(sys.executable, "-I", "-c", program, *arguments),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )

    def running(self) -> bool:
        return self.sender.poll() is None

    def lost(self) -> int:
        assert self.sender.wait(60) == 0
        out, _ = self.receiver.communicate(timeout=60)
        return self.count - int(out)


@contextmanager
def router_in_city(root: Path, name: str = "") -> Iterator[Router]:
    """A router (wan0, lan0, lan1) with the internet behind one and offices behind the others.

    The offices' first hosts stand on the loopback of their segment: 1, 2, 4, 5 behind lan0, 3
    behind lan1.
    """
    name = name or f"ht{os.getpid()}"
    router = Router(name, root)
    names = [f"{name}-{part}" for part in ("router", "inet", "seg0", "seg1")]
    try:
        for one in names:
            sh(f"ip netns add {one}; ip -n {one} link set lo up")
        for device, end in (("wan0", "inet"), ("lan0", "seg0"), ("lan1", "seg1")):
            sh(
                f"ip -n {name}-router link add {device} type veth "
                f"peer name eth0 netns {name}-{end}; ip -n {name}-{end} link set eth0 up"
            )
        _address(name)
        yield router
    finally:
        for one in names:
            subprocess.run(["ip", "netns", "del", one], check=False, capture_output=True)


def _address(name: str) -> None:
    inet = f"ip -n {name}-inet"
    sh(
        f"{inet} address add 198.51.100.1/30 dev eth0; "
        f"{inet} address add 2001:db8:ffff::1/64 dev eth0 nodad; "
        f"{inet} route add 10.20.0.0/16 via 198.51.100.2; "
        f"{inet} route add 203.0.113.0/24 via 198.51.100.2; "
        f"{inet} -6 route add 2001:db8:1000::/36 via 2001:db8:ffff::2"
    )
    for number, offices in ((0, (1, 2, 4, 5)), (1, (3,))):
        seg = f"ip -n {name}-seg{number}"
        sh(
            f"{seg} address add 172.2{number}.0.2/24 dev eth0; "
            f"{seg} address add 2001:db8:f00{number}::2/64 dev eth0 nodad; "
            f"{seg} route add default via 172.2{number}.0.1; "
            f"{seg} -6 route add default via 2001:db8:f00{number}::1"
        )
        for office in offices:
            sh(
                f"{seg} address add 10.20.{office}.1/32 dev lo; "
                f"{seg} -6 address add 2001:db8:{0x1000 + office:x}::1/128 dev lo nodad"
            )


def kill(process: subprocess.Popen[bytes]) -> None:
    """kill -9, as a power cut or an impatient person would."""
    process.send_signal(signal.SIGKILL)
    process.wait()
