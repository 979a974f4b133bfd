"""What is said to type checkers alone: to load `typing` would be 3 ms of each start.

No annotation is ever evaluated here, so who runs this program misses nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["TYPE_CHECKING", "Any", "Protocol", "dataclass_transform"]

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any, Protocol, dataclass_transform
else:
    Any = Protocol = object

    def dataclass_transform(**_: bool) -> Callable[[type], type]:
        """Leaves a class as it is (PEP 681)."""
        return lambda owner: owner
