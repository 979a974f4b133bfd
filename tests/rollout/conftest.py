"""A controller with its key, and hosts that it knows."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from komando.inventory import Access
from tests.cases.plan.cases import HERE
from tests.rollout.played import PlayedHost
from tests.rollout.rolled import Komando, Play, command_line
from tests.rollout.secret_city import City, city_with_secret


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
def play(access: Access, tmp_path: Path) -> Iterator[Play]:
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


@pytest.fixture
def host(play: Play) -> PlayedHost:
    return play("core-1")


@pytest.fixture
def komando(
    host: PlayedHost, access: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Komando:
    """The command line in a folder with policies and an inventory of the played host."""
    shutil.copytree(HERE / "base", tmp_path / "policies")
    return command_line([host], access, tmp_path, monkeypatch)


@pytest.fixture
def city(access: Access, tmp_path: Path) -> Iterator[City]:
    """A repository whose router has a secret, not yet applied."""
    with city_with_secret(access, tmp_path) as made:
        yield made
