#!/usr/bin/python
"""Ansible module: the kernel's settings as they are in force, in one round trip."""

from __future__ import annotations

import os
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: kernel_settings
short_description: The kernel's settings as they are in force
description:
  - Sets those that are otherwise. A file in C(/etc/sysctl.d) sets them at the next boot; this one
    looks at the kernel itself.
  - What this machine cannot set is left alone and told, but in a container, which has the settings
    of its machine's kernel beside its own network's.
options:
  settings:
    description: The value of each key, as in C(sysctl.conf).
    type: dict
    required: true
"""

EXAMPLES = """
- kernel_settings:
    settings: {kernel.sysrq: 0}
"""

RETURN = """
set:
  description: Keys that were otherwise.
  type: list
foreign:
  description: Keys that this machine does not have or cannot set.
  type: list
said:
  description: So much in words, for a person, where it is no container.
  type: str
"""

SETTINGS = Path("/proc/sys")
CONTAINER = Path("/run/systemd/container")
"""Stands where systemd runs in a container (systemd's Container Interface)."""


def main() -> None:
    """Compare, and set what differs."""
    module = AnsibleModule(
        argument_spec={"settings": {"type": "dict", "required": True}},
        supports_check_mode=True,
    )
    wanted = {key: str(value) for key, value in module.params["settings"].items()}
    foreign = [key for key in wanted if not os.access(_path(key), os.W_OK)]
    otherwise = {key: _path(key).read_text().strip() for key in wanted if key not in foreign}
    otherwise = {key: value for key, value in otherwise.items() if value != wanted[key]}
    if not module.check_mode:
        for key in otherwise:
            try:
                _path(key).write_text(f"{wanted[key]}\n")
            except OSError as error:
                module.fail_json(msg=f"{key} = {wanted[key]}: {error}")
    diff = {
        "before": "".join(f"{key} = {value}\n" for key, value in otherwise.items()),
        "after": "".join(f"{key} = {wanted[key]}\n" for key in otherwise),
    }
    said = ""
    if foreign and not CONTAINER.exists():
        said = f"this kernel has no such setting, or does not let it be set: {', '.join(foreign)}"
    module.exit_json(
        changed=bool(otherwise), set=list(otherwise), foreign=foreign, said=said, diff=diff
    )


def _path(key: str) -> Path:
    return SETTINGS / key.replace(".", "/")


if __name__ == "__main__":
    main()
