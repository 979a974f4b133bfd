"""Prepare the lab's router by the roles that prepare a real one: real Ansible, over real ssh."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from komando.inventory import FILE
from komando.lab.place import LabError, Place, Told
from komando.lab.router import ADMINISTRATOR, CONTROLLER, access
from komando.openssh import options

STEP = "preparing the router"
_TASK = re.compile(r"^(?:TASK|RUNNING HANDLER) \[(?:\w+ : )?(.+?)\] \**$")
_RECAP = re.compile(r"^\S+\s+: ok=\d+\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)")


def digest_of_roles(inventory: Path | None, roles: Path) -> str:
    """The digest of everything that decides what a prepared machine is like.

    Without an inventory: of all but that.
    """
    repository = roles.resolve().parent
    files = [
        repository / "ansible.cfg",
        *(inventory.rglob("*") if inventory else ()),
        *roles.rglob("*"),
        *(repository / "src/komando/host").glob("*.py"),
    ]
    digest = hashlib.sha256()
    for file in sorted(file for file in files if file.is_file() and file.suffix != ".pyc"):
        digest.update(f"{file.name}\n{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def prepare_router(place: Place, inventory: Path, roles: Path, told: Told) -> int:
    """Run roles/site.yml from the controller's namespace; returns how many tasks changed something.

    Ansible stays a process of its own. Raises LabError with its last words when it fails.
    """
    command = [
        *place.enter("ctl"),
        *(_ansible(), "-i", str(inventory / FILE), str(roles / "site.yml")),
        *("--extra-vars", json.dumps(_settings(place))),
    ]
    told(STEP, "")
    lines: list[str] = []
    with subprocess.Popen(
        command,
        env=_environment(place, roles),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            for line in process.stdout or ():
                lines.append(line)
                if match := _TASK.match(line):
                    told(STEP, match[1])
        except BaseException:
            process.kill()
            raise
    code = process.returncode
    (place.folder / "ansible.log").write_text("".join(lines))
    changed = _changed(lines)
    if code or changed is None:
        raise LabError(f"Ansible ended with {code}:\n{''.join(lines[-30:]).strip()}")
    return changed


def _ansible() -> str:
    beside = Path(sys.executable).with_name("ansible-playbook")
    found = str(beside) if beside.exists() else shutil.which("ansible-playbook")
    if not found:
        raise LabError("ansible-playbook is missing: run scripts/setup")
    return found


def _settings(place: Place) -> dict[str, object]:
    return {
        "administrator": "root",
        "base_deploy_keys": [(place.folder / f"{CONTROLLER}.pub").read_text().strip()],
        "base_refresh_package_lists": False,
    }


def _environment(place: Place, roles: Path) -> dict[str, str]:
    """Ansible sees the repository's settings, the lab's keys, and nothing of the user's own."""
    way = access(place, "root", ADMINISTRATOR)
    persist = ["-o", "ControlMaster=auto", "-o", "ControlPersist=30s"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return kept | {
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_CONFIG": str(roles.resolve().parent / "ansible.cfg"),
        "ANSIBLE_HOME": str(place.folder / "ansible"),
        "ANSIBLE_SSH_ARGS": shlex.join([*options(way), *persist]),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(place.folder / "ansible"),
        "ANSIBLE_FORCE_COLOR": "0",
        "PYTHONUNBUFFERED": "1",
    }


def _changed(lines: list[str]) -> int | None:
    """Tasks that changed something, by the recap; None without one or with a failed host."""
    recaps = [match for line in lines if (match := _RECAP.match(line))]
    if not recaps or any(int(match[2]) or int(match[3]) for match in recaps):
        return None
    return sum(int(match[1]) for match in recaps)
