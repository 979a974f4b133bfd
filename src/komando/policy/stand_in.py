"""Harmless values in place of refused ones, so that the rest of a file can be checked, too."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from pydantic import BaseModel, ValidationError

from komando.documents.described import described, sample
from komando.documents.faults import Fault, faults_of
from komando.documents.fields import near_slug

_HARMLESS = {
    "id": 15000,
    "guarantee": "1 bit/s",
    "floor": "1 bit/s",
    "ceiling": "10000 Gbit/s",
    "capacity": "10000 Gbit/s",
    "closed": "10000 Gbit/s",
    "budget": "10000 Gbit/s",
    "calendar": "unknown",
    "segment": "unknown",
    "router": "unknown",
}
"""Values that break no rule of the whole, in place of refused ones."""


def stand_in(model: type[BaseModel], data: Any, faults: list[Fault]) -> BaseModel | None:
    """The file with harmless values where it was refused, so that the rest can be checked too.

    None when that does not make it whole. What the checks of the whole then say about a value
    that was put in must not be told: see `Draft.faulty`.
    """
    patched = deepcopy(data)
    for _ in range(3):
        for fault in sorted(faults, key=_last_first, reverse=True):
            _mend(model, patched, fault)
        try:
            return model.model_validate(patched)
        except ValidationError as error:
            faults = list(faults_of(error))
    return None


def _last_first(fault: Fault) -> tuple[int, int]:
    """Deep before shallow, and later items of a list before earlier: removal moves those."""
    last = fault.path[-1] if fault.path else 0
    return len(fault.path), last if isinstance(last, int) else 0


def _mend(model: type[BaseModel], data: Any, fault: Fault) -> None:
    parent = data
    for step in fault.path[:-1]:
        try:
            parent = parent[step]
        except (LookupError, TypeError):
            return
    if not fault.path or not isinstance(parent, dict | list):
        return
    last: Any = fault.path[-1]
    try:
        if fault.unfit is not None and fault.on_key and fault.unfit.check == "slug":
            _rename(parent, last)
        elif fault.on_key or (isinstance(last, int) and "windows" in fault.path):
            del parent[last]
        else:
            parent[last] = _harmless(model, fault)
    except LookupError:
        return


def _rename(data: Any, key: str) -> None:
    """A misspelt name becomes the one that is meant, so that what refers to it is not alone."""
    value = data.pop(key)
    near = near_slug(key)
    if near and near not in data:
        data[near] = value


def _harmless(model: type[BaseModel], fault: Fault) -> Any:
    name = next(step for step in reversed(fault.path) if step not in ("down", "up"))
    if name in _HARMLESS:
        return _HARMLESS[str(name)]
    samples = described(model, fault.path).get("examples", [])
    written = fault.detail["input"]
    if isinstance(written, str) and ":" in written:  # of the same family, for the gateways' sake
        return next((one for one in samples if ":" in str(one)), written)
    return sample(described(model, fault.path))
