"""Throw-away namespaces around one router, and a paced probe through it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
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
import subprocess
class Alarm:  # no systemd runs in a namespace
    def start(self, token, seconds):
        own = [one.decode() for one in Path("/proc/self/cmdline").read_bytes().split(b"\\0")]
        call = [*own[:own.index("-c") + 2], sys.argv[1], "revert", "--due", token]
        wait = ["sh", "-c", "sleep $0; exec \\"$@\\"", str(seconds), *call]
        null = subprocess.DEVNULL
        subprocess.Popen(wait, start_new_session=True, stdin=null, stdout=null, stderr=null)
    def stop(self, token):
        subprocess.run(["pkill", "-f", "^sh -c sleep .*" + token], check=False)
sys.exit(main(sys.argv[2:], Paths(Path(sys.argv[1])), Alarm()))
"""

_DYING = """\
import os, signal, sys
sys.path.insert(0, {sources!r})
from komando.host import kernel
real, left = kernel.finish, [{steps}]
def dying(argv, *given):
    changing = {{"-batch", "add", "set", "del", "sysctl"}}
    sends = bool(changing & set(argv)) or argv[:2] == ["nft", "-f"]
    left[0] -= sends
    if sends and left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    done = real(argv, *given)
    left[0] -= sends
    if sends and left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return done
kernel.finish = dying
"""
"""Kills the program before (odd) or after (even) one of the commands that change the kernel."""

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
    print(len(seen), max(seen, default=-1) + 1, flush=True)
"""


_SHAPING = (
    "for d in ifb0 wan0; do tc -d class show dev $d | sort; "
    "tc qdisc show dev $d | grep -v clsact | sort; done; "
    "nft -s list table inet shaper; nft -s list table ip komando_nat; nft list tables | sort"
)


@dataclass(frozen=True)
class Answer:
    """What one run of the program gave."""

    code: int
    said: Any
    words: str


def sh(script: str, namespace: str = "/proc/self/ns/net") -> str:
    done = subprocess.run(
        ["nsenter", f"--net={namespace}", "--", "bash", "-euc", script],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{script}: {done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Router:
    """The router's namespace with a root folder of its own, and its neighbours' namespaces."""

    name: str
    root: Path
    probes: list[Probe] = field(default_factory=list)

    @property
    def namespace(self) -> str:
        return f"{self.name}-router"

    def argv(self, *verb: str, dies_at: int = 0) -> list[str]:
        program = _DYING.format(sources=str(SOURCES), steps=dies_at) if dies_at else ""
        program += _MAIN.format(sources=str(SOURCES))
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
        return sh(script, f"/run/netns/{self.namespace}")

    def settle(self) -> None:
        """Waits until neighbours are known: IPv6 looks for duplicates for a second or two."""
        for where, to in (
            ("inet", "10.20.1.1"),
            ("inet", "2001:db8:1001::1"),
            ("inet", "10.20.3.1"),
            ("seg1", "198.51.100.1"),
        ):
            ping = f"until ping -nqc 1 -W 1 {to}; do sleep 0.1; done"
            sh(f"timeout 10 bash -c '{ping}'", f"/run/netns/{self.name}-{where}")

    def shaping(self) -> str:
        """Both trees with all parameters, and the nft tables, without counters."""
        return self.sh(_SHAPING)

    def state(self) -> str:
        """All that the program looks after, without counters and what the kernel numbers."""
        text = self.shaping() + self.sh(
            "for d in lan0 lan1; do tc qdisc show dev $d; tc filter show dev $d egress; done; "
            "ip -br link; ip -br address; ip route; ip -6 route show proto 75; "
            "sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding"
        )
        return re.sub(r"fe80:\S+|index \d+|@\S+|(\w\w:){5}\w\w|UNKNOWN|800::\d+", "", text)

    def sent(self, device: str, class_id: str) -> int:
        """Packets that a class has sent since it was made."""
        text = self.sh(f"tc -s class show dev {device}")
        found = re.search(rf"class htb {class_id} .*\n Sent \d+ bytes (\d+) pkt", text)
        assert found, text
        return int(found[1])

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
        self,
        router: Router,
        sender: str,
        receiver: str,
        to: str,
        *,
        port: int,
        seconds: float,
        pace: float = 0.002,
    ) -> None:
        self.count = int(seconds * 500)
        self.receiver = self._start(router, receiver, _RECEIVE, to, str(port), "5")
        assert self.receiver.stdout is not None
        assert self.receiver.stdout.readline() == "ready\n"
        arguments = (to, str(port), str(pace), str(self.count))
        self.sender = self._start(router, sender, _SEND, *arguments)
        router.probes.append(self)

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
        self.sender.communicate(timeout=60)
        assert self.sender.returncode == 0
        received, _ = self._received()
        return self.count - received

    def stop(self) -> int:
        """Ends the probe early; how many packets are missing before the last that came."""
        self.sender.terminate()
        self.sender.communicate()
        received, highest = self._received()
        assert received > 0
        return highest - received

    def _received(self) -> tuple[int, int]:
        out, _ = self.receiver.communicate(timeout=60)
        received, highest = out.split()
        return int(received), int(highest)

    def end(self) -> None:
        """Leaves nothing running, whatever the test came to."""
        for process in (self.sender, self.receiver):
            if process.poll() is None:
                process.kill()
            if process.stdout is not None and not process.stdout.closed:
                process.communicate()


def loaded_by_hand(bundle: Bundle, profile: str, folder: Path) -> str:
    """What `Router.shaping` shows when tc and nft load the files themselves: the yardstick."""
    bundle.write(folder)
    name = f"hy{os.getpid()}"
    here = folder / "etc/komando"
    load = [
        "ip link add ifb0 type ifb; ip link add wan0 type veth peer name far",
        *(f"tc -batch {here}/tc/{tree}.tc" for tree in ("download", "upload")),
        *(f"tc -batch '{here}/tc/profiles/{profile}.{way}.tc'" for way in ("down", "up")),
        *(f"nft -f {here}/nft/{table}.nft" for table in ("shaper", "nat")),
        _SHAPING,
    ]
    sh(f"ip netns add {name}")
    try:
        return sh("\n".join(load), f"/run/netns/{name}")
    finally:
        sh(f"ip netns del {name}")


@contextmanager
def router_in_city(root: Path, name: str = "ht") -> Iterator[Router]:
    """A router (wan0, lan0, lan1) with the internet behind one and offices behind the others.

    Its namespaces bear the number of this process beside the name: tests of one file may run in
    several processes at once.

    The offices' first hosts stand on the loopback of their segment: 1, 2, 4, 5 behind lan0, 3
    behind lan1.
    """
    name = f"{name}{os.getpid()}"
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
        for probe in router.probes:
            probe.end()
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
        for office in offices:
            sh(
                f"{seg} address add 10.20.{office}.1/32 dev lo; "
                f"{seg} -6 address add 2001:db8:{0x1000 + office:x}::1/128 dev lo nodad"
            )
        sh(
            f"{seg} address add 172.2{number}.0.2/24 dev eth0; "
            f"{seg} address add 2001:db8:f00{number}::2/64 dev eth0 nodad; "
            f"{seg} route add default via 172.2{number}.0.1 src 10.20.{offices[0]}.1; "
            f"{seg} -6 route add default via 2001:db8:f00{number}::1"
        )
