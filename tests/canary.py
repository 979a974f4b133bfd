"""A secret that must be seen nowhere, and who looks for it, packed and encoded as it may be."""

from __future__ import annotations

import base64
import binascii
import os
import re
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

CANARY = f"kenari-{os.getpid()}-7Qm2xV9sLd4KpT1w".encode()
"""One for each run of tests: the process table shows those of others, too."""

_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]|\s|\\n){40,}={0,2}")


def holds(content: bytes) -> bool:
    """Whether the canary is in there: plain, in base64 or hex, or in a gzip of those."""
    forms = [CANARY, binascii.hexlify(CANARY), CANARY[::-1], *_encoded()]
    if any(form in content for form in forms):
        return True
    packed = [content[match.start() :] for match in re.finditer(rb"\x1f\x8b\x08", content)]
    for match in _BASE64.finditer(content):
        text = re.sub(rb"\s|\\n", b"", match[0])
        start = text.find(b"H4sI")  # how each gzip begins in base64
        if start >= 0:
            text = text[start:]
            with suppress(ValueError):
                packed.append(base64.b64decode(text[: len(text) // 4 * 4]))
    return any(CANARY in _inflated(one) for one in packed)


def _encoded() -> Iterator[bytes]:
    """The middle of its base64 at each of the three places where it may begin."""
    for shift in range(3):
        yield base64.b64encode(bytes(shift) + CANARY + bytes(3))[4:-8]


def _inflated(packed: bytes) -> bytes:
    plain = b""
    with suppress(zlib.error):
        plain = zlib.decompressobj(wbits=31).decompress(packed, 1 << 26)
    return plain


def files_with_it(folder: Path) -> list[Path]:
    """All plain files below a folder that hold the canary."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
    return [path for path in found if holds(path.read_bytes())]


@dataclass
class Watch:
    """What the machine's process table showed: every command line that was seen, and the leaks."""

    commands: set[str] = field(default_factory=set)
    leaks: set[str] = field(default_factory=set)
    cores: dict[str, set[str]] = field(default_factory=dict)
    """The limits of a core dump's size, soft and hard, that each command line had in its life."""


@contextmanager
def watched() -> Iterator[Watch]:
    """Reads arguments and environment of every process, again and again, in the meantime."""
    watch, ended = Watch(), threading.Event()

    def look() -> None:
        while not ended.is_set():
            for process in Path("/proc").iterdir():
                if process.name.isdigit() and process.name != str(os.getpid()):
                    with suppress(OSError):
                        _note(process, watch)
            ended.wait(0.005)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield watch
    finally:
        ended.set()
        thread.join()


def _note(process: Path, watch: Watch) -> None:
    arguments = (process / "cmdline").read_bytes()
    words = arguments.replace(b"\0", b" ").decode(errors="replace").strip()
    watch.commands.add(words)
    if holds(arguments) or holds((process / "environ").read_bytes()):
        watch.leaks.add(words)
    for line in (process / "limits").read_text().splitlines():
        if line.startswith("Max core file size"):
            watch.cores.setdefault(words, set()).add(" ".join(line.split()[4:6]))
