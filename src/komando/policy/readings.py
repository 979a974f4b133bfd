"""The readings of many files, in order; a second process helps where there are thousands."""

from __future__ import annotations

import os
import pickle
from collections.abc import Generator, Iterator, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Final

from komando.diagnostics import Diagnostic
from komando.policy.reader import Reading, read
from komando.policy.tree import PolicyFile, read_bytes

MANY: Final = 2_000
"""Files from which on a second process is worth its start, some 20 ms."""

CHUNK: Final = 250
"""Files that are read before looking what the other process has done: some 15 ms."""


def readings(
    files: Sequence[PolicyFile], many: int = MANY, chunk: int = CHUNK
) -> Generator[Reading | Diagnostic, None, None]:
    """What each file gives: its reading, or why it could not be opened.

    This process reads from the front and the helper from the back, until they meet: so it never
    waits for a helper that is slow, or dead.
    """
    if len(files) < many or len(os.sched_getaffinity(0)) < 2:
        yield from map(_reading, files)
        return
    context = get_context("fork")
    here, there = context.Pipe(duplex=False)
    helper = context.Process(target=_read_backwards, args=(files, chunk, there), daemon=True)
    helper.start()
    there.close()
    try:
        yield from _from_both_ends(files, chunk, here)
    finally:
        here.close()
        helper.kill()
        helper.join()


def _reading(file: PolicyFile) -> Reading | Diagnostic:
    raw = read_bytes(file.path)
    return raw if isinstance(raw, Diagnostic) else read(file.path, raw)


def _read_backwards(files: Sequence[PolicyFile], chunk: int, there: Connection) -> None:
    """The helper: chunks of readings, the last chunk first."""
    for end in range(len(files), 0, -chunk):
        part = [_reading(file) for file in files[max(0, end - chunk) : end]]
        there.send_bytes(pickle.dumps(part, pickle.HIGHEST_PROTOCOL))


def _from_both_ends(
    files: Sequence[PolicyFile], chunk: int, here: Connection
) -> Iterator[Reading | Diagnostic]:
    done, end = 0, len(files)
    received: list[bytes] = []
    helped = True
    while done < end:
        own = files[done : min(done + chunk, end)]
        yield from map(_reading, own)
        done += len(own)
        while helped and done < end and here.poll():
            try:
                received.append(here.recv_bytes())
                end = max(0, end - chunk)
            except EOFError:  # it has died: all the rest is read here
                helped = False
    known = done - end  # where the two have met inside of a chunk
    for packed in reversed(received):
        part: list[Reading | Diagnostic] = pickle.loads(packed)  # noqa: S301 - our own child's
        yield from part[known:]
        known = 0
