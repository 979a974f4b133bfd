"""The window of a change: armed before it is made, closed by one rename, one way or the other.

`pending` stands from before the change until somebody renames it. Who confirms renames it to
`confirmed`, who takes the change back to `reverting`; the kernel lets one of them succeed. All of
it is counted in seconds since boot, so that a clock which is stepped by a year closes no window.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path

from .durable import sync, write
from .errors import HostError
from .frozen import Frozen, asdict, replace
from .layout import Paths

UNREADABLE = "unreadable"
"""The token of a window whose note cannot be read."""

_KINDS = {
    "token": str,
    "generation": str,
    "previous": str | None,
    "sequence": int,
    "boot": str,
    "deadline": int | float,
}

_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Pending(Frozen):
    """A change that waits: from which generation to which, by which apply.

    `deadline` is in seconds of CLOCK_BOOTTIME of the boot `boot`. `token` names this window alone;
    `reason` says, once it is taken back, why.
    """

    token: str
    generation: str
    previous: str | None
    sequence: int
    boot: str
    deadline: float
    reason: str = ""

    @property
    def left(self) -> float:
        """Seconds until it is due; 0 or less when it is, and after a restart of the machine."""
        return self.deadline - seconds_up() if self.boot == boot_id() else 0.0

    @property
    def restarted(self) -> bool:
        """Whether the machine was restarted since."""
        return self.boot != boot_id()


def boot_id() -> str:
    """What the kernel drew at this boot."""
    return _BOOT.read_text().strip()


def seconds_up() -> float:
    """Seconds since boot, those of a suspended machine too."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Windows:
    """The one window that a host may have, and the one that was confirmed last."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths

    def pending(self) -> Pending | None:
        """The change that waits for its confirmation.

        A note that cannot be read is that of a change which is overdue: nobody can confirm it.
        """
        found, given_up = self._read(self.paths.pending), _readable(self.paths.given_up)
        return given_up if found and given_up and given_up.token == found.token else found

    def reverting(self) -> Pending | None:
        """The change that is being taken back: somebody began, and has not come to the end."""
        return self._read(self.paths.reverting)

    def confirmed(self) -> Pending | None:
        """The change that was confirmed last; None, too, where its note cannot be read.

        It says where a rollback leads, and nothing else waits for it.
        """
        return _readable(self.paths.confirmed)

    def _read(self, path: Path) -> Pending | None:
        try:
            return _read(path)
        except HostError as error:
            current = _target(self.paths.current)
            sequence = 0
            with suppress(HostError):  # nothing that is damaged bars the way back
                sequence = self.sequence()
            return Pending(
                token=UNREADABLE,
                generation=current or "",
                previous=_target(self.paths.back) or current,
                sequence=sequence,
                boot="",
                deadline=0.0,
                reason=str(error),
            )

    def sequence(self) -> int:
        """The highest sequence of an apply that was seen here; 0 at first."""
        try:
            return int(self.paths.sequence.read_text())
        except FileNotFoundError:
            return 0
        except ValueError:
            raise HostError(f"{self.paths.sequence} holds no number; write the last one") from None

    def see(self, sequence: int) -> None:
        """Remembers the highest sequence."""
        if sequence != self.sequence():
            write(self.paths.sequence, f"{sequence}\n")

    def abandon(self) -> None:
        """Takes away what `open` could lay of a window before it failed."""
        for path in (self.paths.pending, self.paths.back):
            path.unlink(missing_ok=True)

    def open(self, pending: Pending) -> None:
        """Writes down that a change is about to be made, and lays the way back.

        All of it is on the disk when this returns: from then on a killed run, a full disk or a
        restart leads back.
        """
        self.see(pending.sequence)
        self.paths.back.unlink(missing_ok=True)
        if pending.previous is not None:
            self.paths.back.symlink_to(f"generations/{pending.previous}")
        write(self.paths.pending, json.dumps(asdict(pending)) + "\n")

    def confirm(self) -> bool:
        """Closes the window for good; whether this came before its end."""
        return _rename(self.paths.pending, self.paths.confirmed)

    def take_back(self) -> bool:
        """Closes the window the other way; whether there was one to close.

        Raises OSError where the disk cannot be written.
        """
        return _rename(self.paths.pending, self.paths.reverting)

    def give_up(self, pending: Pending) -> None:
        """Lets a window be overdue that the disk does not let be closed: until a restart."""
        text = json.dumps(asdict(replace(pending, deadline=0.0))) + "\n"
        with suppress(OSError):  # the alarm is left
            self.paths.run.mkdir(parents=True, exist_ok=True)
            write(self.paths.given_up, text)

    def explain(self, pending: Pending) -> None:
        """Keeps the reason for the run that may have to finish; a full disk costs just that."""
        try:
            write(self.paths.reverting, json.dumps(asdict(pending)) + "\n")
        except OSError:
            return

    def close(self) -> None:
        """Ends a revert that came to its end."""
        self.paths.reverting.unlink(missing_ok=True)
        self.paths.back.unlink(missing_ok=True)
        sync(self.paths.state)


def _rename(old: Path, new: Path) -> bool:
    try:
        old.rename(new)
    except FileNotFoundError:
        return False
    sync(old.parent)
    return True


def _target(link: Path) -> str | None:
    try:
        return link.readlink().name
    except OSError:
        return None


def _readable(path: Path) -> Pending | None:
    try:
        return _read(path)
    except HostError:
        return None


def _read(path: Path) -> Pending | None:
    """What a note says; raises HostError for one that says nothing, whatever is the matter."""
    try:
        values = json.loads(path.read_bytes())
        found = Pending(**values)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise HostError(f"{path} cannot be read: {error}") from None
    for name, kind in _KINDS.items():
        if not isinstance(values[name], kind):
            raise HostError(f"{path} cannot be read: {name} is {values[name]!r}")
    return found
