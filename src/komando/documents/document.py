"""One file's data with the position of every key and value.

`reader` builds documents from libyaml's events; everything else asks them where something stands.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Any, Final

from komando.diagnostics import Location

Path = tuple[str | int, ...]

SHIFT: Final = 20
"""Bits of a packed position that hold the column: no file is longer than 1 MiB."""

_COLUMN: Final = (1 << SHIFT) - 1


class Document:
    """The data of one file, and where each part of it stands.

    `marks` holds the packed position of each key and value in the order of the file. `data` keeps
    that order too, so one walk over it finds every path; it is made when somebody first asks,
    because most files are never asked about.
    """

    __slots__ = ("_found", "data", "file", "marks")

    def __init__(self, file: str, data: Any, marks: array[int]) -> None:
        self.file = file
        self.data = data
        self.marks = marks
        self._found: dict[Path, tuple[int, int]] | None = None

    def value(self, path: Path) -> Location:
        """Where the value at a path begins, or that of the nearest part above it."""
        return self.location(self._nearest(path)[1])

    def key(self, path: Path) -> Location:
        """Where the key that ends a path stands; for an item of a list, the item."""
        return self.location(self._nearest(path)[0])

    def location(self, mark: int) -> Location:
        """A packed position as people count."""
        return Location(self.file, (mark >> SHIFT) + 1, (mark & _COLUMN) + 1)

    def mark(self, path: Path) -> int:
        """The packed position of the value at a path."""
        return self._nearest(path)[1]

    def paths_at(self, location: Location) -> list[Path]:
        """The paths of the keys and values that begin at a place; none for what left no trace."""
        self._nearest(())
        found = (self._found or {}).items()
        return [
            path
            for path, marks in found
            if location in (self.location(marks[0]), self.location(marks[1]))
        ]

    def at(self, path: Path) -> Any:
        """The value at a path as it stands in the file; None where there is none."""
        node = self.data
        for step in path:
            try:
                node = node[step]
            except (LookupError, TypeError):
                return None
        return node

    def _nearest(self, path: Path) -> tuple[int, int]:
        if self._found is None:
            self._found = {(): (0, 0)}
            if self.marks:
                _walk(self.data, (), None, iter(self.marks), self._found)
        while path not in self._found:
            path = path[:-1]
        return self._found[path]


def _walk(
    node: Any,
    path: Path,
    key: int | None,
    marks: Iterator[int],
    positions: dict[Path, tuple[int, int]],
) -> None:
    value = next(marks)
    positions[path] = (value if key is None else key, value)
    if isinstance(node, dict):
        for name, child in node.items():
            _walk(child, (*path, name), next(marks), marks, positions)
    elif isinstance(node, list):
        for place, child in enumerate(node):
            _walk(child, (*path, place), None, marks, positions)
