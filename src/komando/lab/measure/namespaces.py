"""Do something inside a network namespace without leaving a process there."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_CLONE_NEWNET = 0x40000000  # <linux/sched.h>


def within(namespace: Path, action: Callable[[], T]) -> T:
    """Run `action` in a namespace, in a thread that ends with it, and return its result.

    Sockets and files under /proc/thread-self/net that it opens stay in that namespace. Raises
    OSError when the namespace cannot be entered.
    """

    def enter() -> T:
        libc = ctypes.CDLL(None, use_errno=True)
        with namespace.open("rb") as opened:
            if libc.setns(opened.fileno(), _CLONE_NEWNET):
                code = ctypes.get_errno()
                raise OSError(code, os.strerror(code), str(namespace))
        return action()

    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(enter).result()
