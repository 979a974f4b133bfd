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
from pathlib import Path

import pytest

from komando.lab.place import LabError
from komando.lab.prepare import preparation, prepare_machines
from tests.lab.conftest import CONTROLLER_1, FORGE, HOME, Controller
from tests.lab.desk import REPOSITORY

pytestmark = [pytest.mark.lab, pytest.mark.nightly]

RUNNER = "/var/lib/komando-runner"
CLONE = "/srv/komando/repository"
JUDGED = "/srv/komando/judged"
REFERENCE = "refs/komando/judged/kota"
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
@click.option("--inventory")
def ci(verb, inventory):
    click.echo(f"the code of {{__file__}}, by SAYS")
    click.echo(f"{{os.environ['GITHUB_REPOSITORY']}} at {{os.environ['GITHUB_API_URL']}}")
    assert os.environ["KOMANDO_FORGE_TOKEN"] == "ghs_0123456789abcdef"
    if verb == "apply":
        sys.exit(subprocess.run([sys.argv[0], "apply", "--inventory", inventory]).returncode)
    Path("{CLONE}/.git/begun").touch()
    while not Path("{CLONE}/.git/left").exists():
        time.sleep(0.1)
    for number in range(100):
        click.echo(f"looked {{number}} times")
    Path("{CLONE}/.git/ended").touch()
"""
"""What plays `komando ci`, in the main of this controller's forge; SAYS is who wrote it."""


@pytest.fixture(scope="module")
def bell(controller: Controller, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controller]:
    """It has a runner, and main a `komando ci` that applies to the city; nothing was judged yet."""
    _prepare_runner(controller, tmp_path_factory.mktemp("runner") / "runner.tar.gz", {})
    for verb in ("apply", "drift"):  # its forge is a folder, and would be another machine
        into = f"/etc/systemd/system/komando-ci-{verb}@.service.d/forge.conf"
        opened = f"[Service]\nReadWritePaths={FORGE}\n"
        controller.root(f"printf %s {shlex.quote(opened)} | install -D /dev/stdin {into}")
    controller.root(f"systemctl daemon-reload; touch {RUNNER}/.runner")
    controller.run(f"git update-ref -d {REFERENCE}; git clone -q {FORGE} {HOME}/merge")
    _merge(
        controller,
        "people",
        "sed -i 's/^guarantee: 20 /guarantee: 21 /' policies/opd/dinas-kesehatan.yaml;"
        f"echo {shlex.quote(VERB)} >>src/komando/cli/__init__.py",
    )
    yield controller
    _prepare(controller)


def _merge(controller: Controller, who: str, changes: str = "true") -> None:
    """Merge a stand-in by somebody into main, and take the clone there, as a person does."""
    merged = controller.run(
        f"cd {HOME}/merge || exit; git pull -q {CLONE} HEAD;"
        f"{changes}; printf %s {shlex.quote(CI.replace('SAYS', who))} >src/komando/cli/ci.py;"
        f"git add -A && git commit -qm 'merge: a stand-in' && git push -q --force origin HEAD:main;"
        f"git -C {FORGE} symbolic-ref HEAD refs/heads/main; komando-pull"
    )
    assert " -> " in merged.stdout, merged.stderr


def _prepare_runner(controller: Controller, archive: Path, more: dict[str, str]) -> None:
    with tarfile.open(archive, "w:gz") as packed:
        for name, text in {"run.sh": RUNS, **more}.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text), 0o755
            packed.addfile(entry, io.BytesIO(text.encode()))
    _prepare(
        controller,
        controller_runner=True,
        controller_runner_archive=str(archive),
        controller_runner_sha256=hashlib.sha256(archive.read_bytes()).hexdigest(),
        controller_forge_repository="diskominfo/komando",
        controller_forge_api="http://127.0.0.1:9",
        controller_inventory=f"{HOME}/kota",
    )


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


def _ring(bell: Controller, verb: str) -> tuple[str, int]:
    """Let a job ring; returns what it was told, and the exit status."""
    _begin(bell, verb)
    _until(bell, f"test -s {RUNNER}/status")
    return bell.root(f"cat {RUNNER}/said"), int(bell.root(f"cat {RUNNER}/status"))


def _stands_at(bell: Controller, folder: str) -> str:
    return bell.run(f"git -C {folder} rev-parse HEAD").stdout


def test_before_a_person_has_applied_it_says_so(bell: Controller) -> None:
    said, status = _ring(bell, "apply")
    assert status == 1
    assert "komando-ci: nothing was applied to kota from this clone yet" in said
    assert bell.root(f"ls -A {JUDGED}") == ""


def test_a_job_rings_and_the_controller_applies_what_was_judged(bell: Controller) -> None:
    """In the sandboxes of both units, over real ssh, with checks and ledger."""
    bell.run(f"git update-ref {REFERENCE} HEAD")  # as an apply by hand leaves it
    said, status = _ring(bell, "apply")
    assert f"komando-ci: the judged tree is made, at {_stands_at(bell, CLONE)[:12]}\n" in said
    assert f"the code of {JUDGED}/src/komando/cli/ci.py, by people\n" in said
    assert "diskominfo/komando at http://127.0.0.1:9\n" in said
    assert re.search(r"(?m)^core-1: \d+ checks hold$", said), said
    assert status == 0, said
    journal = bell.root("journalctl --output=cat -t komando-ci")
    assert "diskominfo/komando at http://127.0.0.1:9\n" in journal
    assert "ghs_0123456789abcdef" not in said + journal


def test_what_main_says_since_then_is_not_its_own_judge(bell: Controller) -> None:
    """Neither a ring nor a person's komando-pull takes the judged tree to what nobody reviewed."""
    before = _stands_at(bell, JUDGED)
    _merge(bell, "nobody else", "echo '# unseen' >>policies/opd/dinas-kesehatan.yaml")
    assert _stands_at(bell, CLONE) != before
    said, status = _ring(bell, "apply")
    assert f"the code of {JUDGED}/src/komando/cli/ci.py, by people\n" in said
    assert "nobody else" not in said
    assert status == 0, said
    assert _stands_at(bell, JUDGED) == before
    assert bell.run(f"git -C {JUDGED} status --porcelain; git symbolic-ref HEAD").stdout == (
        "refs/heads/main\n"
    )
    by_hand = bell.run("komando ci none")
    assert f"the code of {CLONE}/src/komando/cli/ci.py, by nobody else\n" in by_hand.stdout


def test_a_judged_tree_that_was_cut_off_is_made_anew(bell: Controller) -> None:
    before = _stands_at(bell, JUDGED)
    bell.run(f"rm -r {JUDGED}/src; echo initializing >.git/worktrees/judged/locked")
    said, status = _ring(bell, "apply")
    assert status == 0, said
    assert "komando-ci: the judged tree is made, at " in said
    assert _stands_at(bell, JUDGED) == bell.run(f"git rev-parse {REFERENCE}").stdout == before


def test_a_job_that_is_cancelled_leaves_the_run_to_its_end(bell: Controller) -> None:
    clone = f"{CLONE}/.git"
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
        f"touch {CLONE}/README.md",
        f"touch {JUDGED}/README.md",
        "sudo -n true",
        "tr '\\0' '\\n' </proc/1/environ",
    ],
)
def test_the_runner_has_no_other_right(bell: Controller, wish: str) -> None:
    as_runner = f"cd /; runuser -u runner -- sh -c {shlex.quote(wish)} && echo it may"
    assert "it may" not in bell.root(as_runner, check=False)


def test_what_the_runner_left_in_its_folder_leads_root_nowhere(
    bell: Controller, tmp_path: Path
) -> None:
    """A newer runner is unpacked where a hostile one was at home; root's tar would follow."""
    bell.root(f"mkdir /srv/there; cd {RUNNER}; runuser -u runner -- ln -s /srv/there bin")
    newer = {"bin/listener": "#!/bin/sh\n"}
    with pytest.raises(LabError, match="bin/listener: Cannot open: Permission denied"):
        _prepare_runner(bell, tmp_path / "newer.tar.gz", newer)
    assert bell.root("ls -A /srv/there") == ""
    bell.root(f"rm {RUNNER}/bin")
    _prepare_runner(bell, tmp_path / "newer.tar.gz", newer)
    shown = bell.root(f"stat -c '%F %U' {RUNNER}/bin {RUNNER}/bin/listener {RUNNER}/run.sh")
    assert shown == "directory runner\nregular file runner\nregular file runner\n"
    assert bell.root("ls /var/cache/komando-runner.tar.gz", check=False) == ""


def test_without_a_runner_no_bell_hangs(bell: Controller) -> None:
    _prepare(bell)
    states = "systemctl is-enabled komando-ci-apply.socket komando-ci-drift.socket komando-runner"
    assert bell.root(states, check=False).split() == ["disabled"] * 3
    assert bell.root("ls /run/komando-ci", check=False) == ""
