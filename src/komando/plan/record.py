"""The plan as JSON: for programs, and as the file that an apply can be held to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from komando.diagnostics import Location
from komando.plan.model import Plan, State
from komando.plan.narration import digest_words

FORMAT = 2


FINDING_KEYS = ("id", "host", "before", "after")
ACCEPTED = "acknowledged_by"
"""What an apply is held to of a finding: its words, and who accepted it."""


class StalePlanError(ValueError):
    """A plan's file that no longer says what an apply would do, or is none."""


def to_json(plan: Plan) -> str:
    """All of the plan; places are `file:line:column`."""
    said = {"format": FORMAT, "changes": plan.changes, "stops": bool(plan.stopping())}
    data = said | asdict(
        plan, dict_factory=lambda pairs: {key: _plain(value) for key, value in pairs}
    )
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Location) else value


@dataclass(frozen=True)
class Promise:
    """What a plan does to one host: from which digest to which, and of what kind it is.

    `findings` maps the risks that it was shown with, in words, to the acknowledgements that
    accepted them ("": none). Of what only a finding speaks, `state` and `after` are None.
    """

    state: State | None
    before: str | None
    after: str | None
    findings: Mapping[str, str] = field(default_factory=dict)


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
    hosts = {host["host"]: (host["state"], host["before"], host["after"]) for host in data["hosts"]}
    return _promises(hosts, data["findings"])


def _of(plan: Plan) -> dict[str, Promise]:
    """What a plan does now, as its file would say it."""
    hosts = {host.host: (host.state, host.before, host.after) for host in plan.hosts}
    keys = (*FINDING_KEYS, ACCEPTED)
    return _promises(hosts, [{key: getattr(one, key) for key in keys} for one in plan.findings])


def _promises(
    hosts: Mapping[str, tuple[State, str | None, str]], findings: Iterable[Mapping[str, Any]]
) -> dict[str, Promise]:
    by_host: dict[str, dict[str, str]] = {}
    for one in findings:
        words = f"{one['id']} ({one['before']} -> {one['after']})"
        by_host.setdefault(one["host"], {})[words] = one[ACCEPTED] or ""
    spoken_of: dict[str, tuple[State | None, str | None, str | None]]
    spoken_of = dict.fromkeys(by_host, (None, None, None)) | dict(hosts)
    return {
        name: Promise(state, before, after, by_host.get(name, {}))
        for name, (state, before, after) in spoken_of.items()
    }


def _faults(data: Any) -> Iterator[str]:
    """What keeps JSON from being a plan."""
    if not isinstance(data, dict):
        yield "it is no JSON object"
    elif "format" not in data:
        yield "it has no `format`"
    elif data["format"] != FORMAT:
        yield f"its `format` is {json.dumps(data['format'])}, and {FORMAT} is what can be read"
    else:
        yield from _list_faults(data, "hosts", ("host", "state", "before", "after"), "before")
        yield from _list_faults(data, "findings", (*FINDING_KEYS, ACCEPTED), ACCEPTED)


def _list_faults(
    data: Mapping[str, Any], part: str, keys: tuple[str, ...], empty: str
) -> Iterator[str]:
    """What keeps one list from holding texts under these keys, or nothing under `empty`."""
    if not isinstance(data.get(part), list):
        yield f"it has no list `{part}`"
        return
    for number, item in enumerate(data[part], 1):
        name = f"{part.removesuffix('s')} {number} of `{part}`"
        for key in keys:
            if not isinstance(item, dict) or key not in item:
                yield f"{name} has no `{key}`"
            elif not isinstance(item[key], str) and (key, item[key]) != (empty, None):
                yield f"`{key}` of {name} is no text"


def hold_to(plan: Plan, promises: Mapping[str, Promise]) -> None:
    """Raise StalePlanError, with all that moved, unless `plan` does what was promised."""
    now = _of(plan)
    moved = [
        f"{name}: {what}"
        for name in sorted(promises.keys() | now.keys())
        for what in _differences(promises.get(name), now.get(name))
    ]
    if moved:
        lines = "".join(f"\n  {line}" for line in moved)
        raise StalePlanError(
            f"this is not what was planned any more, and no host was changed:{lines}\n"
            "Plan again, and have that looked at."
        )


def _differences(was: Promise | None, now: Promise | None) -> Iterator[str]:
    """What moved on one host since the plan was made."""
    if was is None or now is None:
        yield "the plan does not name it" if was is None else "it is only in the plan that was made"
        return
    if was.before != now.before:
        yield f"it runs {digest_words(now.before)}, and ran {digest_words(was.before)}"
    if was.after != now.after:
        yield f"it shall run {digest_words(now.after)}, and not {digest_words(was.after)}"
    if was.state != now.state:
        yield f"it is in another state ({now.state}, and not {was.state})"
    for words in sorted(was.findings.keys() | now.findings.keys()):
        before, after = was.findings.get(words), now.findings.get(words)
        if before is None:
            yield f"the finding {words} is new"
        elif after is None:
            yield f"the finding {words} is gone"
        elif before != after:
            yield f"the finding {words} was {_by(before)}, and is {_by(after)}"


def _by(slug: str) -> str:
    return f"acknowledged by {slug}" if slug else "acknowledged by nobody"
