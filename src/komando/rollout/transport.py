"""How the pyinfra process reaches a host: in bounded time, by known keys alone, over jump hosts.

pyinfra's own way over a jump host asks on the terminal for a key that it does not know, and cannot
go over two (its issues 1963 and 971). So paramiko is handed a transport that was opened here.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Self

import gevent
from gevent.event import AsyncResult
from paramiko import (
    AuthenticationException,
    BadHostKeyException,
    Channel,
    Message,
    RejectPolicy,
    SSHClient,
    SSHException,
    Transport,
)
from paramiko.ssh_exception import NoValidConnectionsError
from pyinfra.connectors import util

from komando.rollout.protocol import Opening, Peer
from komando.rollout.unreached import Stalled, Unreachable, cause

SILENCE_MS = 30_000
"""A connection whose bytes stay unacknowledged for so long counts as lost (TCP_USER_TIMEOUT)."""

QUESTION_SECONDS = 5
"""How often a host is asked whether it is there, and how long it may take to say so is SILENCE_MS.

Behind a jump host TCP tells nothing of the last stretch: only an answer of its sshd does.
"""

REFUSED_TO_FORWARD = 1
"""SSH_OPEN_ADMINISTRATIVELY_PROHIBITED (RFC 4254, 5.1)."""


class Refused(SSHException):
    """A server's refusal to open a channel: its code (RFC 4254, 5.1) and its own words."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


class Prompt(socket.socket):
    """A TCP connection on which nothing waits: neither our next message, nor the host's.

    By themselves both sides hold a small message back until the last one is acknowledged, and
    acknowledge late (RFC 896; RFC 9293, 3.8.6.3): 0.04 s at each of three steps of a log-in with
    one question (measured).
    """

    @classmethod
    def of(cls, plain: socket.socket) -> Self:
        """The same connection, which `plain` then no longer is."""
        prompt = cls(plain.family, plain.type, plain.proto, plain.detach())
        prompt.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return prompt

    def recv(self, *arguments: int) -> bytes:
        """As socket's. The kernel forgets that it is to acknowledge at once (tcp(7))."""
        received = super().recv(*arguments)
        self.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return received


class Patient(Transport):
    """A transport whose every wait ends, and that says which step took too long.

    paramiko keeps the reason of one refused channel for all of a transport, and drops the server's
    words. Where many are opened at once, each is to have its own.
    """

    patience = 10.0

    def __init__(self, sock: socket.socket | Channel, **settings: Any) -> None:
        if isinstance(sock, socket.socket):
            sock = Prompt.of(sock)
        super().__init__(sock, **settings)
        self._asked: dict[int, int] = {}
        self._refusals: dict[int, tuple[int, str]] = {}

    def open_channel(self, *arguments: Any, **settings: Any) -> Channel:
        """As paramiko's; raises Refused with what the server said of this very channel."""
        try:
            return super().open_channel(*arguments, **settings)
        except SSHException as error:
            refusal = self._refusals.pop(self._asked.get(threading.get_ident(), -1), None)
            if refusal is not None:
                raise Refused(*refusal) from error
            if self.is_active():  # else it is the connection that has ended
                words = f"it did not open a channel in {self.channel_timeout:g} s"
                raise Stalled(words) from error
            raise

    def _next_channel(self) -> int:
        number: int = super()._next_channel()  # type: ignore[misc]  # missing in the stubs
        self._asked[threading.get_ident()] = number
        return number

    def _parse_channel_open_failure(self, message: Message) -> None:
        number = message.get_int()
        self._refusals[number] = message.get_int(), message.get_text()
        message.rewind()
        super()._parse_channel_open_failure(message)  # type: ignore[misc]  # missing in the stubs

    def start_client(self, event: Any = None, timeout: float | None = None) -> None:
        """As paramiko's, which returns silently where the time was not enough."""
        seconds = self.patience if timeout is None else timeout
        self.banner_timeout = self.handshake_timeout = self.auth_timeout = seconds
        self.channel_timeout = seconds
        begun = time.monotonic()
        try:
            super().start_client(event, seconds)
        except (SSHException, EOFError) as error:
            if time.monotonic() - begun >= 0.9 * seconds:
                raise self._stalled(seconds) from error
            if isinstance(error, SSHException) and "banner" not in str(error):
                raise
            raise Stalled(
                f"it ended the connection in the middle of the greeting ({error})"
            ) from error
        if event is None and not self.initial_kex_done:
            self.close()
            raise self._stalled(seconds)

    def _stalled(self, seconds: float) -> Stalled:
        if self.remote_version:
            return Stalled(f"it stopped in the key exchange, and was given up after {seconds:g} s")
        return Stalled(f"it accepted the connection and said nothing for {seconds:g} s")


class Reach:
    """The jump hosts of some connections: each is logged in to once, when somebody first needs it.

    Connections that are opened together share one; whoever wants a fresh way makes a new one.
    """

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._hops: dict[tuple[Peer, ...], AsyncResult] = {}
        self._clients: list[SSHClient] = []

    def options(self, peer: Peer) -> dict[str, Any]:
        """What paramiko's `connect` is to be told of a host, beside its address and key."""
        seconds = float(self._opening.connect_timeout)
        options: dict[str, Any] = {
            "banner_timeout": seconds,
            "auth_timeout": seconds,
            "channel_timeout": seconds,
            "transport_factory": Patient,
        }
        if peer.hops:
            # anything but nothing keeps paramiko from connecting by itself
            options |= {"sock": peer.name, "transport_factory": partial(self._through, peer)}
        return options

    def close(self) -> None:
        """End the connections to the jump hosts, the farthest first."""
        for client in reversed(self._clients):
            client.close()
        self._clients.clear()
        self._hops.clear()

    def _through(self, peer: Peer, _: object, **settings: Any) -> Transport:
        """A transport to a host over its jump hosts; raises Unreachable with the reason."""
        channel = self._channel(peer.hops, peer)
        return Patient(channel, **settings)

    def _channel(self, hops: tuple[Peer, ...], peer: Peer) -> Channel:
        """A TCP connection that the last of `hops` opens for us."""
        client, name = self._hop(hops), hops[-1].name
        transport = client.get_transport()
        place = f"{peer.address} port {peer.port}"
        if transport is None or not transport.is_active():
            raise Unreachable(f"the connection to the jump host {name} was lost")
        try:
            return transport.open_channel(
                "direct-tcpip",
                (peer.address, peer.port),
                ("127.0.0.1", 0),
                timeout=float(self._opening.connect_timeout),
            )
        except Refused as error:
            if error.code == REFUSED_TO_FORWARD:
                raise Unreachable(
                    f"the jump host {name} does not forward to {place}: "
                    "`komando prepare` it again, "
                    "which lays the list of those that it may forward to"
                ) from error
            raise Unreachable(f"the jump host {name} cannot connect to {place}: {error}") from error
        except (SSHException, EOFError) as error:
            if not transport.is_active():
                raise Unreachable(f"the connection to the jump host {name} was lost") from error
            raise Unreachable(
                f"no answer from {place} behind the jump host {name} "
                f"in {self._opening.connect_timeout} s"
            ) from error

    def _hop(self, hops: tuple[Peer, ...]) -> SSHClient:
        """The connection to the last of `hops`; whoever comes second waits for the first."""
        if (known := self._hops.get(hops)) is not None:
            client: SSHClient = known.get()
            return client
        found = self._hops[hops] = AsyncResult()
        try:
            opened = self._log_in(hops)
        except Unreachable as error:
            found.set_exception(error)
            raise
        self._clients.append(opened)
        found.set(opened)
        return opened

    def _log_in(self, hops: tuple[Peer, ...]) -> SSHClient:
        hop = hops[-1]
        opening = self._opening
        client = SSHClient()
        client.set_missing_host_key_policy(RejectPolicy())
        client.load_host_keys(opening.known_hosts)
        way = Peer(hop.name, hop.address, hop.port, hop.user, hops[:-1])
        try:
            client.connect(
                hop.address,
                hop.port,
                hop.user,
                key_filename=opening.identity,
                timeout=float(opening.connect_timeout),
                allow_agent=opening.identity is None,
                look_for_keys=opening.identity is None,
                **self.options(way),
            )
        except (OSError, EOFError, SSHException) as error:
            client.close()
            raise Unreachable(_of_a_hop(hop, error)) from error
        watch(client)
        return client


def _of_a_hop(hop: Peer, error: Exception) -> str:
    where = f"{hop.address} port {hop.port}"
    if isinstance(error, Unreachable):  # a jump host before it
        return str(error)
    if isinstance(error, BadHostKeyException):
        return f"the jump host {hop.name} ({where}) shows another key than known_hosts has for it"
    if isinstance(error, AuthenticationException):
        return f"the jump host {hop.name} does not let {hop.user} in with this key"
    if isinstance(error, NoValidConnectionsError | OSError) and (words := cause(error)):
        return f"the jump host {hop.name} is away: {words} {where}"
    if "not found in known_hosts" in str(error):
        return f"known_hosts has no key for the jump host {hop.name} ({where})"
    return f"the jump host {hop.name} ({where}): {error}"


def ask_nobody() -> None:
    """Keep pyinfra from asking for a password where a host says that sudo wants one.

    It would read our standard input, hold up every other host meanwhile, give the host what it
    read, and run the command a second time.
    """
    util.SUDO_PASSWORD_REQUIRED_LINES = ()  # type: ignore[assignment]  # none, not another two


def watch(client: SSHClient) -> None:
    """Let a silent connection end, and not wait for an hour."""
    transport = client.get_transport()
    if transport is None:
        return
    if isinstance(transport.sock, socket.socket):
        transport.set_keepalive(QUESTION_SECONDS)
        transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE_MS)
    else:
        gevent.spawn(_ask_whether_it_is_there, transport)


def _ask_whether_it_is_there(transport: Transport) -> None:
    while transport.is_active():
        gevent.sleep(QUESTION_SECONDS)
        with within(transport, SILENCE_MS / 1000):
            # any answer will do, and a refusal is what OpenSSH gives
            transport.global_request("keepalive@openssh.com", wait=True)


class Deadline:
    """Whether a time was over before what it was set for."""

    passed = False


@contextmanager
def within(transport: Transport | None, seconds: float) -> Iterator[Deadline]:
    """End a connection on which something has not come to its end in time.

    paramiko waits without limit for a server to take an exec on, or to tell its exit code; all of
    its waits end with their connection.
    """
    deadline = Deadline()

    def end() -> None:
        deadline.passed = True
        if transport is not None:
            transport.close()

    alarm = gevent.spawn_later(seconds, end)
    try:
        yield deadline
    finally:
        alarm.kill()
