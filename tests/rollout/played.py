"""Hosts to roll out to: real ssh servers of this process, behind which the host program runs.

Command line, generations, windows, record and refusals are those of the host program, over a
scratch folder; the kernel alone is played, and the alarm is a thread in place of systemd's timer.
"""

from __future__ import annotations

import json
import shlex
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import paramiko
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from komando.bundle import Bundle
from komando.host.archive import unpack
from komando.host.change import Changes, Order
from komando.host.configuration import Configuration, read_configuration
from komando.host.errors import HostError
from komando.host.generation import Generations
from komando.host.grammar import parser
from komando.host.layout import Paths
from komando.host.probe import probe
from komando.host.program import Program
from komando.host.reconcile import Outcome
from komando.host.record import AT_THE_CONSOLE
from komando.host.records import Applied
from komando.host.shape import Change
from komando.host.standing import QUESTIONS, Standing
from komando.host.verbs import VERBS, order_of
from komando.host.window import Windows
from komando.inventory import Host
from tests.host_bundle import cargo_of

PROGRAM = "/usr/local/sbin/komando-host"
CLOSED_PORT = 1
"""Where nobody listens: tcpmux."""


class PlayedHost(paramiko.ServerInterface):
    """One host: does as the host program does, and counts what it is asked.

    `kernel` is what its kernel lacks until the next activation. A generation of `refused` (digest
    to words) fails to come in force; of one of `lacking` the kernel loses something at once; one of
    `cutting` lets no new connection in while it is in force, and keeps those that stand. `ends`
    makes an activation end with this code and these lines, without doing anything. `hold` makes
    what is asked under `held` wait, and `begun` says that it has come. `cut_at` cuts the line once
    in place of the answer to a verb, after that was carried out, and `cut_before` before. `barred`
    are the ports that its probes do not reach. `protocol` is what it speaks. `offices` are what it
    says of each by `status`, for there is no kernel that could. Where a digest is wanted, `*`
    stands for whatever is activated.
    """

    def __init__(self, name: str, client_key: paramiko.PKey, root: Path) -> None:
        self.name = name
        self.client_key = client_key
        self.host_key = paramiko.ECDSAKey.generate()
        self.paths = Paths(root)
        self.paths.state.mkdir(parents=True)
        self.kernel = ""
        self.refused: dict[str, str] = {}
        self.lacking: dict[str, str] = {}
        self.cutting: set[str] = set()
        self.cut_at = self.cut_before = ""
        self.barred: set[int] = set()
        self.verbs: list[str] = []
        self.words: list[list[str]] = []
        self.protocol = 2
        self.within = 60
        self.neighbour: str | None = None
        self.canary = False
        self.ends: tuple[int, str] | None = None
        self.exports: bytes | None = None
        self.offices: dict[str, dict[str, Any]] = {}
        self.hold: threading.Event | None = None
        self.held = "activate"
        self.begun = threading.Event()
        self._lock = threading.RLock()
        self._timer = ThreadTimer(self)
        self.address = (
            f"127.0.0.{name.rpartition('-')[2]}"  # each its own, as an inventory wants it
        )
        self._listener = socket.create_server((self.address, 0))
        self.port: int = self._listener.getsockname()[1]
        self._transports: list[paramiko.Transport] = []
        threading.Thread(target=self._accept, daemon=True).start()

    # --- how it stands -----------------------------------------------------------------------

    @property
    def host(self) -> Host:
        return Host(
            self.name,
            "router",
            self.address,
            {},
            "pfifo",
            port=self.port,
            confirm_within=self.within,
            canary=self.canary,
            neighbour=self.neighbour,
        )

    @property
    def known_hosts_line(self) -> str:
        key = self.host_key
        return f"[{self.address}]:{self.port} {key.get_name()} {key.get_base64()}\n"

    @property
    def digest(self) -> str | None:
        """The generation that is in force."""
        return Generations(self.paths).current()

    @property
    def armed(self) -> bool:
        """Whether a change waits for its confirmation."""
        return Windows(self.paths).pending() is not None

    @property
    def events(self) -> list[str]:
        """What its record says, in order."""
        return [
            json.loads(line)["event"] for line in Program(self.paths).record.lines().splitlines()
        ]

    def run(self, bundle: Bundle) -> None:
        """Bring a bundle in force, as a person at the console would."""
        self.program().activate(bundle.digest, cargo_of(bundle), None)

    def arm(self, bundle: Bundle, within: float, sequence: int = 1) -> None:
        """Bring a bundle in force as a controller would that then dies."""
        with self._lock:
            self.program().activate(bundle.digest, cargo_of(bundle), Order(sequence, within))

    def bypassed(self) -> None:
        """Have its record say that a person at the console let the policy be bypassed, and back."""
        record = self.program().record
        for event in AT_THE_CONSOLE:
            record.append(event, self.digest)

    def damage(self) -> None:
        """Change a file of the running generation by hand."""
        with (self.paths.current / "etc/komando/calendar").open("a") as calendar:
            calendar.write("# changed by hand\n")

    def program(self) -> Program:
        """The host program on this host."""
        return _PlayedProgram(self, self._timer)

    # --- the line ----------------------------------------------------------------------------

    def close(self) -> None:
        """Answer no more."""
        if self.hold is not None:
            self.hold.set()
        self._timer.end()
        with suppress(OSError):  # closed before; shutdown alone wakes the thread in accept()
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop()

    def drop(self) -> None:
        """Cut every connection, as a cable would."""
        for transport in self._transports:
            transport.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if self.digest in self.cutting or ("*" in self.cutting and self.armed):
                connection.close()
                continue
            transport = paramiko.Transport(connection)
            transport.add_server_key(self.host_key)
            self._transports.append(transport)
            try:
                transport.start_server(server=self)
            except (paramiko.SSHException, EOFError, OSError):  # who connected has gone already
                continue

    def get_allowed_auths(self, username: str) -> str:
        del username
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        known = username == "deploy" and key == self.client_key
        return AUTH_SUCCESSFUL if known else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        del kind, chanid
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        threading.Thread(target=self._run, args=(channel, command.decode()), daemon=True).start()
        return True

    def _run(self, channel: paramiko.Channel, command: str) -> None:
        time.sleep(0.05)  # paramiko accepts the request only after its callback has returned
        words = shlex.split(shlex.split(command)[-1])
        assert words[:3] == ["sudo", "-n", PROGRAM], command
        try:
            code, out, err = self._verb(words[3:], channel)
            channel.sendall(out.encode())
            channel.sendall_stderr(err.encode())
            channel.send_exit_status(code)
            channel.close()
        except (paramiko.SSHException, EOFError, OSError):  # the line was cut meanwhile
            return

    def _verb(self, words: list[str], channel: paramiko.Channel) -> tuple[int, str, str]:
        verb = words[0]
        self.verbs.append(verb)
        self.words.append(words)
        archive = channel.makefile("rb").read() if verb == "activate" else b""
        if verb == self.held:
            self.begun.set()
            if self.hold is not None:
                self.hold.wait(30)
        if verb == self.cut_before:
            self.cut_before = ""
            self.drop()
            return 255, "", ""
        if verb == "activate" and self.ends is not None:
            return self.ends[0], "", self.ends[1]
        try:
            out = self._answer(words, archive)
        except (HostError, OSError, ValueError) as error:
            return 1, "", f"komando-host: {error}\n"
        if verb == self.cut_at:
            self.cut_at = ""
            self.drop()
        return 0, out, ""

    def _answer(self, words: list[str], archive: bytes) -> str:
        """As `komando.host.verbs` answers, but for the lock and the signals of a process."""
        given = parser().parse_args(words, SimpleNamespace())
        if given.verb == "probe":
            port = CLOSED_PORT if given.port in self.barred else given.port
            return json.dumps(probe(given.address, port)) + "\n"
        if given.verb == "status":
            return json.dumps(self._status(given.slug)) + "\n"
        if given.verb == "export" and self.exports is not None:
            return self.exports.decode()
        with self._lock:
            program = self.program()
            said: dict[str, Any] | str
            if given.verb == "activate":
                said = program.activate(given.digest, archive, order_of(given))
            elif given.verb in QUESTIONS:
                said = QUESTIONS[given.verb](program.standing, given)
            else:
                said = VERBS[given.verb](program, given)
        if given.verb == "observe" and isinstance(said, dict):
            said |= {"protocol": self.protocol}
            if self.protocol == 1:  # it knew neither that word nor these
                for key in ("protocol", "pending", "sequence", "head", "reverted", "asked_from"):
                    del said[key]
        return said if isinstance(said, str) else json.dumps(said) + "\n"

    def _status(self, slug: str | None) -> dict[str, Any]:
        said = {
            **dict.fromkeys(("profile", "clock", "bypass", "pending"), None),
            "generation": "a" * 64,
            "now": "2026-11-24T02:00:00Z",
        }
        found = [one for name, one in self.offices.items() if slug in (None, name)]
        known = [f"{one['kind']}/{name}" for name, one in self.offices.items()]
        return said | {"leaves": found, "known": [] if found else known}

    def due(self, token: str) -> None:
        """The alarm's call."""
        with self._lock:
            program = self.program()
            if program.awaits(token):
                program.revert(None, "nobody confirmed it in time")


class ThreadTimer:
    """The alarm of a played host."""

    def __init__(self, host: PlayedHost) -> None:
        self._host = host
        self._timers: dict[str, threading.Timer] = {}

    def start(self, token: str, seconds: float) -> None:
        timer = threading.Timer(seconds, self._host.due, [token])
        timer.daemon = True
        self._timers[token] = timer
        timer.start()

    def stop(self, token: str) -> None:
        if timer := self._timers.pop(token, None):
            timer.cancel()

    def end(self) -> None:
        """Take all of them away."""
        for token in list(self._timers):
            self.stop(token)


class _PlayedProgram(Program):
    """The host program, which finds the kernel as the played host has it."""

    def __init__(self, played: PlayedHost, timer: ThreadTimer) -> None:
        super().__init__(played.paths)
        self.changes = _PlayedChanges(played, timer)
        self.standing = _PlayedStanding(played)


class _PlayedStanding(Standing):
    """The host as it stands, but for its kernel."""

    def __init__(self, played: PlayedHost) -> None:
        super().__init__(played.paths)
        self.played = played

    def missing(self, *_: object) -> list[str]:
        lacking = self.played.lacking
        lost = lacking.get(self.played.digest or "") or (self.played.armed and lacking.get("*"))
        return [words for words in (self.played.kernel, lost) if words]


class _PlayedChanges(Changes):
    """Changes of generation that touch the disk, and a played kernel."""

    def __init__(self, played: PlayedHost, timer: ThreadTimer) -> None:
        super().__init__(played.paths, timer)
        self.played = played

    def _stage(self, digest: str, archive: bytes, previous: str | None) -> Configuration:
        del previous
        files: Mapping[str, bytes]
        try:
            files, standing = self.generations.read(digest), True
        except HostError as error:
            if not archive.strip():
                raise HostError(f"{error}, and no archive came with it") from None
            files, standing = unpack(archive, digest).files, False
        if not standing:
            self.generations.stage(digest, files)
        return read_configuration(files)

    def bring(
        self, digest: str, configuration: Configuration, *, thorough: bool = False
    ) -> tuple[Outcome, str]:
        del configuration
        refused = self.played.refused
        if words := refused.get(digest) or (not thorough and refused.get("*")):
            raise HostError(words)
        if not thorough:
            self.played.kernel = ""
        self.records.put_applied(Applied(digest, "day"))
        return Outcome(changes=(Change("ifb0", "1:10", "change"),)), "day"

    def _bring_back(self, previous: str | None) -> None:
        if previous is not None:
            self.bring(previous, read_configuration(self.generations.read(previous)), thorough=True)
