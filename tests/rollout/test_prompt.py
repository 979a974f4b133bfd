"""Connections to hosts on which no small message waits for an acknowledgement."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from komando.rollout.transport import Patient, Prompt


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The two ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
    with near, far:
        yield near, far


def option(connection: socket.socket, name: int) -> bool:
    return bool(connection.getsockopt(socket.IPPROTO_TCP, name))


def test_a_transport_to_a_host_holds_no_message_back(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    near, _ = ends
    assert not option(near, socket.TCP_NODELAY)
    with Patient(near).sock as prompt:
        assert isinstance(prompt, Prompt)
        assert option(prompt, socket.TCP_NODELAY)


def test_what_comes_is_acknowledged_at_once_again_and_again(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    near, far = ends
    with Prompt.of(near) as prompt:
        for _ in range(2):
            prompt.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
            far.sendall(b"x")
            assert prompt.recv(10) == b"x"
            assert option(prompt, socket.TCP_QUICKACK)
