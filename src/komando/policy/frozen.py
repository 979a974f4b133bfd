"""What all models of policy files share."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class FrozenModel(BaseModel):
    """A mapping of known keys; values are taken as they are, never converted by guess."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def many(description: str, *examples: str) -> Any:
    """A list in the file, a tuple in the model; strict mode would refuse the list."""
    return Field(strict=False, min_length=1, description=description, examples=[list(examples)])


def none_yet(description: str, *examples: Any) -> Any:
    """A list that may be left out; examples are its items."""
    shown = [list(examples)] if examples else None
    return Field(default=(), strict=False, description=description, examples=shown)
