"""What of a generation's files on the disk is not as it was staged."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from .finding import Finding, diff_of
from .generation import KEPT_COPY
from .layout import SECRET_FOLDER
from .secrets import SEAL, ailing, stated

_TEXT_LIMIT = 256 * 2**10
"""Bytes of a changed file that are looked at for a diff."""

_WRITABLE = 0o022
"""Bits that let others than root write."""


def file_findings(folder: Path, original: Mapping[str, bytes]) -> Iterator[Finding]:
    """What in a generation's folder is not as it was staged, or lies there beside it.

    Of what lies among the secrets nothing is read: what is known of them has its own words.
    """
    private = {f"{SECRET_FOLDER}/{one.name}" for one in stated(original)}
    here = {
        name: path
        for path in sorted(folder.rglob("*"))
        if (name := path.relative_to(folder).as_posix()) not in private | {KEPT_COPY, SEAL}
        and (path.is_symlink() or not path.is_dir())
    }
    for name in sorted(original.keys() | here.keys()):
        if name not in here:
            yield Finding("file", name, "a file of the generation", "it is missing")
        elif name not in original:
            size = here[name].lstat().st_size
            words = f"{size} bytes, which are not of the generation"
            yield Finding("file", name, "no such file", words)
        else:
            yield from _file(name, here[name], original[name])


def secret_findings(folder: Path, digest: str, original: Mapping[str, bytes]) -> Iterator[Finding]:
    """What of the secrets is not as it was laid, in words alone."""
    for words in ailing(folder, digest, stated(original)):
        yield Finding("file", SECRET_FOLDER, "as they were laid", words)


def _file(name: str, path: Path, original: bytes) -> Iterator[Finding]:
    if path.is_symlink() or not path.is_file():
        yield Finding("file", name, "a file of the generation", "something else than a file")
        return
    stat = path.stat()
    found = path.read_bytes()
    if found != original:
        diff = _text_diff(original, found)
        yield Finding("file", name, "as it was staged", "changed by hand", diff)
    if stat.st_uid != os.geteuid() or stat.st_mode & _WRITABLE:
        words = f"owner {stat.st_uid}, mode {stat.st_mode & 0o7777:04o}"
        yield Finding("file", name, "written by root alone", words)


def _text_diff(original: bytes, found: bytes) -> str:
    try:
        return diff_of(original.decode(), found[:_TEXT_LIMIT].decode())
    except UnicodeDecodeError:
        return "+(not text)"
