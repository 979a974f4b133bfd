"""A bare repository that plays the forge, clones of it, and git without the user's own settings."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from komando.ledger import HostResult, Ledger, Move, Undertaking, verify

Clone = Callable[..., Path]

OLD, NEW = "a" * 64, "b" * 64


def git(folder: Path, *arguments: str, data: bytes = b"") -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, input=data, capture_output=True, check=True
    )
    return done.stdout.decode().strip()


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No identity, no settings: git knows nobody here."""
    for name in [name for name in os.environ if name.startswith(("GIT_", "SSH_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")


@pytest.fixture
def forge(tmp_path: Path) -> Path:
    """A bare repository with one commit of policies on main."""
    bare, work = tmp_path / "forge.git", tmp_path / "first"
    bare.mkdir()
    git(bare, "init", "--quiet", "--bare", "--initial-branch=main")
    work.mkdir()
    git(work, "init", "--quiet", "--initial-branch=main")
    (work / "policies").mkdir()
    (work / "policies" / "region.yaml").write_text("name: Kotawaringin Timur\n")
    git(work, "add", ".")
    as_nobody = ("-c", "user.name=n", "-c", "user.email=n@example.org")
    git(work, *as_nobody, "commit", "--quiet", "-m", "policies")
    git(work, "push", "--quiet", str(bare), "main")
    return bare


@pytest.fixture
def clone(tmp_path: Path, forge: Path) -> Clone:
    def make(name: str, *arguments: str) -> Path:
        git(tmp_path, "clone", "--quiet", *arguments, forge.as_uri(), name)
        return tmp_path / name

    return make


def ledger_of(folder: Path, **extra: object) -> Ledger:
    return Ledger.open(folder, "lab", **extra)  # type: ignore[arg-type]


def change(
    *hosts: str, kind: str = "apply", lease: timedelta = timedelta(minutes=15)
) -> Undertaking:
    moves = {host: Move(before=OLD, after=NEW) for host in hosts or ("core-1",)}
    return Undertaking(kind=kind, hosts=moves, lease=lease)  # type: ignore[arg-type]


def carried(*hosts: str) -> dict[str, HostResult]:
    return {
        host: HostResult(before=OLD, after=NEW, result="carried") for host in hosts or ("core-1",)
    }


def told(ledger: Ledger, **extra: object) -> str:
    """What `verify` finds, in words; "" for nothing."""
    return "\n".join(map(str, verify(ledger, **extra).disagreements))  # type: ignore[arg-type]
