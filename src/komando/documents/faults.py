"""What pydantic refuses in one file, as paths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from komando.documents.document import Path
from komando.units import Unfit


@dataclass(frozen=True)
class Fault:
    """One refusal: where it is, and whether the key (not its value) is at fault."""

    path: Path
    on_key: bool
    detail: ErrorDetails

    @property
    def kind(self) -> str:
        """The type of the error, as pydantic names it."""
        return self.detail["type"]

    @property
    def unfit(self) -> Unfit | None:
        """The refusal of our own, if it is one."""
        error = self.detail.get("ctx", {}).get("error")
        return error if isinstance(error, Unfit) else None


def faults_of(error: ValidationError) -> Iterator[Fault]:
    """Every refusal of a model that is no mere consequence of another."""
    for detail in error.errors(include_url=False):
        if _follows(detail):
            continue
        path: Path = tuple(detail["loc"])
        unfit = detail.get("ctx", {}).get("error")
        if isinstance(unfit, Unfit):
            path += unfit.path
            if path[-1:] == ("[key]",):  # pydantic's mark, not a key that is spelt so
                yield Fault(path[:-1], on_key=True, detail=detail)
                continue
        yield Fault(path, detail["type"] == "extra_forbidden", detail)


def _follows(detail: ErrorDetails) -> bool:
    """Whether this is only said because of another refusal.

    So it is for a default that could not be computed, and for a list that pydantic finds too
    short after it has refused all of its items.
    """
    kind = detail["type"]
    return kind == "default_factory_not_called" or (kind == "too_short" and bool(detail["input"]))
