"""The folder of a lab's forge: where its parts are, and its state, which one writes at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from komando.documents.files import write_whole
from komando.lab.forge.state import State
from komando.lab.place import LabError
from komando.ledger.git import Git


@dataclass(frozen=True)
class Store:
    """A lab's forge, by the folder of the lab. Raises LabError where there is none."""

    folder: Path

    @property
    def bare(self) -> Path:
        """The repository, in which the lab's ledger is a branch, too."""
        return self.folder / "forge.git"

    @property
    def controller(self) -> Path:
        """The controller's clone, which is only moved forward."""
        return self.folder / "controller"

    @property
    def own(self) -> Path:
        """State, locks and scratch clones."""
        return self.folder / "forge"

    @property
    def git(self) -> Git:
        """The repository, for git."""
        return Git(self.bare)

    def read(self) -> State:
        """What it knows now."""
        try:
            return State.model_validate_json(self._file.read_bytes())
        except FileNotFoundError:
            raise LabError(
                "this lab has no forge: `komando lab forge start` makes it one"
            ) from None
        except PermissionError:
            raise LabError("the lab belongs to root: run this as root (sudo)") from None
        except ValidationError as error:
            raise LabError(
                f"{self._file} was written by another version: `komando lab down`, and start anew"
            ) from error

    def change(self, how: Callable[[State], State]) -> State:
        """Let `how` make another state of what stands now; nobody else writes meanwhile."""
        with self._alone():
            after = how(self.read())
            self._write(after)
        return after

    def begin(self, state: State) -> None:
        """The first state. Raises LabError where there is one."""
        self.own.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._alone():
            if self._file.exists():
                raise LabError("this lab has a forge already: `komando lab forge show`")
            self._write(state)

    @property
    def _file(self) -> Path:
        return self.own / "state.json"

    def _write(self, state: State) -> None:
        write_whole(self._file, state.model_dump_json(indent=1).encode())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            with (self.own / "state.lock").open("wb") as held:
                fcntl.flock(held, fcntl.LOCK_EX)
                yield
        except FileNotFoundError:
            self.read()  # says that there is none
            raise
