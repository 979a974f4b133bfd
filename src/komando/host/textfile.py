"""Prometheus' text format, and the files that the node exporter reads.

The files lie below /run, which is memory: a text each minute would wear a disk of flash out, and a
disk that is full or read-only keeps nobody from reading them. In the exporter's folder stand links
that lead there.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress

from .errors import HostError
from .layout import Paths

FILES = ("komando.prom", "komando-uplink.prom")
"""What every minute tells; and what the echoes to the provider's gateway took, a moment later."""

_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

Sample = tuple[str, float]
"""Labels as they are written, braces and all, and a value."""


def labels(**pairs: str) -> str:
    """`{name="value",...}` with what the format wants escaped."""
    return (
        "{" + ",".join(f'{key}="{text.translate(_ESCAPED)}"' for key, text in pairs.items()) + "}"
    )


def family(name: str, kind: str, words: str, samples: Iterable[Sample] | float) -> str:
    """All lines of one metric, counter or gauge; nothing at all where it has no samples.

    A number alone is a sample without labels.
    """
    if isinstance(samples, int | float):
        samples = [("", samples)]
    lines = [f"{name}{where} {_number(value)}" for where, value in samples]
    if not lines:
        return ""
    return "\n".join([f"# HELP {name} {words}", f"# TYPE {name} {kind}", *lines, ""])


def _number(value: float) -> str:
    return repr(int(value) if value == int(value) else value)


def lay(paths: Paths, name: str, text: str) -> None:
    """Writes one of the files whole, and links it to where the exporter looks.

    Nothing is raised: who cannot be told of the hours must not keep them from their work.
    """
    with suppress(OSError):
        paths.run.mkdir(parents=True, exist_ok=True)
        place = paths.run / name
        side = paths.run / f".{name}.{os.getpid()}"
        try:
            _write(str(side), text)
            side.replace(place)
        except OSError:
            side.unlink(missing_ok=True)
            raise
        _link(paths, name)


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        os.fchmod(descriptor, 0o644)
        content = text.encode(errors="replace")
        while content:
            content = content[os.write(descriptor, content) :]
    finally:
        os.close(descriptor)


def _link(paths: Paths, name: str) -> None:
    """Where the link leads there already, the disk is not touched."""
    link, target = paths.textfiles / name, str(paths.run / name)
    if link.is_symlink() and str(link.readlink()) == target:
        return
    side = link.with_suffix(".new")
    side.unlink(missing_ok=True)
    side.symlink_to(target)
    side.replace(link)


def told(paths: Paths) -> str:
    """All that was last written; raises HostError where nothing was since the machine started."""
    found = [paths.run / name for name in FILES]
    texts = [path.read_text() for path in found if path.is_file()]
    if not texts:
        raise HostError(
            f"nothing was measured since this machine started: `komando-host hours` does it each "
            f"minute, where {paths.textfiles} stands (Debian's prometheus-node-exporter)"
        )
    return "".join(texts)
