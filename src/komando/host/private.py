"""A process that holds secrets leaves no image of its memory behind."""

from __future__ import annotations

import ctypes
import resource

# PR_GET_DUMPABLE and PR_SET_DUMPABLE of linux/prctl.h
_GET_DUMPABLE, _SET_DUMPABLE = 3, 4


def leave_no_core() -> None:
    """Lets this process never be dumped, nor be read by another one of the same user.

    The limit holds for its children, too; the flag (prctl(2)) for itself alone, and also where
    `core_pattern` is a pipe, which no limit of size keeps from being fed. Neither can be undone.
    Raises OSError when the kernel does not do it.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_SET_DUMPABLE, 0, 0, 0, 0) or libc.prctl(_GET_DUMPABLE, 0, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "this process cannot be kept from leaving a core dump")
