#!/usr/bin/python
"""Ansible module: the states of some systemd units, in one round trip."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: unit_states
short_description: The states of some systemd units, in one round trip
description:
  - C(ansible.builtin.systemd_service) takes one unit and half a second, and in check mode it fails
    on a machine that has the unit not yet. This one says there that it would change it.
  - A unit whose own condition does not hold, such as time synchronisation in a container, counts as
    running once it was asked to start.
options:
  enabled: {description: Units that start at boot., type: list, elements: str, default: []}
  running: {description: Units that run now., type: list, elements: str, default: []}
  disabled:
    description: Units that neither run nor start at boot. One that is not there is none of them.
    type: list
    elements: str
    default: []
  masked:
    description: Units that nothing can start. One that runs is not stopped.
    type: list
    elements: str
    default: []
  restart_after:
    description:
      - Files that a unit reads when it starts, by the unit. One that has run since before they were
        last changed is restarted. A handler would be forgotten with the run that failed before it.
    type: dict
    default: {}
  reload_after:
    description: The same for units that read them anew when they are reloaded.
    type: dict
    default: {}
"""

EXAMPLES = """
- unit_states:
    enabled: [ssh.service]
    running: [ssh.service]
    masked: [nftables.service]
    reload_after: {ssh.service: [/etc/ssh/sshd_config.d/10-komando.conf]}
"""

RETURN = """
commands:
  description: What was run, or would be.
  type: list
said:
  description: For a person, which of those that are to run had failed.
  type: str
"""

ASKED = (
    "LoadState,UnitFileState,ActiveState,NeedDaemonReload,ConditionResult,ConditionTimestamp,"
    "ActiveEnterTimestamp,StateChangeTimestamp"
)
RUNS = ("active", "activating", "reloading")
LISTS = ("enabled", "running", "disabled", "masked")
AFTER = ("restart_after", "reload_after")

State = dict[str, str]


def main() -> None:
    """Compare, and change what differs."""
    module = AnsibleModule(
        argument_spec={
            **{name: {"type": "list", "elements": "str", "default": []} for name in LISTS},
            **{name: {"type": "dict", "default": {}} for name in AFTER},
        },
        supports_check_mode=True,
    )
    states = _states(module)
    if not module.check_mode and any(_stale(state) for state in states.values()):
        _systemctl(module, "daemon-reload")
        states = _states(module)
    commands = _commands(module.params, states)
    if not module.check_mode:
        for command in commands:
            _systemctl(module, *command)
    words = [" ".join(command) for command in commands]
    failed = [one for one in module.params["running"] if states[one]["ActiveState"] == "failed"]
    said = f"had failed: {', '.join(failed)}" if failed else ""
    module.exit_json(changed=bool(commands), commands=words, said=said)


def _states(module: AnsibleModule) -> dict[str, State]:
    """What systemd says of each unit: one block of lines for each, in the order of the question."""
    units = sorted({unit for name in (*LISTS, *AFTER) for unit in module.params[name]})
    words = ("show", "--timestamp=us+utc", f"--property={ASKED}", "--", *units)
    blocks = _systemctl(module, *words).split("\n\n")
    found = (dict(line.split("=", 1) for line in block.splitlines()) for block in blocks)
    return dict(zip(units, found, strict=True))


def _stale(state: State) -> bool:
    return state["NeedDaemonReload"] == "yes" or state["LoadState"] == "not-found"


def _runs(state: State) -> bool:
    refused = state["ConditionResult"] == "no" and state["ConditionTimestamp"] not in {"", "n/a"}
    return state["ActiveState"] in RUNS or refused


def _commands(wanted: dict[str, Any], states: dict[str, State]) -> list[tuple[str, ...]]:
    def those(name: str, verb: str, differs: Callable[[State], bool]) -> list[tuple[str, ...]]:
        units = [unit for unit in wanted[name] if differs(states[unit])]
        return [(verb, *units)] if units else []

    def late(name: str, verb: str, since: str) -> list[tuple[str, ...]]:
        running = {one: state for one, state in states.items() if state["ActiveState"] in RUNS}
        units = [
            unit
            for unit, paths in wanted[name].items()
            if unit in running and _changed(paths) > _moment(running[unit][since])
        ]
        return [(verb, *units)] if units else []

    return [
        *those("masked", "mask", lambda state: state["LoadState"] != "masked"),
        *those("enabled", "enable", lambda state: state["UnitFileState"] != "enabled"),
        *those("disabled", "disable", lambda state: state["UnitFileState"] == "enabled"),
        *those("disabled", "stop", lambda state: state["ActiveState"] in RUNS),
        *those("running", "start", lambda state: not _runs(state)),
        *late("restart_after", "restart", "ActiveEnterTimestamp"),
        # a reload is no new start, but it changes the state and back
        *late("reload_after", "reload", "StateChangeTimestamp"),
    ]


def _changed(paths: list[str]) -> float:
    """When the latest of these files was changed, in seconds since 1970; 0 where none stands."""
    return max((Path(path).stat().st_ctime for path in paths if Path(path).exists()), default=0)


def _moment(text: str) -> float:
    """As systemd writes it, `Mon 2026-11-30 09:11:53.123456 UTC`, in seconds since 1970."""
    moment = datetime.strptime(text, "%a %Y-%m-%d %H:%M:%S.%f UTC").replace(tzinfo=UTC)
    return moment.timestamp()


def _systemctl(module: AnsibleModule, *words: str) -> str:
    code, out, err = module.run_command(["systemctl", *words])
    if code:
        module.fail_json(msg=f"systemctl {' '.join(words)}: {(err or out).strip()}")
    return str(out)


if __name__ == "__main__":
    main()
