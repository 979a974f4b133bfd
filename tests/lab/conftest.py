"""What the tests of the lab share: the command line, labs, and a look for what was left."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from komando.lab.city import City, load_city
from komando.lab.container import ADMINISTRATOR, access, ssh_command
from komando.lab.fleet.fleet import Fleet, load_fleet
from komando.lab.groups import groups_of
from komando.lab.life import raze_city
from komando.lab.place import Place
from komando.lab.prepare import preparation, prepare_machines
from tests.lab.desk import KOMANDO, REPOSITORY

LAB = [
    pytest.mark.lab,
    # routers outlive the process objects that started them
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
"""The marks of tests that start routers themselves."""


def komando(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a verb as a person would, from the repository's folder."""
    done = subprocess.run(
        [KOMANDO, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    if check:
        assert done.returncode == 0, done.stderr
    return done


def on_router(city: City, command: str, *, check: bool = True) -> str:
    """Run a command on the router as its administrator; returns its standard output."""
    return on_machine(city, city.router.name, command, check=check)


def on_machine(city: City, name: str, command: str, *, check: bool = True) -> str:
    """As `on_router`, on any machine of the city."""
    way = access(city.place, "root", ADMINISTRATOR)
    done = subprocess.run(
        [*ssh_command(way, city.machines[name]), command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if check:
        assert done.returncode == 0, f"{name}: {done.stderr}"
    return done.stdout


def traces(name: str) -> list[str]:
    """Everything on this machine that still bears a lab's name."""
    place = Place(name)
    found = place.namespaces()
    found += [str(one) for one in (place.folder, *groups_of(place)) if one.exists()]
    found += [
        line
        for line in Path("/proc/self/mountinfo").read_text().splitlines()
        if str(place.folder) in line or place.prefix in line
    ]
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace")
                groups = (entry / "cgroup").read_text()
            except OSError:
                continue  # it ended while we looked
            if not words:
                continue  # dead, and the machine's init has not looked yet
            named = place.prefix in words or f"{place.folder}/" in words
            if named or f":/{place.group}/" in groups:
                found.append(f"{entry.name} {words}")
    return found


def own_name(letter: str) -> str:
    """A lab's name that no other run of the tests has."""
    return f"{letter}{os.getpid()}"


@pytest.fixture
def spare() -> Iterator[str]:
    """The name of a lab that does not stand, and does not stand afterwards either."""
    name = own_name("s")
    yield name
    raze_city(Place(name))


@contextmanager
def own_fleet(letter: str, *order: str) -> Iterator[Fleet]:
    """A fleet by the words of an order, which goes at the end."""
    name = own_name(letter)
    try:
        komando("lab", "fleet", "--name", name, *order)
        yield load_fleet(name)
    finally:
        raze_city(Place(name))


@contextmanager
def own_city(letter: str, *order: str) -> Iterator[City]:
    """A city by the words of an order, prepared, with nothing applied, which goes at the end."""
    name = own_name(letter)
    try:
        komando("lab", "up", "--name", name, *order)
        yield load_city(name)
    finally:
        raze_city(Place(name))


@pytest.fixture(scope="session")
def fleet() -> Iterator[Fleet]:
    """Three routers without a city. Whoever takes power or cables from one gives them back."""
    with own_fleet("f", "--routers", "3") as made:
        yield made


@pytest.fixture(scope="session")
def city() -> Iterator[City]:
    """A city of three offices and the public points, prepared, with nothing applied."""
    with own_city("c", "--offices", "3") as made:
        yield made


@dataclass(frozen=True)
class Members:
    """A city in which every kind of machine came bare, and was made a member of the fleet.

    `prepared` is what `komando prepare` said of each.
    """

    city: City
    prepared: dict[str, Any]


@pytest.fixture(scope="session")
def members() -> Iterator[Members]:
    """The city of three offices with all of its machines, prepared by the verb, once for all."""
    with own_city("b", "--offices", "3", "--machines", "all", "--bare") as city:
        yield Members(city, prepare(city))


def prepare(city: City, *words: str) -> dict[str, Any]:
    """What `komando prepare` says of each machine; `status` is its exit status."""
    where = ("--inventory", "lab", "--lab", city.name)
    done = komando("prepare", *words, *where, "--format", "json", check=False)
    assert done.stdout, done.stderr
    said = {one["host"]: one for one in json.loads(done.stdout)}
    return {**said, "status": done.returncode}


CONTROLLER_1 = "controller-1"
HOME = "/home/controller"
FORGE = f"{HOME}/forge.git"
TRUSTED = "/etc/ssh/authorized_keys.d/deploy"

# twice what the city's own inventory gives everyone: another bundle than the other tests apply
INVENTORY = """\
all:
  vars:
    ansible_user: deploy
    management: [10.255.0.0/24]
    rate_divisor: 10
  children:
    router:
      hosts:
        core-1:
          ansible_host: 10.255.0.2
          interfaces: {uplink: wan0, metro: lan0, kecamatan: lan1, public: lan2}
          leaf: pfifo
"""


@dataclass(frozen=True)
class Controller:
    """The machine as its user has it."""

    members: Members

    def root(self, command: str, *, check: bool = True) -> str:
        """Run a command there as its administrator; returns its standard output."""
        return on_machine(self.members.city, CONTROLLER_1, command, check=check)

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Type a command as whoever has become the user, in the session that they get."""
        city = self.members.city
        way = access(city.place, "root", ADMINISTRATOR)
        return subprocess.run(
            [*ssh_command(way, city.machines[CONTROLLER_1]), "sudo -iu controller"],
            input=command,
            capture_output=True,
            text=True,
            check=False,
        )

    def write(self, path: str, text: str) -> None:
        """Write a file of the user's."""
        owner = "--owner=controller --group=controller"
        self.root(f"printf %s {shlex.quote(text)} | install -D {owner} /dev/stdin {path}")

    def query(self, question: str) -> list[dict[str, str]]:
        """The labels of what Prometheus there answers."""
        ask = f"promtool query instant http://127.0.0.1:9090 {shlex.quote(question)}"
        return [
            dict(re.findall(r'(\w+)="([^"]*)"', line)) | {"": line.partition("{")[0]}
            for line in self.root(ask).splitlines()
            if "{" in line
        ]


@pytest.fixture(scope="session")
def controller(members: Members) -> Iterator[Controller]:
    """One whose key the router trusts, by a reviewed line in deploy_keys and `komando prepare`."""
    one = Controller(members)
    city = members.city
    key = one.root(f"cat {HOME}/.ssh/deploy.pub").strip()
    before = on_machine(city, "core-1", f"cat {TRUSTED}")
    folder = REPOSITORY / "inventories/lab"
    order = preparation(city.place, folder, [city.router], REPOSITORY / "roles")
    keys: Any = order.settings["deploy_keys"]
    order = replace(order, settings={**order.settings, "deploy_keys": [*keys, key]})
    assert prepare_machines(order, lambda _, __: None) > 0
    known = (city.place.folder / "known_hosts").read_text()
    one.write(f"{HOME}/kota/hosts.yaml", INVENTORY)
    one.write(f"{HOME}/kota/known_hosts", known)
    # its ledger is its own, and begins behind no apply of the city's
    on_machine(city, "core-1", "rm -f /var/lib/komando/sequence")
    done = one.run(f"git init -q --bare {FORGE} && git remote add origin {FORGE}")
    assert done.returncode == 0, done.stderr
    yield one
    on_machine(city, "core-1", f"printf %s {shlex.quote(before)} >{TRUSTED}")
