"""A controller with its key, and hosts that it knows."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import paramiko
import pytest

from komando.inventory import Access
from tests.unit.rollout.played import PlayedHost

MakeHost = Callable[[str], PlayedHost]


@pytest.fixture
def access(tmp_path: Path) -> Access:
    """The key and the known hosts of a controller."""
    key = paramiko.ECDSAKey.generate()
    text = io.StringIO()
    key.write_private_key(text)
    identity, known = tmp_path / "id", tmp_path / "known_hosts"
    identity.write_text(text.getvalue())
    known.write_text("")
    return Access(prefix=(), identity=identity, known_hosts=known)


@pytest.fixture
def play(access: Access, tmp_path: Path) -> Iterator[MakeHost]:
    """Make hosts that the controller knows."""
    assert access.identity is not None
    key = paramiko.ECDSAKey.from_private_key_file(str(access.identity))
    hosts: list[PlayedHost] = []

    def make(name: str) -> PlayedHost:
        hosts.append(PlayedHost(name, key, tmp_path / f"host-{name}"))
        with access.known_hosts.open("a") as file:
            file.write(hosts[-1].known_hosts_line)
        return hosts[-1]

    yield make
    for host in hosts:
        host.close()
