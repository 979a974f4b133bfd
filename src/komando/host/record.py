"""The host's own record: what was done here, one JSON line each, chained by digests.

The ledger of the controllers holds the digest of its last line after each apply, so that neither
of the two can be changed afterwards without the other one telling.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from .frozen import Frozen, asdict
from .hashing import sha256
from .typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Literal

    Event = Literal["armed", "confirmed", "reverted", "activated", "failed", "bypassed", "restored"]
    """armed: a change is in force until it is confirmed or its time is over. confirmed, reverted:
    how that ended. activated: a change at the console, or a repair, which nobody has to confirm.
    failed: a change that could not be brought in force. bypassed, restored: by a person at the
    console."""

STAYED: tuple[Event, ...] = ("confirmed", "activated")
"""How a change ends that stays."""

AT_THE_CONSOLE: tuple[Event, ...] = ("bypassed", "restored")
"""What changes no generation: the change before it is still the last one."""

CHANGES: tuple[Event, ...] = ("armed", "confirmed", "reverted", "activated", "failed")
"""What the record says of changes, and not of what a person does beside them."""

_TAIL = 64 * 2**10
"""Bytes in which the last line is sought; a line has some 400."""

_REASON = 2000
"""Characters of a reason that are kept: nft may say a line for each office, and a line that does
not fit in the tail could not be found again."""


class Entry(Frozen):
    """One line; `before` is the SHA-256 of the line before it, without its newline."""

    number: int
    time: str
    event: Event
    generation: str | None
    previous: str | None
    sequence: int
    reason: str
    before: str

    @property
    def led(self) -> str | None:
        """The generation to which `current` was led by what it tells."""
        return self.previous if self.event in ("reverted", "failed") else self.generation


class Record:
    """The record of one host, in one file that only grows."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def head(self) -> str:
        """The SHA-256 of the last line; "" when there is none."""
        line = self._last_line()
        return sha256(line).hexdigest() if line else ""

    def last(self, events: Collection[Event] = ()) -> Entry | None:
        """The last entry, or the last one of these events; None where there is none.

        A line that somebody damaged says nothing: it must not keep a change from being taken back.
        """
        if not events:
            return _entry(self._last_line())
        entries = map(_entry, self.lines().encode().splitlines()[::-1])
        return next((one for one in entries if one and one.event in events), None)

    def broken(self) -> bool:
        """Whether the last line is none of ours."""
        line = self._last_line()
        return bool(line) and _entry(line) is None

    def lines(self, since: int = 0) -> str:
        """The lines from entry `since` on, as they stand."""
        try:
            whole = self.path.read_bytes()
        except FileNotFoundError:
            return ""
        lines = whole[: whole.rfind(b"\n") + 1].decode(errors="replace").splitlines(keepends=True)
        return "".join(lines[max(since - 1, 0) :])

    def append(
        self,
        event: Event,
        generation: str | None,
        previous: str | None = None,
        sequence: int = 0,
        reason: str = "",
    ) -> Entry:
        """Adds an entry and gives it; it is on the disk when this returns.

        Raises OSError where it could not be written whole: the record is then as it was.
        """
        line = self._last_line()
        last = _entry(line)
        number = (last.number if last else self.lines().count("\n")) + 1
        time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        before = sha256(line).hexdigest() if line else ""
        kept = reason if len(reason) <= _REASON else f"{reason[:_REASON]} ..."
        entry = Entry(number, time, event, generation, previous, sequence, kept, before)
        text = (json.dumps(asdict(entry), separators=(",", ":")) + "\n").encode()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._put(descriptor, text, self._end(descriptor))
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from error
        finally:
            os.close(descriptor)
        return entry

    @staticmethod
    def _put(descriptor: int, text: bytes, end: int) -> None:
        """A full disk may take a part of a line: that is cut off again, and OSError raised."""
        try:
            done = 0
            while done < len(text):
                if not (written := os.pwrite(descriptor, text[done:], end + done)):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                done += written
            os.ftruncate(descriptor, end + len(text))
            os.fsync(descriptor)
        except OSError:
            with suppress(OSError):  # a line without its end counts for nothing anyway
                os.ftruncate(descriptor, end)
            raise

    @staticmethod
    def _end(descriptor: int) -> int:
        """Where the last whole line ends: what a killed run left of a line is written over."""
        size = os.fstat(descriptor).st_size
        start = max(size - _TAIL, 0)
        return start + os.pread(descriptor, _TAIL, start).rfind(b"\n") + 1

    def _last_line(self) -> bytes:
        try:
            with self.path.open("rb") as stream:
                stream.seek(0, os.SEEK_END)
                stream.seek(max(stream.tell() - _TAIL, 0))
                tail = stream.read()
        except FileNotFoundError:
            return b""
        whole = tail[: tail.rfind(b"\n") + 1].splitlines()
        return whole[-1] if whole else b""


def _entry(line: bytes) -> Entry | None:
    try:
        values: dict[str, Any] = json.loads(line)
        return Entry(**values) if isinstance(values.get("number"), int) else None
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
