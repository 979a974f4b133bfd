"""How roles install packages of Python: real Ansible and pip, with this machine as the machine.

All that is laid stands in a folder of the test's own.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import komando.prepare
from komando.prepare import Machine, Story
from komando.wheelhouse import LOCK, SUMS, Wheelhouse
from tests.unit.test_wheelhouse import make_wheel

pytestmark = pytest.mark.root

REPOSITORY = Path(__file__).parents[2]
LIFE = "life-1.0-py3-none-any.whl"
NEWER = "life-1.1-py3-none-any.whl"
ASKS = "import platform as p; print('.'.join(p.python_version_tuple()[:2]), p.machine())"
PLAY = [
    {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "tasks": [{"ansible.builtin.include_role": {"name": "base", "tasks_from": "wheels"}}],
    }
]


@dataclass(frozen=True)
class Home:
    """A folder in which an environment is made, and the wheelhouse that it comes from."""

    folder: Path
    house: Wheelhouse

    def install(self) -> Machine:
        """Run the tasks once."""
        work = self.folder.parent
        (work / "play.json").write_text(json.dumps(PLAY))
        values = {
            "base_wheels_name": "portal",
            "base_wheels_lock": str(self.house.lock),
            "base_wheels_folder": str(self.house.folder.parents[1]),
            "base_wheels_home": str(self.folder),
        }
        (work / "events").unlink(missing_ok=True)
        done = subprocess.run(
            [
                Path(sys.executable).with_name("ansible-playbook"),
                *("-i", "localhost,", "-e", json.dumps(values), work / "play.json"),
            ],
            env={
                **{
                    name: text
                    for name, text in os.environ.items()
                    if name[:4] not in ("ANSI", "PIP_")
                },
                "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
                "ANSIBLE_ROLES_PATH": str(REPOSITORY / "roles"),
                "ANSIBLE_HOME": str(work / "ansible"),
                "ANSIBLE_CALLBACK_PLUGINS": str(komando.prepare._CALLBACK),
                "ANSIBLE_CALLBACKS_ENABLED": "komando_events",
                "KOMANDO_EVENTS": str(work / "events"),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        story = Story(["localhost"])
        for line in (work / "events").read_text().splitlines():
            story.hear(line)
        machine = story.machines["localhost"]
        assert machine.done, done.stdout + done.stderr
        return machine

    def pin(self, name: str, says: str) -> None:
        """Let the lock name this wheel, and the wheelhouse have it."""
        for old in self.house.folder.iterdir():
            old.unlink()
        digest = make_wheel(self.house.folder, name, says=f"WORD = {says!r}")
        package, version = name.split("-")[:2]
        self.house.lock.write_text(f"{package}=={version} \\\n    --hash=sha256:{digest}\n")
        (self.house.folder / LOCK).write_bytes(self.house.lock.read_bytes())
        self.list()

    def list(self) -> None:
        """Make the wheelhouse's list anew."""
        sums = {
            one.name: hashlib.sha256(one.read_bytes()).hexdigest()
            for one in self.house.folder.iterdir()
            if one.name != SUMS
        }
        lines = [f"{sums[name]}  {name}\n" for name in sorted(sums)]
        (self.house.folder / SUMS).write_text("".join(lines))

    @property
    def says(self) -> str:
        """What the package in the environment has to say."""
        return subprocess.run(
            [self.folder / "environment/bin/python", "-c", "import life; print(life.WORD)"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
        ).stdout.strip()  # fmt: skip

    def all_of(self, folder: str) -> set[str]:
        """What lies in a folder of it."""
        return {one.name for one in (self.folder / folder).iterdir()}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """One that is empty, and a wheelhouse of one wheel."""
    python, machine = subprocess.run(
        ["python3", "-c", ASKS],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    (tmp_path / "home").mkdir()
    lock = tmp_path / LOCK
    folder = tmp_path / f"wheels/portal/{python}-{machine}"
    folder.mkdir(parents=True)
    made = Home(tmp_path / "home", Wheelhouse(lock, folder, python, machine))
    made.pin(LIFE, "first")
    return made


@pytest.mark.nightly
def test_what_the_lock_names_is_installed_and_replaced_whole(home: Home) -> None:
    """That a second run changes nothing, and what --check tells: tests/lab/test_prepare.py."""
    assert not home.install().trouble
    assert home.says == "first"
    assert home.all_of("wheels") == {LIFE, LOCK}

    # whoever changes a wheel changes the wheelhouse's list with it, but not the reviewed lock
    first = (home.folder / "environment").readlink()
    home.pin(NEWER, "second")
    make_wheel(home.house.folder, NEWER, says="WORD = 'stolen'")
    home.list()
    assert "DO NOT MATCH THE HASHES" in (home.install().trouble or "")
    assert home.says == "first"

    # a run that was cut off left a folder, to which no link leads; and a wheel is not the lock's
    wanted = next(name for name in home.all_of("environments") if name != first.name)
    (home.folder / "environments" / wanted / "bin/pip").unlink()
    home.pin(NEWER, "second")
    assert (home.folder / "wheels" / NEWER).read_bytes() != (home.house.folder / NEWER).read_bytes()
    assert not home.install().trouble
    assert home.says == "second"
    assert (home.folder / "environment/bin/pip").exists()
    assert home.all_of("wheels") == {NEWER, LOCK}
    # a program that runs in the first still finds its modules
    assert home.all_of("environments") == {first.name, wanted}


def test_a_wheelhouse_of_another_lock_is_refused(home: Home) -> None:
    home.house.lock.write_text("# reviewed meanwhile\n" + home.house.lock.read_text())
    trouble = home.install().trouble
    assert trouble is not None
    assert f"run `komando wheelhouse portal --python {home.house.python}` first" in trouble
    assert home.all_of("") == set()
