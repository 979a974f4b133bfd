#!/usr/bin/python
"""Ansible module: the states of some systemd units, in one round trip."""

from __future__ import annotations

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
  restarted:
    description: Units to restart. A change each time, for handlers.
    type: list
    elements: str
    default: []
  reloaded:
    description: Units to reload. A change each time, for handlers.
    type: list
    elements: str
    default: []
"""

EXAMPLES = """
- unit_states:
    enabled: [ssh.service]
    running: [ssh.service]
    masked: [nftables.service]
"""

RETURN = """
commands:
  description: What was run, or would be.
  type: list
"""

ASKED = "LoadState,UnitFileState,ActiveState,NeedDaemonReload,ConditionResult,ConditionTimestamp"
RUNS = ("active", "activating", "reloading")
WANTED = ("enabled", "running", "disabled", "masked", "restarted", "reloaded")


def main() -> None:
    """Compare, and change what differs."""
    module = AnsibleModule(
        argument_spec={name: {"type": "list", "elements": "str", "default": []} for name in WANTED},
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
    said = [" ".join(command) for command in commands]
    module.exit_json(changed=bool(commands), commands=said)


def _states(module: AnsibleModule) -> dict[str, dict[str, str]]:
    """What systemd says of each unit: one block of lines for each, in the order of the question."""
    units = sorted({unit for name in WANTED for unit in module.params[name]})
    blocks = _systemctl(module, "show", f"--property={ASKED}", "--", *units).split("\n\n")
    found = (dict(line.split("=", 1) for line in block.splitlines()) for block in blocks)
    return dict(zip(units, found, strict=True))


def _stale(state: dict[str, str]) -> bool:
    return state["NeedDaemonReload"] == "yes" or state["LoadState"] == "not-found"


def _runs(state: dict[str, str]) -> bool:
    refused = state["ConditionResult"] == "no" and state["ConditionTimestamp"] not in {"", "n/a"}
    return state["ActiveState"] in RUNS or refused


def _commands(
    wanted: dict[str, list[str]], states: dict[str, dict[str, str]]
) -> list[tuple[str, ...]]:
    def those(name: str, verb: str, *, differ: Any) -> list[tuple[str, ...]]:
        units = [unit for unit in wanted[name] if differ(states[unit])]
        return [(verb, *units)] if units else []

    return [
        *those("masked", "mask", differ=lambda state: state["LoadState"] != "masked"),
        *those("enabled", "enable", differ=lambda state: state["UnitFileState"] != "enabled"),
        *those("disabled", "disable", differ=lambda state: state["UnitFileState"] == "enabled"),
        *those("disabled", "stop", differ=lambda state: state["ActiveState"] in RUNS),
        *those("running", "start", differ=lambda state: not _runs(state)),
        *those("restarted", "restart", differ=bool),
        *those("reloaded", "reload-or-restart", differ=bool),
    ]


def _systemctl(module: AnsibleModule, *words: str) -> str:
    code, out, err = module.run_command(["systemctl", *words])
    if code:
        module.fail_json(msg=f"systemctl {' '.join(words)}: {(err or out).strip()}")
    return str(out)


if __name__ == "__main__":
    main()
