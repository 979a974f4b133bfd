"""A lab's names, its lock, and what it says of a machine that cannot carry it."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from komando.lab.place import LabError, Place, locked, require_machine


@pytest.mark.parametrize("name", ["", "Kotim", "kotim-2", "2kotim", "a/b", "..", "a" * 13])
def test_a_name_is_small_letters_and_digits(name: str) -> None:
    with pytest.raises(LabError, match="cannot name a lab"):
        Place(name)


def test_no_labs_prefix_begins_anothers() -> None:
    assert not Place("kotim2").prefix.startswith(Place("kotim").prefix)


def test_without_root_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LabError, match="run it as root"):
        require_machine()


def test_missing_programs_are_named_by_their_packages(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError, match=r"apt-get install .*mmdebstrap .*systemd-container"):
        require_machine()


def test_a_held_lock_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path, "busy"), pytest.raises(LabError, match="busy"), locked(path, "busy"):
        pytest.fail("two held one lock")
    assert not path.exists()


def test_who_waits_for_a_lock_gets_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    order: list[str] = []

    def second() -> None:
        with locked(path):
            order.append("second")

    waiting = threading.Thread(target=second)
    with locked(path):
        waiting.start()
        waiting.join(0.1)
        order.append("first")
    waiting.join(5)
    assert order == ["first", "second"]
    assert not path.exists()
