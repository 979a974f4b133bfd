#!/usr/bin/python
"""Ansible module: a folder that holds exactly these text files, in one round trip."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: exact_folder
short_description: A folder that holds exactly these text files
description:
  - Writes the files that differ and removes the files that are not named. Folders inside, such as
    Python's C(__pycache__), are left alone.
  - C(ansible.builtin.copy) takes a second or two for each file and never removes one.
options:
  path:
    description: The folder; it is made if it does not stand.
    type: path
    required: true
  files:
    description: The content of each file, by its name.
    type: dict
    required: true
"""

EXAMPLES = """
- exact_folder:
    path: /usr/local/lib/komando/komando_host
    files: {__init__.py: ""}
"""

RETURN = """
written:
  description: Names of the files that were written.
  type: list
removed:
  description: Names of the files that were removed.
  type: list
"""


def main() -> None:
    """Compare, and change what differs."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "files": {"type": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    folder = Path(module.params["path"])
    files: dict[str, str] = module.params["files"]
    standing = {one.name for one in folder.iterdir() if not one.is_dir()} if folder.is_dir() else ()
    written = sorted(name for name, text in files.items() if not _holds(folder / name, text))
    removed = sorted(set(standing) - set(files))
    made = not folder.is_dir()
    if not module.check_mode:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        for name in written:
            _write(folder / name, files[name])
        for name in removed:
            (folder / name).unlink()
    module.exit_json(changed=bool(made or written or removed), written=written, removed=removed)


def _holds(path: Path, text: str) -> bool:
    try:
        stat = path.lstat()
        return stat.st_mode == 0o100644 and stat.st_uid == 0 and path.read_bytes() == text.encode()
    except FileNotFoundError:
        return False


def _write(path: Path, text: str) -> None:
    """Whole or not at all: the timer may start the program while we write."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    new = Path(name)
    new.chmod(0o644)
    new.replace(path)


if __name__ == "__main__":
    main()
