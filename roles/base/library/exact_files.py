#!/usr/bin/python
"""Ansible module: these text files, links and modes, and nothing else, in one round trip."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: exact_files
short_description: These text files and links, as root's, in one round trip
description:
  - Writes the files that differ, whole or not at all, and makes the folders above them. A copy of
    each by C(ansible.builtin.copy) takes half a second and more.
  - In check mode it says what it would do, also where nothing of it stands yet.
  - After a change below C(/etc/systemd/system) systemd reads its units anew. Asked whether it has
    to, it does not know of a drop-in whose folder is new.
options:
  files:
    description: The content of each file, by its absolute path.
    type: dict
    default: {}
  modes:
    description: The mode of a file, as C("0440"), where it is not C("0644").
    type: dict
    default: {}
  validate:
    description: The command that has to accept a file before it is laid; C(%s) stands for it.
    type: dict
    default: {}
  links:
    description: The target of each symbolic link, by its absolute path. It may lead nowhere yet.
    type: dict
    default: {}
  folders:
    description:
      - Folders that hold none but these files. Folders inside, such as Python's C(__pycache__), are
        left alone.
    type: list
    elements: path
    default: []
  standing:
    description: The mode of files and folders that others laid, where they stand.
    type: dict
    default: {}
"""

EXAMPLES = """
- exact_files:
    files: {/etc/sudoers.d/komando: "deploy ALL=(root) NOPASSWD: /bin/true"}
    modes: {/etc/sudoers.d/komando: "0440"}
    validate: {/etc/sudoers.d/komando: /usr/sbin/visudo -cf %s}
"""

RETURN = """
written:
  description: Paths of the files, links and modes that differed.
  type: list
removed:
  description: Paths of the files that were removed.
  type: list
"""


def main() -> None:
    """Compare, and change what differs."""
    module = AnsibleModule(
        argument_spec={
            **{name: {"type": "dict", "default": {}} for name in DICTIONARIES},
            "folders": {"type": "list", "elements": "path", "default": []},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**_carry_out(module))
    except OSError as error:
        module.fail_json(msg=str(error))


UNITS = "/etc/systemd/system/"
DICTIONARIES = ("files", "modes", "validate", "links", "standing")


def _carry_out(module: AnsibleModule) -> dict[str, Any]:
    values = module.params
    files: dict[str, str] = values["files"]
    modes = {path: int(values["modes"].get(path, "0644"), 8) for path in files}
    links: dict[str, str] = values["links"]
    standing = {path: int(mode, 8) for path, mode in values["standing"].items()}
    written = [path for path, text in files.items() if not _holds(Path(path), text, modes[path])]
    led = [path for path, target in links.items() if not _leads(Path(path), target)]
    closed = [path for path, mode in standing.items() if _otherwise(Path(path), mode)]
    removed = sorted(left for folder in values["folders"] for left in _left(folder, files))
    diff = [_difference(path, files[path]) for path in written]
    if not module.check_mode:
        for path in written:
            check = values["validate"].get(path)
            _write(module, Path(path), files[path], modes[path], check)
        for path in led:
            _lead(Path(path), links[path])
        for path in closed:
            Path(path).chmod(standing[path])
        for path in removed:
            Path(path).unlink()
        if any(path.startswith(UNITS) for path in (*written, *removed)):
            module.run_command(["systemctl", "daemon-reload"], check_rc=True)
    changed = sorted({*written, *led, *closed})
    return {
        "changed": bool(changed or removed),
        "written": changed,
        "removed": removed,
        "diff": diff,
    }


def _holds(path: Path, text: str, mode: int) -> bool:
    try:
        stat = path.lstat()
        whose = (stat.st_mode, stat.st_uid, stat.st_gid) == (0o100000 | mode, 0, 0)
        return whose and path.read_bytes() == text.encode()
    except (FileNotFoundError, NotADirectoryError):
        return False


def _leads(path: Path, target: str) -> bool:
    return path.is_symlink() and str(path.readlink()) == target


def _otherwise(path: Path, mode: int) -> bool:
    return path.exists() and path.stat().st_mode & 0o7777 != mode


def _left(folder: str, files: dict[str, str]) -> list[str]:
    if not Path(folder).is_dir():
        return []
    standing = [one for one in Path(folder).iterdir() if one.is_symlink() or not one.is_dir()]
    return [str(one) for one in standing if str(one) not in files]


def _difference(path: str, text: str) -> dict[str, str]:
    before = Path(path).read_text(errors="replace") if Path(path).is_file() else ""
    return {"before_header": path, "after_header": path, "before": before, "after": text}


def _write(module: AnsibleModule, path: Path, text: str, mode: int, check: str | None) -> None:
    """Whole or not at all: somebody may read the file while we write."""
    _make_folder(path.parent)
    # a dot before it: no program takes a half-written file of its folder for a whole one
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    new = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        new.chmod(mode)
        if check:
            code, out, err = module.run_command(check.replace("%s", name))
            if code:
                words = (err or out).replace(name, str(path)).strip()
                module.fail_json(msg=f"{path} is left as it was: {words}")
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _lead(path: Path, target: str) -> None:
    _make_folder(path.parent)
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(path)


def _make_folder(folder: Path) -> None:
    """As readable as any, whatever the umask of whoever logged in."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir()
        folder.chmod(0o755)


if __name__ == "__main__":
    main()
