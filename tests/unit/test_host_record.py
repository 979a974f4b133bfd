"""The host's own record: a chain of lines that survives what a killed run leaves of one."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from komando.host.record import STAYED, Record


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return Record(tmp_path / "komando/record")


def chained(lines: list[str]) -> bool:
    """Whether each line names the digest of the one before it, and the lines are counted."""
    before = ""
    for number, line in enumerate(lines, 1):
        values = json.loads(line)
        if (values["number"], values["before"]) != (number, before):
            return False
        before = hashlib.sha256(line.encode()).hexdigest()
    return True


def test_a_host_to_which_nothing_was_done_has_an_empty_record(record: Record) -> None:
    assert (record.head(), record.last(), record.lines()) == ("", None, "")


def test_each_line_holds_the_digest_of_the_one_before(record: Record) -> None:
    record.append("armed", "b" * 64, "a" * 64, 7)
    record.append("reverted", "b" * 64, "a" * 64, 7, 'nft: "line 3"\nno such map')
    record.append("bypassed", None)
    lines = record.path.read_text().splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["armed", "reverted", "bypassed"]
    assert chained(lines)
    assert record.head() == hashlib.sha256(lines[-1].encode()).hexdigest()
    last = record.last()
    assert last is not None
    assert (last.number, last.event, last.generation, last.previous) == (3, "bypassed", None, None)
    assert json.loads(lines[1])["reason"] == 'nft: "line 3"\nno such map'
    for place in range(3):
        other = [*lines]
        other[place] = other[place].replace('"sequence":', '"sequence":1')
        assert not chained([*other, json.dumps({"number": 4, "before": record.head()})])


def test_lines_can_be_asked_for_from_an_entry_on(record: Record) -> None:
    for number in range(1, 6):
        record.append("armed", "a" * 64, sequence=number)
    lines = record.path.read_text().splitlines(keepends=True)
    assert record.lines() == record.lines(1) == "".join(lines)
    assert record.lines(4) == "".join(lines[3:])
    assert record.lines(6) == ""


@pytest.mark.parametrize("half", ['{"number":3,"time":"20', "{", "\0" * 300, '"' * 5000])
def test_a_line_that_was_written_half_is_written_over(record: Record, half: str) -> None:
    record.append("armed", "a" * 64, sequence=1)
    whole = record.append("confirmed", "a" * 64, sequence=1)
    head = record.head()
    with record.path.open("a") as stream:
        stream.write(half)
    assert record.head() == head
    assert record.last() == whole
    assert record.lines().count("\n") == 2
    record.append("armed", "b" * 64, sequence=2)
    lines = record.path.read_text().splitlines()
    assert len(lines) == 3
    assert chained(lines)


@pytest.mark.parametrize("then", ["raises", "stalls"])
def test_a_line_that_the_disk_takes_a_part_of_is_no_line(
    record: Record, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    record.append("armed", "a" * 64, sequence=1)
    before = record.path.read_bytes()
    real, takes = os.pwrite, [100]

    def pwrite(descriptor: int, content: bytes, at: int) -> int:
        if takes:
            return real(descriptor, content[: takes.pop()], at)
        if then == "raises":
            raise OSError(errno.ENOSPC, "No space left on device")
        return 0

    monkeypatch.setattr(os, "pwrite", pwrite)
    with pytest.raises(OSError, match="No space left on device") as caught:
        record.append("reverted", "a" * 64, sequence=1)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(record.path))
    assert record.path.read_bytes() == before


def test_a_line_that_is_written_in_pieces_is_whole(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda one, text, at: real(one, text[:7], at))
    for number in range(3):
        record.append("armed", "a" * 64, sequence=number)
    lines = record.path.read_text().splitlines()
    assert len(lines) == 3
    assert chained(lines)


@pytest.fixture
def small(record: Record) -> Iterator[Record]:
    """A record on a file system of 64 KiB."""
    folder = record.path.parent
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "komando-test", str(folder)]
    subprocess.run(mount, check=True)
    yield record
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.root
def test_on_a_full_disk_a_line_is_there_whole_or_told_as_missing(small: Record) -> None:
    page = os.sysconf("SC_PAGE_SIZE")
    while not small.path.exists() or page - small.path.stat().st_size % page >= 300:
        small.append("armed", "a" * 64, "b" * 64, 1)
    ballast, before = small.path.with_name("ballast"), small.path.read_bytes()
    with suppress(OSError), ballast.open("wb", buffering=0) as stream:
        while True:
            stream.write(bytes(page))
    with pytest.raises(OSError, match=f"No space left on device: '{small.path}'"):
        small.append("reverted", "a" * 64, "b" * 64, 1, "nobody confirmed it in time")
    assert small.path.read_bytes() == before
    ballast.unlink()
    small.append("reverted", "a" * 64, "b" * 64, 1, "nobody confirmed it in time")
    assert chained(small.path.read_text().splitlines())


def test_a_record_that_holds_half_a_line_alone_begins_anew(record: Record) -> None:
    record.path.parent.mkdir()
    record.path.write_text('{"number":1,"ti')
    record.append("armed", "a" * 64)
    assert chained(record.path.read_text().splitlines())


@pytest.mark.parametrize(
    "line",
    ["not an entry", "[]", "null", '{"number":2}', "\x00" * 400, "[" * 60_000, "\u0085\x0b"],
)
def test_a_last_line_that_is_no_entry_says_nothing_and_is_followed_all_the_same(
    record: Record, line: str
) -> None:
    record.append("activated", "a" * 64)
    with record.path.open("a") as stream:
        stream.write(f"{line}\n")
    assert record.last() is None
    assert record.broken()
    assert record.last(STAYED) is not None
    record.append("reverted", "a" * 64)
    last = record.last()
    assert last is not None
    assert (last.number, last.before) == (3, hashlib.sha256(line.encode()).hexdigest())
    assert not record.broken()


def test_a_last_line_of_another_kind_of_number_is_none_of_ours(record: Record) -> None:
    record.append("armed", "a" * 64)
    record.path.write_text(record.path.read_text().replace('"number":1', '"number":"1"'))
    assert record.broken()
    assert record.append("reverted", "a" * 64).number == 2


def test_a_long_reason_does_not_hide_the_line_that_it_stands_in(record: Record) -> None:
    record.append("reverted", "a" * 64, reason="tc: " + "x" * 200_000)
    last = record.last()
    assert last is not None
    assert last.reason.startswith("tc: xxx")
    record.append("armed", "b" * 64)
    assert chained(record.path.read_text().splitlines())


def test_ten_thousand_lines_make_it_no_slower(record: Record) -> None:
    lines, before = [], ""
    for number in range(1, 10_001):
        entry = {"number": number, "time": "2026-11-24T03:00:00Z", "event": "armed"}
        entry |= {"generation": "a" * 64, "previous": "b" * 64, "sequence": number}
        lines.append(json.dumps(entry | {"reason": "", "before": before}, separators=(",", ":")))
        before = hashlib.sha256(lines[-1].encode()).hexdigest()
    record.path.parent.mkdir()
    record.path.write_text("\n".join(lines) + "\n")
    begun = time.process_time()
    for _ in range(50):
        assert record.head() == hashlib.sha256(lines[-1].encode()).hexdigest()
        lines.append(json.dumps(vars(record.append("armed", "c" * 64)), separators=(",", ":")))
    # a whole read of its 3.5 MB takes some 5 ms, and there are three to an entry
    assert time.process_time() - begun < 0.25
    assert chained(record.path.read_text().splitlines())
