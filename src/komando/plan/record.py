"""The plan as JSON: for programs, and as the file that an apply can be held to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from komando.diagnostics import Location
from komando.plan.model import Plan, State

FORMAT = 1


class StalePlanError(ValueError):
    """A plan's file that no longer says what an apply would do, or is none."""


def to_json(plan: Plan) -> str:
    """All of the plan; places are `file:line:column`."""
    data = {"format": FORMAT, "changes": plan.changes} | asdict(
        plan, dict_factory=lambda pairs: {key: _plain(value) for key, value in pairs}
    )
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Location) else value


@dataclass(frozen=True)
class Promise:
    """What a plan does to one host: from which digest to which, and of what kind it is."""

    state: State
    before: str | None
    after: str


def promised(path: Path) -> dict[str, Promise]:
    """What a plan's file does to each host. Raises StalePlanError when it is none."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StalePlanError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise StalePlanError(f"{path} is no plan, for it is no JSON: {error}") from error
    if fault := next(_faults(data), None):
        raise StalePlanError(f"{path} is no plan of `komando plan --out`: {fault}")
    return {
        host["host"]: Promise(host["state"], host["before"], host["after"])
        for host in data["hosts"]
    }


def _faults(data: Any) -> Iterator[str]:
    """What keeps JSON from being a plan."""
    if not isinstance(data, dict):
        yield "it is no JSON object"
    elif "format" not in data:
        yield "it has no `format`"
    elif data["format"] != FORMAT:
        yield f"its `format` is {json.dumps(data['format'])}, and {FORMAT} is what can be read"
    elif not isinstance(data.get("hosts"), list):
        yield "it has no list `hosts`"
    else:
        for number, host in enumerate(data["hosts"], 1):
            yield from _host_faults(f"host {number} of `hosts`", host)


def _host_faults(name: str, host: Any) -> Iterator[str]:
    for key in ("host", "state", "before", "after"):
        if not isinstance(host, dict) or key not in host:
            yield f"{name} has no `{key}`"
        elif not isinstance(host[key], str) and (key, host[key]) != ("before", None):
            yield f"`{key}` of {name} is no text"


def hold_to(plan: Plan, promises: Mapping[str, Promise]) -> None:
    """Raise StalePlanError unless `plan` does on every host what was promised."""
    now = {host.host: Promise(host.state, host.before, host.after) for host in plan.hosts}
    for name in sorted(promises.keys() | now.keys()):
        was, is_now = promises.get(name), now.get(name)
        if was is None or is_now is None:
            raise StalePlanError(f"{name} is in one of the two alone: plan again")
        if was != is_now:
            what = _difference(was, is_now)
            raise StalePlanError(f"{name} {what} than when the plan was made: plan again")


def _difference(was: Promise, now: Promise) -> str:
    if was.before != now.before:
        return "runs another generation"
    if was.after != now.after:
        return "shall run another bundle"
    return f"is in another state ({now.state}, and not {was.state})"
