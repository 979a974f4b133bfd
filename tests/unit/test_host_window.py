"""The window of a change: opened whole, and closed by one rename, one way or the other."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from komando.host.errors import HostError
from komando.host.layout import Paths
from komando.host.window import UNREADABLE, Pending, Windows, boot_id, seconds_up

OLD, NEW = "a" * 64, "b" * 64
ROUNDS = 60


def pending(**other: object) -> Pending:
    values: dict[str, object] = {
        "token": "0123456789abcdef",
        "generation": NEW,
        "previous": OLD,
        "sequence": 4,
        "boot": boot_id(),
        "deadline": seconds_up() + 60,
    }
    return Pending(**(values | other))  # type: ignore[arg-type]


@pytest.fixture
def windows(tmp_path: Path) -> Windows:
    found = Windows(Paths(tmp_path))
    found.paths.state.mkdir(parents=True)
    return found


def test_what_is_opened_can_be_read_and_lays_the_way_back(windows: Windows) -> None:
    assert (windows.pending(), windows.reverting(), windows.confirmed()) == (None, None, None)
    windows.open(one := pending())
    assert windows.pending() == one
    assert windows.paths.back.readlink() == Path(f"generations/{OLD}")
    assert windows.sequence() == 4
    windows.open(other := pending(previous=None, sequence=5))
    assert windows.pending() == other
    assert not windows.paths.back.is_symlink(), "there is nothing to go back to"


def test_it_is_due_by_the_clock_of_the_boot_alone(windows: Windows) -> None:
    windows.open(pending(deadline=seconds_up() + 30))
    one = windows.pending()
    assert one is not None
    assert 25 < one.left <= 30
    assert not one.restarted
    assert replace(one, deadline=seconds_up() - 1).left < 0
    other = replace(one, boot="another boot")
    assert (other.left, other.restarted) == (0.0, True)


def test_it_is_closed_once_and_one_way(windows: Windows) -> None:
    assert not windows.confirm()
    assert not windows.take_back()
    windows.open(pending())
    assert windows.confirm()
    assert not windows.take_back()
    assert (windows.pending(), windows.reverting()) == (None, None)
    windows.open(other := pending(token="fedcba9876543210"))  # noqa: S106  # the window's name
    assert windows.take_back()
    assert not windows.confirm()
    assert windows.reverting() == other
    windows.explain(replace(other, reason="nobody confirmed it in time"))
    seen = windows.reverting()
    assert seen is not None
    assert seen.reason == "nobody confirmed it in time"
    windows.close()
    assert windows.reverting() is None
    assert not windows.paths.back.is_symlink()


def test_an_abandoned_window_leaves_nothing_but_its_sequence(windows: Windows) -> None:
    windows.open(pending())
    windows.abandon()
    windows.abandon()
    assert [path.name for path in windows.paths.state.iterdir()] == ["sequence"]


WRONG: list[dict[str, object]]
WRONG = [{"deadline": None}, {"boot": 1}, {"previous": []}, {"sequence": "4"}]
DAMAGED = [
    b"",
    b"\x00" * 200,
    b"\xff\xfe garbage",
    b'{"token":"x"}',
    b"[]",
    b'"token"',
    b"[" * 60_000,
    *(json.dumps(asdict(pending()) | one).encode() for one in WRONG),
    json.dumps(asdict(pending())).encode().replace(b"0123", b"\xe9123"),
]


@pytest.mark.parametrize("note", DAMAGED)
def test_a_note_that_cannot_be_read_is_that_of_an_overdue_change(
    windows: Windows, note: bytes
) -> None:
    windows.open(pending())
    windows.paths.sequence.write_text("4?")
    windows.paths.current.symlink_to(f"generations/{NEW}")
    windows.paths.pending.write_bytes(note)
    one = windows.pending()
    assert one is not None
    assert (one.token, one.previous, one.left, one.restarted) == (UNREADABLE, OLD, 0.0, True)
    assert "cannot be read" in one.reason
    assert windows.take_back()
    assert windows.reverting() == replace(one, reason=one.reason.replace("pending", "reverting"))


@pytest.mark.parametrize("note", DAMAGED)
def test_a_confirmation_that_cannot_be_read_bars_nothing(windows: Windows, note: bytes) -> None:
    windows.open(pending())
    assert windows.confirm()
    assert windows.confirmed() is not None
    windows.paths.confirmed.write_bytes(note)
    assert windows.confirmed() is None


def test_a_sequence_that_is_no_number_is_told(windows: Windows) -> None:
    windows.paths.sequence.write_text("seven\n")
    with pytest.raises(HostError, match=r"/sequence holds no number; write the last one$"):
        windows.sequence()


def close_rounds(root: Path, way: str, barrier: Barrier, told: Connection) -> None:
    """Closes the window of each round one way, at the same moment as the other process."""
    windows = Windows(Paths(root))
    won = []
    for _ in range(ROUNDS):
        barrier.wait(30)
        won.append(windows.confirm() if way == "confirm" else windows.take_back())
        barrier.wait(30)
    told.send(won)


def test_of_a_confirmation_and_a_revert_at_once_exactly_one_wins(windows: Windows) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(3)
    readers, processes = [], []
    for way in ("confirm", "take_back"):
        reader, writer = context.Pipe(duplex=False)
        arguments = (windows.paths.root, way, barrier, writer)
        processes.append(context.Process(target=close_rounds, args=arguments, daemon=True))
        readers.append(reader)
        processes[-1].start()
    left = []
    for number in range(ROUNDS):
        windows.open(pending(sequence=number))
        barrier.wait(30)
        barrier.wait(30)
        paths = windows.paths
        assert not paths.pending.exists()
        left.append((paths.confirmed.exists(), paths.reverting.exists()))
        paths.confirmed.unlink(missing_ok=True)
        paths.reverting.unlink(missing_ok=True)
    confirmed, taken_back = (reader.recv() for reader in readers)
    for process in processes:
        process.join(10)
    assert left == list(zip(confirmed, taken_back, strict=True))
    assert all(one != other for one, other in left)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Windows]:
    """A host whose state lies on a file system of 64 KiB."""
    found = Windows(Paths(tmp_path))
    found.paths.state.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "komando-test", str(found.paths.state)]
    subprocess.run(mount, check=True)
    yield found
    subprocess.run(["umount", str(found.paths.state)], check=True)


def fill(folder: Path) -> None:
    with suppress(OSError), (folder / "ballast").open("wb", buffering=0) as stream:
        while True:
            stream.write(bytes(4096))


@pytest.mark.root
def test_a_full_disk_opens_no_window_and_bars_no_way_back(small: Windows) -> None:
    small.see(3)
    fill(small.paths.state)
    with pytest.raises(OSError, match="No space left on device"):
        small.open(pending())
    small.abandon()
    assert small.pending() is None
    assert not small.paths.back.is_symlink()
    assert small.sequence() == 3
    (small.paths.state / "ballast").unlink()
    small.open(one := pending())
    fill(small.paths.state)
    assert small.take_back()
    small.explain(replace(one, reason="x" * 20_000))
    assert small.reverting() in (one, replace(one, reason="x" * 20_000))
    small.paths.back.rename(small.paths.current)
    assert small.paths.current.readlink().name == OLD
    small.close()
    assert small.reverting() is None
