"""Signals by their numbers: `signal` makes enumerations of them, 3 ms of each start."""

from __future__ import annotations

from .typed import TYPE_CHECKING

if TYPE_CHECKING:
    import signal
else:
    import _signal as signal  # all that `signal` does is done there

__all__ = ["signal"]
