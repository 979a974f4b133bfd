"""A measurement that was written down, read again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from komando.lab.measure.results import Measurement
from komando.lab.place import LabError
from komando.units import Rate


def read_measurement(path: Path) -> Measurement:
    """Read what `Measurement.to_json` wrote. Raises LabError for anything else."""
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        for key in ("capacity", "usable"):
            values[key] = {way: Rate(bits) for way, bits in values[key].items()}
        return TypeAdapter(Measurement).validate_python(values)
    except (OSError, ValueError, KeyError, AttributeError, ValidationError) as error:
        raise LabError(f"{path} is no measurement that can be read: {error}") from error
