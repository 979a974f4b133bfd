"""What lies beside the generations: one half written, one half removed, and one as evidence."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from .layout import SECRET_FOLDER
from .secrets import SEAL

# AT_FDCWD and RENAME_EXCHANGE of linux/fcntl.h and linux/fs.h
_HERE, _EXCHANGE = -100, 2


def tidy(generations: Path) -> None:
    """Removes what a run that was cut off has left, and lets no evidence hold secrets.

    All of it is tried; raises the first OSError then.
    """
    failed: list[OSError] = []
    for pattern, treat in ((".*.new", remove), (".*.old", remove), (".*.damaged", _shut)):
        for left in generations.glob(pattern):
            try:
                treat(left)
            except OSError as error:
                failed.append(error)
    if failed:
        raise failed[0]


def drop_orphans(generations: Path) -> None:
    """Removes evidence whose generation is there no more."""
    for kept in generations.glob(".*.damaged"):
        if not os.path.lexists(kept.with_name(kept.stem.removeprefix("."))):
            remove(kept)


def put_in_place(new: Path, folder: Path) -> None:
    """Puts `new` in the place of `folder`, which `current` may lead to and which is damaged.

    That one becomes the evidence, the latest one of all, and without its secrets.
    """
    for kept in folder.parent.glob(".*.damaged"):
        remove(kept)
    try:
        exchange(new, folder)
        old = new
    except OSError:
        # A file system that cannot: for an instant nothing is there. Should the run end in it,
        # the next one stages the generation anew.
        old = folder.with_name(f".{folder.name}.old")
        folder.rename(old)
        new.rename(folder)
    _shut(old)
    old.rename(folder.with_name(f".{folder.name}.damaged"))


def remove(path: Path) -> None:
    """Removes whatever lies there."""
    from shutil import rmtree

    if path.is_symlink() or not path.is_dir():
        path.unlink()
    else:
        rmtree(path)


def exchange(one: Path, other: Path) -> None:
    """Swaps two paths in one step of the kernel, which the standard library does not offer."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(other))


def _shut(path: Path) -> None:
    """Lets root alone look into what is kept, and takes secrets and seal out of it."""
    state = path.lstat()
    if stat.S_ISLNK(state.st_mode):
        return
    if (state.st_uid, stat.S_IMODE(state.st_mode)) != (os.geteuid(), 0o700):
        os.chown(path, os.geteuid(), -1, follow_symlinks=False)
        path.chmod(0o700)
    secrets = path / SECRET_FOLDER
    # a folder above them may have become a link: what that leads to is not of this generation
    led = any(above.is_symlink() for above in (secrets.parent, secrets.parent.parent))
    for private in (path / SEAL,) if led else (secrets, path / SEAL):
        if os.path.lexists(private):
            remove(private)
