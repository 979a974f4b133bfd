"""What of a generation's files on the disk is not as it was staged."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from stat import S_ISREG

from .finding import Finding, diff_of
from .generation import KEPT_COPY
from .layout import SECRET_FOLDER, Paths
from .secrets import SEAL, ailing, stated

_TEXT_LIMIT = 256 * 2**10
"""Bytes of a changed file that are looked at for a diff."""

_WRITABLE = 0o022
"""Bits that let others than root write."""

_LISTABLE = 0o044
"""Bits that let others list a folder; to pass through it needs neither of them."""


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


def folder_findings(folder: Path, original: Mapping[str, bytes]) -> Iterator[Finding]:
    """Folders that others may write, from that of the state down, and what is root's alone to read.

    Nothing is opened for it. A seal that is missing has its words among those of the secrets.
    """
    above = {str(Paths().state): folder.parent.parent, str(Paths().generations): folder.parent}
    below = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_dir() and not path.is_symlink()
    }
    if folder.is_symlink():
        yield Finding("file", _shown(folder), "a folder", "a link")
    for name, path in {**above, _shown(folder): folder, **below}.items():
        barred = _LISTABLE | _WRITABLE if name == SECRET_FOLDER else _WRITABLE
        if words := _open_to_others(path.stat(), barred):
            yield Finding("file", name, "written by root alone", words)
    sealed = stated(original) and os.path.lexists(folder / SEAL)
    for name in (KEPT_COPY, SEAL) if sealed else (KEPT_COPY,):
        if words := _not_private(folder / name):
            yield Finding("file", name, "a file for root alone", words)


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
    if words := _open_to_others(stat, _WRITABLE):
        yield Finding("file", name, "written by root alone", words)


def _shown(folder: Path) -> str:
    return str(Paths().generations / folder.name)


def _open_to_others(stat: os.stat_result, barred: int) -> str:
    if stat.st_uid == os.geteuid() and not stat.st_mode & barred:
        return ""
    return f"owner {stat.st_uid}, mode {stat.st_mode & 0o7777:04o}"


def _not_private(path: Path) -> str:
    try:
        state = path.lstat()
    except FileNotFoundError:
        return "it is missing"
    if not S_ISREG(state.st_mode):
        return "something else than a file"
    return _open_to_others(state, 0o7177)


def _text_diff(original: bytes, found: bytes) -> str:
    try:
        return diff_of(original.decode(), found[:_TEXT_LIMIT].decode())
    except UnicodeDecodeError:
        return "+(not text)"
