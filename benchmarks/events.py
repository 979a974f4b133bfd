"""The peer of `check.cold.*`: the least that reading and validating these files can cost.

    python -m benchmarks.events POLICIES

prints one JSON object with the seconds of two parts, each timed alone in this one process:

- `events`: for each file, open it, read it, and run through libyaml's events
  (`yaml.parse(text, Loader=yaml.CSafeLoader)`) doing nothing with them;
- `validation`: `model_validate` of the product's own pydantic models over data that was parsed
  before the clock started.

Not counted, to the product's disadvantage: the interpreter's start, all imports, building the
models, turning events into data, positions, every check across files, and the intent.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from komando.policy import Opd, Region


def time_events(files: list[Path]) -> float:
    """Seconds for reading all files and running through their events."""
    start = time.perf_counter()
    for file in files:
        for _ in yaml.parse(file.read_bytes(), Loader=yaml.CSafeLoader):
            pass
    return time.perf_counter() - start


def time_validation(region: dict[str, Any], offices: list[dict[str, Any]]) -> float:
    """Seconds for pydantic alone, over data that stands in memory already."""
    start = time.perf_counter()
    Region.model_validate(region)
    for office in offices:
        Opd.model_validate(office)
    return time.perf_counter() - start


def _parsed(file: Path) -> dict[str, Any]:
    data: dict[str, Any] = yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader)
    return data


def main() -> None:
    """Time both parts over the folder that is named."""
    root = Path(sys.argv[1])
    files = sorted((root / "opd").glob("*.yaml"))
    events = time_events([root / "region.yaml", *files])
    offices = [_parsed(file) | {"slug": file.stem} for file in files]
    validation = time_validation(_parsed(root / "region.yaml"), offices)
    print(json.dumps({"events": events, "validation": validation}))


if __name__ == "__main__":
    main()
