"""The runner's bell, on a prepared controller: real units and sandboxes, a stand-in for the runner.

No forge's runner is at hand: what plays it is a script that rings, in the runner's own unit.
"""

from __future__ import annotations

import hashlib
import io
import re
import shlex
import tarfile
from collections.abc import Iterator
from dataclasses import replace

import pytest

from komando.lab.prepare import preparation, prepare_machines
from tests.lab.conftest import CONTROLLER_1, FORGE, HOME, Controller
from tests.lab.desk import REPOSITORY

pytestmark = [pytest.mark.lab, pytest.mark.nightly]

RUNNER = "/var/lib/komando-runner"
RUNS = """\
#!/bin/sh
GITHUB_TOKEN=ghs_0123456789abcdef /usr/local/bin/komando-ring $(cat verb) >said 2>&1
echo $? >status
exec sleep infinity
"""
"""What plays the forge's runner, at a job that rings."""

VERB = 'VERBS["ci"] = ("komando.cli.ci:ci", "A stand-in.")'
CI = f"""\
import os, subprocess, sys, time
from pathlib import Path
import click

@click.command()
@click.argument("verb")
def ci(verb):
    click.echo(f"{{os.environ['GITHUB_REPOSITORY']}} at {{os.environ['GITHUB_API_URL']}}")
    assert os.environ["KOMANDO_FORGE_TOKEN"] == "ghs_0123456789abcdef"
    if verb == "apply":
        sys.exit(subprocess.run([sys.argv[0], "apply", "--inventory", "{HOME}/kota"]).returncode)
    Path(".git/begun").touch()
    while not Path(".git/left").exists():
        time.sleep(0.1)
    for number in range(100):
        click.echo(f"looked {{number}} times")
    Path(".git/ended").touch()
"""
"""What plays `komando ci`, in the main of this controller's forge."""


@pytest.fixture(scope="module")
def bell(controller: Controller, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controller]:
    """It has a runner, and main a `komando ci` that applies to the city."""
    archive = tmp_path_factory.mktemp("runner") / "runner.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        entry = tarfile.TarInfo("run.sh")
        entry.size, entry.mode = len(RUNS), 0o755
        packed.addfile(entry, io.BytesIO(RUNS.encode()))
    _prepare(
        controller,
        controller_runner=True,
        controller_runner_archive=str(archive),
        controller_runner_sha256=hashlib.sha256(archive.read_bytes()).hexdigest(),
        controller_forge_repository="diskominfo/komando",
        controller_forge_api="http://127.0.0.1:9",
    )
    for verb in ("apply", "drift"):  # its forge is a folder, and would be another machine
        into = f"/etc/systemd/system/komando-ci-{verb}@.service.d/forge.conf"
        opened = f"[Service]\nReadWritePaths={FORGE}\n"
        controller.root(f"printf %s {shlex.quote(opened)} | install -D /dev/stdin {into}")
    controller.root(f"systemctl daemon-reload; touch {RUNNER}/.runner")
    merged = controller.run(
        f"git clone -q {FORGE} {HOME}/merge && cd {HOME}/merge || exit;"
        "git pull -q /srv/komando/repository HEAD;"
        "sed -i 's/^guarantee: 20 /guarantee: 21 /' policies/opd/dinas-kesehatan.yaml;"
        f"printf %s {shlex.quote(CI)} >src/komando/cli/ci.py;"
        f"echo {shlex.quote(VERB)} >>src/komando/cli/__init__.py;"
        "git add -A && git commit -qm 'merge: a stand-in' && git push -q --force origin HEAD:main"
    )
    assert merged.returncode == 0, merged.stderr
    yield controller
    _prepare(controller)


def _prepare(controller: Controller, **settings: object) -> None:
    city = controller.members.city
    folder = REPOSITORY / "inventories/lab"
    order = preparation(city.place, folder, [city.machines[CONTROLLER_1]], REPOSITORY / "roles")
    prepare_machines(replace(order, settings={**order.settings, **settings}), lambda _, __: None)


def _begin(bell: Controller, verb: str) -> None:
    """Let the runner take a job."""
    bell.root(
        f"cd {RUNNER} && rm -f said status && echo {verb} >verb && systemctl restart komando-runner"
    )


def _until(bell: Controller, holds: str) -> None:
    bell.root(f"timeout 120 sh -c 'until {holds}; do sleep 0.2; done'")


def test_a_job_rings_and_the_controller_applies_what_main_says(bell: Controller) -> None:
    """In the sandboxes of both units, over real ssh, with checks and ledger."""
    _begin(bell, "apply")
    _until(bell, f"test -s {RUNNER}/status")
    said = bell.root(f"cat {RUNNER}/said")
    assert "diskominfo/komando at http://127.0.0.1:9\n" in said
    assert re.search(r"(?m)^core-1: \d+ checks hold$", said), said
    assert bell.root(f"cat {RUNNER}/status") == "0\n", said
    journal = bell.root("journalctl --output=cat -t komando-ci")
    assert "diskominfo/komando at http://127.0.0.1:9\n" in journal
    assert "ghs_0123456789abcdef" not in said + journal


def test_a_job_that_is_cancelled_leaves_the_run_to_its_end(bell: Controller) -> None:
    clone = "/srv/komando/repository/.git"
    _begin(bell, "drift")
    _until(bell, f"test -e {clone}/begun")
    bell.root(f"systemctl stop komando-runner; touch {clone}/left")
    _until(bell, f"test -e {clone}/ended")
    _until(bell, "! systemctl --quiet is-active 'komando-ci-drift@*'")
    journal = bell.root("journalctl --output=cat -t komando-ci")
    assert "komando-ci: nobody listens any more; this goes on to its end" in journal
    assert "looked 99 times" in journal


def test_whoever_is_not_the_runner_does_not_ring(bell: Controller) -> None:
    rung = "GITHUB_TOKEN=ghs_0123456789 runuser -u nobody -- komando-ring apply 2>&1"
    assert "does not answer: Permission denied" in bell.root(rung, check=False)


@pytest.mark.parametrize(
    "wish",
    [
        f"cat {HOME}/.ssh/deploy",
        f"ls {HOME}",
        "touch /srv/komando/repository/README.md",
        "sudo -n true",
        "tr '\\0' '\\n' </proc/1/environ",
    ],
)
def test_the_runner_has_no_other_right(bell: Controller, wish: str) -> None:
    as_runner = f"cd /; runuser -u runner -- sh -c {shlex.quote(wish)} && echo it may"
    assert "it may" not in bell.root(as_runner, check=False)


def test_without_a_runner_no_bell_hangs(bell: Controller) -> None:
    _prepare(bell)
    states = "systemctl is-enabled komando-ci-apply.socket komando-ci-drift.socket komando-runner"
    assert bell.root(states, check=False).split() == ["disabled"] * 3
    assert bell.root("ls /run/komando-ci", check=False) == ""
