"""Whether a person at the console has taken the policy out of the traffic's way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from .calendar import iso
from .durable import write
from .errors import HostError
from .layout import Paths


class Bypass:
    """The note of it: on the disk, so that it outlives a restart; in memory if that takes none."""

    def __init__(self, paths: Paths) -> None:
        self._places = (paths.bypass, paths.bypass_kept)

    def since(self) -> str | None:
        """Since when it is on, ISO UTC; None while the policy is in force."""
        for place in self._places:
            try:
                return place.read_text().strip() or "a moment that was not written down"
            except FileNotFoundError:
                continue
            except OSError:  # a damaged disk, and the note is there
                return "a moment that cannot be read"
        return None

    def begin(self) -> None:
        """Takes note of it, if need be in memory.

        Raises HostError where the note does not outlive a restart, OSError where there is none.
        """
        text = iso(datetime.now(UTC)) + "\n"
        disk, memory = self._places
        try:
            write(disk, text)
        except OSError as error:
            memory.parent.mkdir(parents=True, exist_ok=True)
            write(memory, text)
            raise HostError(
                f"bypass is on until this machine restarts, as the disk took no note: {error}"
            ) from error

    def end(self) -> None:
        """Takes the note away; raises OSError where the disk does not let it go."""
        for place in self._places:
            place.unlink(missing_ok=True)


def attempted(*steps: Callable[[], object]) -> str:
    """Does each step whatever the others come to; the words of those that failed, each once."""
    words: dict[str, None] = {}
    for step in steps:
        try:
            step()
        except (HostError, OSError) as error:
            words[str(error)] = None
    return "; ".join(words)
