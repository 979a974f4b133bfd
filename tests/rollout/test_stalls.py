"""Servers that stop somewhere between TCP and an answer: each is given up in time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import paramiko
import pytest
from paramiko.common import AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from komando.inventory import Access, Host
from komando.rollout import session as module
from komando.rollout.protocol import Opening
from komando.rollout.session import Answers, Session

PATIENCE = 1
"""Seconds for each step, and for each question."""

BOUND = 15.0
"""Seconds in which all must be over, the start of the process among them."""

Serve = Callable[[socket.socket], object]


@contextmanager
def server(serve: Serve) -> Iterator[int]:
    """A TCP server on a port of its own; gives the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    taken: list[socket.socket] = []
    kept: list[object] = []

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            taken.append(connection)
            kept.append(serve(connection))

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for one in kept:
            if isinstance(one, paramiko.Transport):
                one.close()
        for connection in taken:
            with suppress(OSError):
                connection.close()
        thread.join(5)


def host(port: int) -> Host:
    return Host("core-1", "router", "127.0.0.1", {}, "pfifo", port=port)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions and changes are given up as soon as connections are."""
    usual = module.opening

    def opening(hosts: tuple[Host, ...], access: Access) -> Opening:
        return replace(
            usual(hosts, access),
            observe_timeout=PATIENCE,
            activate_timeout=PATIENCE,
            confirm_timeout=PATIENCE,
        )

    monkeypatch.setattr(module, "opening", opening)


def refusal(port: int, access: Access) -> str:
    began = time.monotonic()
    with Session([host(port)], replace(access, patience=PATIENCE)) as session:
        (reason,) = session.refused.values()
    assert time.monotonic() - began < BOUND
    return reason


def says(*parts: bytes) -> Serve:
    def serve(connection: socket.socket) -> None:
        for part in parts:
            connection.sendall(part)

    return serve


def hangs_up(connection: socket.socket) -> None:
    connection.close()


def test_one_that_accepts_and_says_nothing(access: Access) -> None:
    with server(says()) as port:
        assert refusal(port, access) == (
            f"Could not connect to 127.0.0.1 port {port}: "
            "it accepted the connection and said nothing for 1 s"
        )


def test_one_that_is_no_ssh_server(access: Access) -> None:
    with server(says(b"220 mail\r\n")) as port:
        assert "127.0.0.1" in refusal(port, access)


def test_one_that_stops_in_the_key_exchange(access: Access) -> None:
    with server(says(b"SSH-2.0-OpenSSH_9.2\r\n")) as port:
        assert refusal(port, access) == (
            f"Could not connect to 127.0.0.1 port {port}: "
            "it stopped in the key exchange, and was given up after 1 s"
        )


def test_one_that_hangs_up_at_once(access: Access) -> None:
    with server(hangs_up) as port:
        assert "it ended the connection in the middle of the greeting" in refusal(port, access)


def test_one_that_drips_its_banner(access: Access) -> None:
    """Each line is in time, and never the last one."""

    def drip(connection: socket.socket) -> None:
        def run() -> None:
            with suppress(OSError):
                while True:
                    connection.sendall(b"wait\r\n")
                    time.sleep(0.3)

        threading.Thread(target=run, daemon=True).start()

    with server(drip) as port:
        assert f"port {port}" in refusal(port, access)


class Stalling(paramiko.ServerInterface):
    """A real ssh server that stops at one step."""

    def __init__(self, at: str, over: threading.Event) -> None:
        self.at = at
        self.over = over

    def _step(self, name: str) -> None:
        if self.at == name:
            self.over.wait(60)

    def get_allowed_auths(self, username: str) -> str:
        del username
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        del username, key
        self._step("log-in")
        return AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        del kind, chanid
        self._step("channel")
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        del command
        self._step("exec")
        if self.at == "exit code":
            threading.Thread(target=self._half, args=(channel,), daemon=True).start()
        return True

    @staticmethod
    def _half(channel: paramiko.Channel) -> None:
        """An answer and its end, and nothing of how the command ended."""
        time.sleep(0.1)
        with suppress(OSError):
            channel.sendall(b'{"generation": null}\n')
            channel.shutdown_write()


@pytest.fixture
def stalling(access: Access) -> Iterator[Callable[[str], int]]:
    """Start a server that stops at a step; gives its port."""
    over = threading.Event()
    open_servers = []
    key = paramiko.ECDSAKey.generate()

    def start(at: str) -> int:
        def serve(connection: socket.socket) -> paramiko.Transport:
            transport = paramiko.Transport(connection)
            transport.add_server_key(key)
            transport.start_server(event=threading.Event(), server=Stalling(at, over))
            return transport

        running = server(serve)
        port = running.__enter__()
        open_servers.append(running)
        access.known_hosts.write_text(f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n")
        return port

    yield start
    over.set()
    for running in open_servers:
        running.__exit__(None, None, None)


def test_one_that_stops_at_the_log_in(access: Access, stalling: Callable[[str], int]) -> None:
    reason = refusal(stalling("log-in"), access)
    assert "timeout" in reason.lower() or "log-in" in reason


@pytest.mark.parametrize("at", ["channel", "exec", "answer", "exit code"])
def test_one_that_takes_a_question_and_never_answers(
    access: Access, stalling: Callable[[str], int], at: str
) -> None:
    port = stalling(at)
    began = time.monotonic()
    with Session([host(port)], access) as session:
        assert session.refused == {}
        answers: Answers = session.observe(["core-1"])
    assert time.monotonic() - began < BOUND
    assert answers.results == {}
    (said,) = (answers.failures | answers.lost).values()
    assert "in 1 s" in said or said == "Command timed out after 1s"
