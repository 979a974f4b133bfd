"""Run the machine's own programs; a failure carries their last words."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from komando.lab.place import LabError


def run(command: Sequence[str], stdin: str = "") -> str:
    """Run a program to its end and return its standard output.

    Raises LabError with its standard error when it fails.
    """
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        words = (done.stderr or done.stdout).strip() or "it said nothing"
        raise LabError(f"`{' '.join(command)}` ended with {done.returncode}: {words}")
    return done.stdout
